// Whether everything that repeats the version says the same as package.json.

/** Where the version stands besides package.json, each file's text. */
export type VersionTexts = { readonly buildInfo: string; readonly dockerfile: string };

/** What is wrong with the places that repeat the version. */
export function versionProblems(version: string, { buildInfo, dockerfile }: VersionTexts): readonly string[] {
  const found = {
    'dist/build-info.json': (JSON.parse(buildInfo) as { readonly version?: string }).version,
    'Dockerfile, ARG VERSION': /^ARG VERSION=(\S+)$/m.exec(dockerfile)?.[1],
  };
  return Object.entries(found)
    .filter(([, each]) => each !== version)
    .map(([place, each]) => `${place}: expected ${version}, found ${each ?? 'none'}`);
}
