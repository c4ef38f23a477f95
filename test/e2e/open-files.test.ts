// The program where it may open few files.
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { temporaryDirectory } from './helpers/exporter.ts';
import { Program, ROOT, run } from './helpers/program.ts';
import { until } from './helpers/until.ts';

const ENTRY = join(ROOT, 'dist/bin.js');

/** The arguments of a shell that starts the program with a limit. */
function limited(t: ExecutionContext, openFiles: number): string[] {
  const file = join(temporaryDirectory(t), 'config.yml');
  const repositories = [{ namespace: 'shop', name: 'api', id: 'crr-1', tags: ['v1'] }];
  const instances = [{ id: 'cri-1', region: 'cn-hangzhou', endpoint: 'http://127.0.0.1:9', repositories }];
  const credentials = { type: 'access_key', access_key_id: 'LTAI-test', access_key_secret: 'secret' };
  writeFileSync(file, JSON.stringify({ credentials, instances }));
  const flags = [`--config.file=${file}`, '--web.listen-address=127.0.0.1:0'];
  return ['-c', `ulimit -n ${openFiles}; exec "$0" "$@"`, process.execPath, ENTRY, ...flags];
}

// With fewer than these Node.js itself cannot load a program.
for (const openFiles of [24, 32, 40]) {
  test(`with ${openFiles} open files the program says that they are too few, in one line`, (t) => {
    const { status, stdout, stderr } = run('/bin/sh', limited(t, openFiles));
    t.is(status, 1);
    t.is(stdout, '');
    t.regex(stderr, /^[^\n]*the limit of open files is too low \(EMFILE\): raise it to 1024 or more[^\n]*\n$/);
  });
}

test('where few files may be open, clients that hold connections keep neither others nor polls out', async (t) => {
  const program = await Program.start(t, '/bin/sh', limited(t, 200));
  const port = await until('the program to poll', 30_000, async () =>
    /msg="?polling/.test(program.stderr) ? Number(/127\.0\.0\.1:(\d+)/.exec(program.stderr)?.[1]) : undefined,
  );
  const sockets = Array.from({ length: 300 }, () => {
    const socket = connect({ host: '127.0.0.1', port }).on('error', () => {});
    t.teardown(() => socket.destroy());
    return socket;
  });
  await until('all to have come', 30_000, async () => sockets.every(({ connecting }) => !connecting) || undefined);
  for (const path of ['/-/healthy', '/metrics']) t.is((await fetch(`http://127.0.0.1:${port}${path}`)).status, 200);
  t.notRegex(program.stderr, /EMFILE/);
});
