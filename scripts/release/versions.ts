// Checks that all files have the version of package.json.

/** The texts of the files that contain the version. */
export type VersionTexts = { readonly buildInfo: string; readonly dockerfile: string };

/** The mistakes in these files. */
export function versionProblems(version: string, { buildInfo, dockerfile }: VersionTexts): readonly string[] {
  const found = {
    'dist/build-info.json': (JSON.parse(buildInfo) as { readonly version?: string }).version,
    'Dockerfile, ARG VERSION': /^ARG VERSION=(\S+)$/m.exec(dockerfile)?.[1],
  };
  return Object.entries(found)
    .filter(([, each]) => each !== version)
    .map(([place, each]) => `${place}: expected ${version}, found ${each ?? 'none'}`);
}
