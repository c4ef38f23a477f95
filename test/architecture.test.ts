import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { parse } from 'es-module-lexer/js';

const src = fileURLToPath(new URL('../src/', import.meta.url));

/** The interface to the API, which hides what is behind it. */
const PORT = ['acr/operations', 'acr/api-error', 'acr/error-codes'];

/**
 * The rooms from the bottom to the top, each with what it imports: a room, or one file of it. No room imports a higher one. The files at the
 * top of src/ stand among them.
 */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  'build-info': [],
  model: [],
  util: [],
  simulator: ['build-info', 'model', 'util'],
  config: ['model', 'util'],
  acr: ['model', 'util'],
  storage: ['model', 'util'],
  replicas: ['model', 'storage/redis-connection', 'util'],
  state: ['model'],
  scheduler: ['acr/api-error', 'model', 'state', 'util'],
  polling: [...PORT, 'model', 'scheduler', 'state', 'util'],
  targets: ['model', 'polling', 'scheduler', 'state', 'util'],
  discovery: [...PORT, 'model', 'polling', 'scheduler', 'state', 'targets', 'util'],
  events: [...PORT, 'model', 'polling', 'scheduler', 'state', 'targets', 'util'],
  metrics: ['model', 'state', 'util'],
  web: ['events/cloud-event', 'model', 'util'],
  app: [
    'acr',
    'config',
    'discovery',
    'events',
    'metrics',
    'model',
    'polling',
    'replicas',
    'scheduler',
    'state',
    'storage',
    'targets',
    'util',
    'web',
  ],
  flags: ['util'],
  'config-commands': ['acr/sdk', 'app', 'config', 'flags', 'util', 'web/access/load'],
  cli: [
    'acr/credentials/secret-values',
    'acr/sdk',
    'app',
    'build-info',
    'config',
    'config-commands',
    'flags',
    'model',
    'storage/snapshot-file',
    'util',
    'web/access/web-config-watcher',
    'web/assets',
    'web/events/fetch-certificate',
  ],
  bin: ['build-info', 'cli', 'util'],
  demo: [],
};

/** Packages that only one room, or one file, may import. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  '@alicloud/': ['acr/sdk'],
  bottleneck: ['scheduler/rate-limiter'],
  ioredis: ['storage/redis-connection'],
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

/** The lexer does not know JSX: of a page it reads the imports, which stand before everything else. */
function importsOf(file: string): Import[] {
  const text = readFileSync(join(src, file), 'utf8');
  const read = file.endsWith('.tsx') ? text.slice(0, text.search(/^(?:export )?(?:function|const|type) /m)) : text;
  return parse(read)[0].flatMap((each) => {
    if (each.type === 'import-meta' || each.specifier === undefined) return [];
    const { specifier } = each;
    return {
      from: file.replace(/\.tsx?$/, ''),
      to: specifier.startsWith('.') ? posix.join(dirname(file), specifier).replace(/\.tsx?$/, '') : specifier,
      typesOnly: 'typeOnly' in each && each.typeOnly,
    };
  });
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
    .filter(({ from, to }) => isFile(to) && roomOf(from) !== roomOf(to))
    .filter(({ from, to }) => !ROOMS[roomOf(from)]?.some((place) => within(to, place)))
    .map(({ from, to }) => `${from} imports ${to}`);
  t.deepEqual(trespasses, []);
  t.deepEqual([...new Set(files.map((file) => roomOf(file.replace(/\.tsx?$/, ''))))].sort(), Object.keys(ROOMS).sort());
});

test('no room imports a higher one', (t) => {
  const rooms = Object.keys(ROOMS);
  const upwards = Object.entries(ROOMS).flatMap(([room, places]) =>
    places.filter((place) => rooms.indexOf(roomOf(place)) >= rooms.indexOf(room)).map((place) => `${room}: ${place}`),
  );
  t.deepEqual(upwards, []);
});

test('no file imports itself by way of others', (t) => {
  const importsBy = new Map<string, string[]>();
  for (const { from, to } of imports) if (isFile(to)) importsBy.set(from, [...(importsBy.get(from) ?? []), to]);
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (file: string, path: readonly string[]) => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' > '));
    if (done.has(file) || path.includes(file)) return;
    for (const to of importsBy.get(file) ?? []) visit(to, [...path, file]);
    done.add(file);
  };
  for (const file of importsBy.keys()) visit(file, []);
  t.deepEqual(circles, []);
});

test('the image of the simulator holds the rooms that the simulator imports, and no others', (t) => {
  const dockerfile = readFileSync(join(src, '../Dockerfile'), 'utf8');
  const [, copied = ''] = /cp -R ((?:\/app\/dist\/\S+ )+)simulator\/dist/.exec(dockerfile) ?? [];
  const rooms = copied.split(' ').flatMap((path) => /^\/app\/dist\/([\w-]+)(?:\.js)?$/.exec(path)?.[1] ?? []);
  t.deepEqual(rooms.sort(), [...(ROOMS.simulator ?? [])].sort());
});

test('no type is declared twice, under its name in two files', (t) => {
  const filesOf = new Map<string, string[]>();
  for (const file of files) {
    const text = readFileSync(join(src, file), 'utf8');
    for (const [, name = ''] of text.matchAll(/^(?:export )?(?:abstract )?(?:type|interface|class) (\w+)/gm)) {
      filesOf.set(name, [...(filesOf.get(name) ?? []), file]);
    }
  }
  t.true(filesOf.size > 100);
  t.deepEqual(
    [...filesOf].filter(([, declared]) => declared.length > 1),
    [],
  );
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
