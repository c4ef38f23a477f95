import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const src = fileURLToPath(new URL('../src/', import.meta.url));

/** What each room may import of the others: a room, or one file of it; `types:` where only types may come from there. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  model: [],
  util: [],
  config: ['model', 'util'],
  acr: ['model', 'util'],
  state: ['model'],
  scheduler: ['acr/api', 'model', 'polling/task', 'state/tag-state', 'util'],
  polling: ['acr/api', 'model', 'scheduler', 'state', 'util'],
  targets: ['model', 'polling', 'scheduler', 'state', 'util'],
  discovery: ['acr/api', 'model', 'polling', 'scheduler', 'state', 'targets', 'util'],
  metrics: ['model', 'state', 'util'],
  web: ['model', 'util'],
  simulator: ['model', 'util', 'build-info'],
  app: ['acr', 'config', 'discovery', 'metrics', 'model', 'polling', 'scheduler', 'state', 'targets', 'util', 'web'],
  // The files at the top of src/.
  'build-info': [],
  flags: ['util'],
  cli: [
    'app',
    'acr/client',
    'build-info',
    'config',
    'config-commands',
    'flags',
    'util',
    'web/access/web-config-watcher',
    'web/assets',
  ],
  'config-commands': ['app', 'acr/client', 'config', 'flags', 'util', 'web/access/load'],
  bin: ['build-info', 'cli', 'util'],
  demo: [],
};

/** Packages that only one room, or one file, may import. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  '@alicloud/': ['acr/client'],
  bottleneck: ['scheduler/rate-limiter'],
  'prom-client': ['metrics'],
  koa: ['web'],
  'preact-render-to-string': ['web'],
  negotiator: ['web'],
  yaml: ['util/yaml'],
  zod: ['config', 'simulator', 'util/yaml', 'web/access'],
  bcryptjs: ['web/access'],
  leven: ['util/yaml'],
  pino: ['util/logger'],
};

/** The only files that touch the process. */
const PROGRAMS = ['bin.ts', 'demo.ts', 'simulator/bin.ts'];

type Import = { readonly from: string; readonly to: string; readonly typesOnly: boolean };

const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.tsx?$/.test(file))
  .map((file) => file.replaceAll('\\', '/'));
const imports: readonly Import[] = files.flatMap(importsOf);

/** Whether a path without its ending is one of the sources. */
function isFile(path: string): boolean {
  return files.includes(`${path}.ts`) || files.includes(`${path}.tsx`);
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(src, file), 'utf8');
  const statements = /(?:^(?:import|export)\s+(type\s+)?(?:([^;'"]*?)\s+from\s+)?|\bimport\()'([^']+)'/gm;
  return [...text.matchAll(statements)].map(([, type, names = '', specifier = '']) => ({
    from: file.replace(/\.tsx?$/, ''),
    to: specifier.startsWith('.') ? posix.join(dirname(file), specifier).replace(/\.tsx?$/, '') : specifier,
    typesOnly:
      type !== undefined ||
      (/^\{/.test(names) &&
        names
          .slice(1, -1)
          .split(',')
          .every((name) => /^\s*(type\s|$)/.test(name))),
  }));
}

function roomOf(path: string): string {
  return path.split('/')[0] ?? '';
}

function within(path: string, place: string): boolean {
  return path === place || path.startsWith(`${place}/`);
}

test('every file lies in a room, and a room imports only what it may', (t) => {
  t.true(
    files.length > 50 && imports.length > 200,
    `${files.length} files, ${imports.length} imports: the reading of import lines is broken`,
  );
  const trespasses = imports
    .filter(({ to }) => isFile(to))
    .filter(({ from, to }) => roomOf(from) !== roomOf(to))
    .filter(({ from, to, typesOnly }) => {
      const allowed = ROOMS[roomOf(from)] ?? [];
      return !allowed.some(
        (place) =>
          within(to, place) || (typesOnly && place.startsWith('types:') && within(to, place.slice('types:'.length))),
      );
    });
  t.deepEqual(trespasses, []);
  t.deepEqual([...new Set(files.map((file) => roomOf(file.replace(/\.tsx?$/, ''))))].sort(), Object.keys(ROOMS).sort());
});

test('what is imported from within the project exists', (t) => {
  const missing = imports.filter(({ from, to }) => !isFile(to) && to.startsWith('..') && from !== 'build-info');
  t.deepEqual(missing, []);
});

test('a package is imported only where its room is', (t) => {
  const strays = imports.flatMap(({ from, to, typesOnly }) => {
    const [name, places] =
      Object.entries(PACKAGES).find(([each]) => to === each || to.startsWith(each.endsWith('/') ? each : `${each}/`)) ??
      [];
    return name === undefined || typesOnly || places?.some((place) => within(from, place))
      ? []
      : [`${from} imports ${to}`];
  });
  t.deepEqual(strays, []);
});

test('every package that is imported is listed', (t) => {
  const packages = new Set(
    imports.map(({ to }) => to).filter((to) => /^(@|[a-z])/.test(to) && !to.startsWith('node:') && !isFile(to)),
  );
  const { dependencies } = JSON.parse(readFileSync(join(src, '../package.json'), 'utf8'));
  for (const name of packages)
    t.true(
      Object.hasOwn(
        dependencies,
        name
          .split('/')
          .slice(0, name.startsWith('@') ? 2 : 1)
          .join('/'),
      ),
      name,
    );
});

test('only the programs touch the process', (t) => {
  const touching = files
    .filter((file) => !PROGRAMS.includes(file))
    .filter((file) =>
      /(^|[^.\w'"`*/@-])process\.(?!cpuUsage)\w|from 'node:process'/m.test(
        readFileSync(join(src, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, ''),
      ),
    );
  t.deepEqual(touching, []);
});

test('tests mirror the sources', (t) => {
  const root = fileURLToPath(new URL('.', import.meta.url));
  const tests = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.test.ts'));
  const strays = tests.filter(
    (file) =>
      !['.', 'e2e', 'chaos', 'fuzz'].includes(dirname(file)) && !(roomOf(relative(root, join(root, file))) in ROOMS),
  );
  t.deepEqual(strays, []);
});
