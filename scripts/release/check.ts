// `npm run release:check`: checks that the project can be released. Prints all mistakes and exits with status 1 if there are any. Writes the bill of
// materials. With --unreleased, the section of the changelog may be missing, and there may be uncommitted changes.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { changelogProblems } from './changelog.ts';
import { dependencyProblems } from './dependencies.ts';
import { trackedFiles, uncommittedChanges, untrackedProblems } from './git.ts';
import { LICENCES_FILE, licenceProblems } from './licences.ts';
import { type Lockfile, lockfileProblems, type PackageJson, productionPackages } from './lockfile.ts';
import { npm, ROOT } from './npm.ts';
import { contentProblems } from './package-contents.ts';
import { createSbom, SBOM_FILE, sbomProblems } from './sbom.ts';
import { versionProblems } from './versions.ts';

type Check = { readonly what: string; readonly problems: () => readonly string[] };
type PackedFile = { readonly path: string };

const manifest: PackageJson = JSON.parse(read('package.json'));
const lockfile: Lockfile = JSON.parse(read('package-lock.json'));
const packages = productionPackages(lockfile);

/** Checks that --unreleased skips. */
const OF_A_RELEASE: readonly Check[] = [
  { what: 'CHANGELOG.md has the version', problems: () => changelogProblems(read('CHANGELOG.md'), manifest.version) },
  { what: 'everything is committed', problems: uncommittedChanges },
];

const OF_ANY_TREE: readonly Check[] = [
  {
    what: 'what was built and the Dockerfile have the version',
    problems: () =>
      versionProblems(manifest.version, { buildInfo: read('dist/build-info.json'), dockerfile: read('Dockerfile') }),
  },
  { what: 'package-lock.json is clean', problems: () => lockfileProblems(manifest, lockfile) },
  {
    what: 'npm ci accepts package-lock.json',
    problems: () => complaintOf(() => npm(['ci', '--dry-run', '--ignore-scripts'])),
  },
  { what: 'the package holds what is needed and nothing else', problems: () => contentProblems(listing()) },
  {
    what: 'every file of the package is in git, or built',
    problems: () => untrackedProblems(listing().files, trackedFiles()),
  },
  { what: 'dependencies are those of the program', problems: () => dependencyProblems(manifest, compiledTexts()) },
  { what: 'licences are known and listed', problems: () => licenceProblems(packages, read(LICENCES_FILE)) },
  { what: `${SBOM_FILE} names every package`, problems: writeSbom },
];

let failed = 0;
for (const { what, problems } of [...(process.argv.includes('--unreleased') ? [] : OF_A_RELEASE), ...OF_ANY_TREE]) {
  const found = problems();
  failed += found.length;
  process.stdout.write(`${found.length === 0 ? 'ok    ' : 'FAILED'} ${what}\n`);
  for (const problem of found) process.stdout.write(`       ${problem}\n`);
}
process.exitCode = failed === 0 ? 0 : 1;

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

function filesBelow(directory: string): readonly string[] {
  return readdirSync(join(ROOT, directory), { recursive: true, encoding: 'utf8' });
}

function compiledTexts(): readonly string[] {
  return filesBelow('dist')
    .filter((file) => file.endsWith('.js'))
    .map((file) => read(join('dist', file)));
}

function listing() {
  const [packed]: { readonly files: readonly PackedFile[] }[] = JSON.parse(
    npm(['pack', '--dry-run', '--json', '--ignore-scripts']),
  );
  return {
    files: packed?.files.map(({ path }) => path) ?? [],
    programs: Object.values(manifest.bin),
    sources: filesBelow('src').filter((file) => /(?<!\.d)\.(tsx?|js|css)$/.test(file)),
  };
}

function writeSbom(): readonly string[] {
  const sbom = createSbom(manifest, lockfile);
  writeFileSync(join(ROOT, SBOM_FILE), `${JSON.stringify(sbom, null, 2)}\n`);
  return sbomProblems(sbom, manifest, packages);
}

function complaintOf(action: () => unknown): readonly string[] {
  try {
    action();
    return [];
  } catch (error) {
    return [(error as Error).message];
  }
}
