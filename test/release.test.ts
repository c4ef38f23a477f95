// What `npm run release:check` finds, on made-up trees with one mistake each. Whether this tree has any is for test/e2e/package.test.ts.
import test from 'ava';
import { changelogProblems } from '../scripts/release/changelog.ts';
import { dependencyProblems } from '../scripts/release/dependencies.ts';
import { untrackedProblems } from '../scripts/release/git.ts';
import { licenceProblems, licencesPage } from '../scripts/release/licences.ts';
import { type Lockfile, lockfileProblems, productionPackages } from '../scripts/release/lockfile.ts';
import { contentProblems } from '../scripts/release/package-contents.ts';
import { sbomProblems } from '../scripts/release/sbom.ts';
import { versionProblems } from '../scripts/release/versions.ts';

const MANIFEST = {
  name: 'thing',
  version: '1.2.3',
  dependencies: { koa: '^3.0.0' },
  devDependencies: { ava: '^7.0.0' },
  bin: { thing: 'dist/bin.js' },
};

const PACKAGES: Lockfile['packages'] = {
  '': MANIFEST,
  'node_modules/koa': { version: '3.0.1', license: 'MIT', integrity: 'sha512-k' },
  'node_modules/koa/node_modules/depd': { version: '2.0.0', license: 'Apache License 2.0', integrity: 'sha512-d' },
  'node_modules/ava': { version: '7.0.0', license: 'MIT', integrity: 'sha512-a', dev: true },
};

const RULES_TEST = 'config/prometheus/rules_test.yml';

function lockfile(changes: Readonly<Record<string, unknown>> = {}): Lockfile {
  return { lockfileVersion: 3, packages: { ...PACKAGES, ...changes } as Lockfile['packages'] };
}

