// The unit as systemd reads it. No service is started: that would take systemd as the first process.
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { readOptions } from '../../src/flags.ts';
import { FIXED_PATHS } from '../../src/web/assets.ts';
import { temporaryDirectory } from './helpers/exporter.ts';
import { Program, ROOT, run } from './helpers/program.ts';

const UNIT = 'deploy/systemd/acr-scan-exporter.service';
/** Of 100, in systemd's own count of what a service may do; a unit that says nothing has 96. */
const MAX_EXPOSURE = 15;

test('systemd has nothing to say of the unit', (t) => {
  t.deepEqual(run('systemd-analyze', ['verify', UNIT]), { status: 0, stdout: '', stderr: '' });
});

test('the service may do little else than serve', (t) => {
  const args = ['security', '--offline=true', `--threshold=${MAX_EXPOSURE}`, '--no-pager', UNIT];
  const { status, stdout } = run('systemd-analyze', args);
  t.is(status, 0, stdout);
});

test('the exporter takes the flags that it is started with', (t) => {
  const [, flags = ''] =
    /^ExecStart=\/usr\/bin\/env acr-scan-exporter (.*)$/m.exec(readFileSync(join(ROOT, UNIT), 'utf8')) ?? [];
  const { configFile, storagePath } = readOptions({ argv: flags.split(' '), env: {} }, FIXED_PATHS);
  t.is(configFile, '/etc/acr-scan-exporter/config.yml');
  const [, stateDirectory] = /^StateDirectory=(.*)$/m.exec(readFileSync(join(ROOT, UNIT), 'utf8')) ?? [];
  t.is(storagePath, `/var/lib/${stateDirectory}`);
});

const NOTHING_REACHED = {
  credentials: { type: 'access_key', access_key_id: 'id', access_key_secret: 'secret' },
  instances: [
    {
      id: 'cri-1',
      region: 'cn-hangzhou',
      endpoint: 'http://127.0.0.1:9',
      repositories: [{ id: 'crr-1', tags: ['v1'] }],
    },
  ],
};

test('with --web.systemd-socket it listens on the sockets of systemd, which hold connections before it starts', async (t) => {
  const file = join(temporaryDirectory(t), 'config.yml');
  writeFileSync(file, JSON.stringify(NOTHING_REACHED));
  const flags = ['dist/bin.js', `--config.file=${file}`, '--web.systemd-socket'];
  const without = run(process.execPath, flags);
  t.is(without.status, 1);
  t.regex(without.stderr, /^acr-scan-exporter: --web\.systemd-socket: expected sockets .*, found none$/m);
  t.notRegex(without.stderr, /^\s+at /m);
  const ports = await Promise.all([freePort(), freePort()]);
  const sockets = ports.map((port) => `--listen=127.0.0.1:${port}`);
  const program = await Program.start(t, 'systemd-socket-activate', [...sockets, process.execPath, ...flags]);
  await program.outputMatch(/(Listening on \S+ as 4)/);
  for (const port of ports) t.is((await fetch(`http://127.0.0.1:${port}/-/healthy`)).status, 200);
  for (const port of ports)
    t.true(program.stderr.includes(`msg="listening" address=127.0.0.1:${port}`), program.stderr);
  program.signal('SIGTERM');
  t.is(await program.ended(10_000), 0);
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