test('the changelog needs a section of the version, with a date and changes', (t) => {
  const good =
    '# Changelog\n\n## [Unreleased]\n\n## [1.2.3] - 2026-11-24\n\n### Added\n\n- It.\n\n## [1.2.2] - 2026-10-01\n\n- Old.\n';
  t.deepEqual(changelogProblems(good, '1.2.3'), []);
  t.regex(changelogProblems(good, '1.2.4').join(), /expected a section "## \[1\.2\.4\]/);
  t.regex(changelogProblems(good.replace(' - 2026-11-24', ''), '1.2.3').join(), /expected a date/);
  t.regex(changelogProblems(good.replace('- It.\n', ''), '1.2.3').join(), /expected changes/);
  for (const date of ['2026-02-30', '2026-13-01', 'soon'])
    t.regex(changelogProblems(good.replace('2026-11-24', date), '1.2.3').join(), /expected a date/, date);
});

test('the section of the version is the newest, and nothing is left above it', (t) => {
  const unreleased = '## [Unreleased]\n\n';
  const older = '## [1.2.2] - 2026-10-01\n\n- Old.\n\n';
  const newest = '## [1.2.3] - 2026-11-24\n\n- It.\n\n';
  for (const good of [unreleased + newest + older, newest + older])
    t.deepEqual(changelogProblems(good, '1.2.3'), [], good);
  t.deepEqual(changelogProblems(unreleased + older + newest, '1.2.3'), [
    'expected [1.2.3] above all other versions, found [1.2.2] - 2026-10-01',
  ]);
  t.deepEqual(changelogProblems(newest + unreleased + older, '1.2.3'), [
    'expected [Unreleased] above all versions, found it below one',
  ]);
  t.deepEqual(changelogProblems(`${unreleased}### Fixed\n\n- More.\n\n${newest}${older}`, '1.2.3'), [
    'expected nothing below [Unreleased], found ### Fixed',
  ]);
});

test('a lockfile that agrees with package.json is clean', (t) => {
  t.deepEqual(lockfileProblems(MANIFEST, lockfile()), []);
});

test('a lockfile of another version or with other dependencies is not', (t) => {
  t.deepEqual(lockfileProblems({ ...MANIFEST, version: '1.3.0' }, lockfile()), [
    'version: expected as in package.json, found something else',
  ]);
  t.regex(lockfileProblems({ ...MANIFEST, dependencies: { koa: '^4.0.0' } }, lockfile()).join(), /^dependencies: /);
});

test('nor is one with packages from elsewhere, without a checksum, or without those for other platforms', (t) => {
  const problemsOf = (koa: object, more = {}) =>
    lockfileProblems(MANIFEST, lockfile({ 'node_modules/koa': { version: '3.0.1', integrity: 'x', ...koa }, ...more }));
  t.deepEqual(problemsOf({ resolved: 'https://registry.npmjs.org/koa/-/koa-3.0.1.tgz' }), []);
  t.regex(problemsOf({ resolved: 'https://example.com/koa.tgz' }).join(), /koa: expected to come from/);
  t.regex(problemsOf({ integrity: undefined }).join(), /koa: expected a checksum/);
  t.regex(problemsOf({ optionalDependencies: { 'koa-arm': '1' } }).join(), /its optional package koa-arm/);
  for (const place of ['node_modules/koa-arm', 'node_modules/koa/node_modules/koa-arm'])
    t.deepEqual(problemsOf({ optionalDependencies: { 'koa-arm': '1' } }, { [place]: { optional: true } }), [], place);
});

test('what is installed with the program is all but the packages for development', (t) => {
  t.deepEqual(productionPackages(lockfile()), [
    { name: 'depd', version: '2.0.0', licence: 'Apache License 2.0' },
    { name: 'koa', version: '3.0.1', licence: 'MIT' },
  ]);
});

test('licences are permitted ones, and listed in the page', (t) => {
  const packages = productionPackages(lockfile());
  const page = licencesPage(packages);
  t.true(page.endsWith('| depd | 2.0.0 | Apache-2.0 |\n| koa | 3.0.1 | MIT |\n'));
  t.deepEqual(licenceProblems(packages, page), []);
  t.regex(licenceProblems(packages, page.replace('3.0.1', '3.0.0')).join(), /npm run licences/);
  const [depd, koa] = packages;
  if (!depd || !koa) return t.fail();
  const copyleft = [depd, { ...koa, licence: 'GPL-3.0' }];
  t.regex(licenceProblems(copyleft, licencesPage(copyleft)).join(), /^koa: expected one of .*, found GPL-3\.0$/);
});

test('a dependency is loaded by the program, and not listed for development too', (t) => {
  const { dependencies } = MANIFEST;
  t.deepEqual(dependencyProblems({ dependencies, devDependencies: {} }, ["import Koa from 'koa';"]), []);
  t.deepEqual(dependencyProblems({ dependencies, devDependencies: {} }, ['import { h } from "koa/h";']), []);
  t.regex(dependencyProblems({ dependencies, devDependencies: {} }, ["import 'koala';"]).join(), /^koa: .* nowhere/);
  t.regex(dependencyProblems({ dependencies, devDependencies: { koa: '3' } }, ["'koa'"]).join(), /also in dev/);
});

test('what the program imports is a dependency, or a peer, and not one for development or of another package', (t) => {
  const manifest = { ...MANIFEST, peerDependencies: { peer: '1' } };
  const problemsOf = (text: string) => dependencyProblems(manifest, ["import Koa from 'koa';", text]);
  for (const good of [
    "import { readFileSync } from 'node:fs'; import a from './ava.js'; const { url } = import.meta;",
    "await import('peer/part');",
    "// import 'ava';",
    'const text = "a line with import x from ava";',
  ])
    t.deepEqual(problemsOf(good), [], good);
  const problem = 'ava: imported by the program, expected in dependencies';
  for (const bad of [
    "import 'ava';",
    'import {\n  one,\n} from "ava/part";',
    "export * from 'ava';",
    "await import('ava');",
  ])
    t.deepEqual(problemsOf(bad), [problem], bad);
  t.deepEqual(problemsOf("import '@scope/depd/part';"), [
    '@scope/depd: imported by the program, expected in dependencies',
  ]);
});

test('the package holds every compiled source and program, nothing of no source, and nothing of another kind', (t) => {
  const files = [
    'dist/a.js',
    'dist/web/assets/page.css',
    'src/a.ts',
    'dist/old.js',
    'test/a.test.ts',
    'notes.txt',
    'config/prod.yml',
    RULES_TEST,
  ];
  const problems = contentProblems({
    files,
    programs: ['dist/bin.js'],
    sources: ['a.ts', 'b.tsx', 'web/assets/page.css'],
  });
  const expected = {
    missing: ['dist/bin.js', 'dist/b.js', 'LICENSE', 'config/demo.yml'],
    'not needed': ['src/a.ts', 'test/a.test.ts', 'notes.txt', 'config/prod.yml', RULES_TEST],
    'of no source; npm run build': ['dist/old.js'],
  };
  for (const [problem, paths] of Object.entries(expected))
    for (const path of paths) t.true(problems.includes(`${path}: ${problem}`), path);
  for (const path of ['dist/a.js', 'dist/web/assets/page.css'])
    t.false(
      problems.some((problem) => problem.startsWith(path)),
      path,
    );
});

test('every file of the package is in git, but for what is built', (t) => {
  const packed = ['README.md', 'dist/bin.js', 'docs/secret.md'];
  t.deepEqual(untrackedProblems(packed, ['README.md', 'docs/other.md']), ['docs/secret.md: not in git']);
});

test('what was built and the Dockerfile repeat the version', (t) => {
  const good = {
    buildInfo: '{"version":"1.2.3","revision":""}',
    dockerfile: 'ARG NODE_VERSION=24\nARG VERSION=1.2.3\n',
  };
  t.deepEqual(versionProblems('1.2.3', good), []);
  t.deepEqual(versionProblems('1.2.3', { ...good, buildInfo: '{"version":"9.9.9","revision":""}' }), [
    'dist/build-info.json: expected 1.2.3, found 9.9.9',
  ]);
  t.deepEqual(versionProblems('1.2.3', { ...good, dockerfile: 'ARG VERSION\n' }), [
    'Dockerfile, ARG VERSION: expected 1.2.3, found none',
  ]);
});

test('the bill of materials names this package and what is installed with it, each once', (t) => {
  const packages = productionPackages(lockfile());
  const component = { name: 'thing', version: '1.2.3' };
  const sbom = { bomFormat: 'CycloneDX', metadata: { component }, components: packages };
  t.deepEqual(sbomProblems(sbom, MANIFEST, packages), []);
  t.deepEqual(sbomProblems({ ...sbom, components: packages.slice(1) }, MANIFEST, packages), ['depd@2.0.0: missing']);
  t.regex(sbomProblems(sbom, MANIFEST, packages.slice(1)).join(), /^depd@2\.0\.0: not installed/);
  t.regex(sbomProblems({ ...sbom, bomFormat: 'SPDX' }, MANIFEST, packages).join(), /expected CycloneDX/);
  t.regex(sbomProblems(sbom, { ...MANIFEST, version: '2.0.0' }, packages).join(), /expected it of thing@2\.0\.0/);
});
