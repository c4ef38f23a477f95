// The program itself, run as a process of its own.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { callWithSdk, exchange, json } from './clients.ts';

const PROGRAM = fileURLToPath(new URL('../../src/simulator/bin.ts', import.meta.url));

type Run = {
  readonly child: ChildProcess;
  readonly output: { stdout: string; stderr: string };
  readonly ended: Promise<number | null>;
};

function run(t: ExecutionContext, ...flags: string[]): Run {
  const child = spawn(process.execPath, ['--import=tsx', PROGRAM, ...flags], { stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    output.stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    output.stderr += chunk.toString();
  });
  const ended = once(child, 'close').then(([code]: (number | null)[]) => code ?? null);
  t.teardown(() => {
    child.kill('SIGKILL');
    return ended;
  });
  return { child, output, ended };
}

/** The address of the line that says where it listens. */
async function listening({ child, output, ended }: Run): Promise<string> {
  for (;;) {
    const [, address] =
      /msg="listening" address=(\S+)/.exec(output.stderr) ?? /"address":"([^"]+)"/.exec(output.stderr) ?? [];
    if (address !== undefined) return address;
    const stderr = child.stderr ? once(child.stderr, 'data').catch(() => undefined) : undefined;
    if ((await Promise.race([stderr, ended])) === null || child.exitCode !== null) throw new Error(output.stderr);
  }
}

function scenarioFile(t: ExecutionContext, text: string | Buffer): string {
  const folder = mkdtempSync(join(tmpdir(), 'acr-simulator-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'scenario.yml');
  writeFileSync(file, text);
  return file;
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`it says where it listens, answers the SDK, and ends with 0 at ${signal}`, async (t) => {
    const file = scenarioFile(
      t,
      'keys: [{ access_key_id: my-key, access_key_secret: my-secret-key }]\n' +
        'instances: [{ id: cri-1, repositories: [{ namespace: n, name: r, id: crr-1, tags: [{ tag: v1, status: FAILED }] }] }]\n' +
        'faults: [{ operation: GetRepository, hang: before_head }]\n',
    );
    const program = run(t, '--listen-address=127.0.0.1:0', `--scenario=${file}`, '--seed=5');
    const address = await listening(program);
    const query = { InstanceId: 'cri-1', RepoId: 'crr-1', Tag: 'v1' };
    const { body } = await callWithSdk(address, 'GetRepoTagScanStatus', query, {
      id: 'my-key',
      secret: 'my-secret-key',
    });
    t.is(body.Status, 'FAILED');
    program.child.kill(signal);
    t.is(await program.ended, 0);
    t.is(program.output.stdout, '');
    t.false(program.output.stderr.includes('my-secret-key'));
  });
}

test('without a scenario it has a small registry, and with JSON logs every line is JSON', async (t) => {
  const program = run(t, '--listen-address=127.0.0.1:0', '--log.format=json');
  const address = await listening(program);
  const { tags } = json(await exchange({ address, method: 'GET', path: '/_sim/state' }));
  t.true((tags as unknown[]).length > 5);
  program.child.kill('SIGTERM');
  t.is(await program.ended, 0);
  const lines = program.output.stderr.trim().split('\n');
  t.deepEqual(
    lines.map((line) => JSON.parse(line).msg),
    ['listening', 'stopped'],
  );
});

for (const [flags, line] of [
  [['--nonsense'], "Unknown option '--nonsense'"],
  [['--seed=-1'], '--seed: expected a whole number, found "-1"'],
  [['--seed', '--help'], '--seed'],
  [['--listen-address=localhost'], '--listen-address: expected [HOST]:PORT, found "localhost"'],
  [['--listen-address=127.0.0.1:65536'], '--listen-address: expected [HOST]:PORT, found "127.0.0.1:65536"'],
  [['--log.format=xml'], '--log.format: expected one of logfmt, json, found "xml"'],
  [['stray'], 'stray'],
] as const) {
  test(`acr-simulator ${flags.join(' ')} is a usage error in one line`, async (t) => {
    const program = run(t, ...flags);
    t.is(await program.ended, 2);
    t.true(program.output.stderr.includes(line), program.output.stderr);
    t.is(program.output.stderr.split('\n').length, 2);
  });
}

test('a bad scenario ends it with 1 and a line for each problem', async (t) => {
  const file = scenarioFile(t, 'latency: soon\nscan: { retry_share: 3 }\n');
  const program = run(t, `--scenario=${file}`);
  t.is(await program.ended, 1);
  t.deepEqual(program.output.stderr.trim().split('\n').sort(), [
    `${file}:1:10: latency: expected a duration such as 15s or 1h30m, found "soon"`,
    `${file}:2:22: scan.retry_share: expected a number from 0 to 1, found "3"`,
  ]);
});

test('a scenario that cannot be read ends it with 1 and a line that says why', async (t) => {
  const latin = scenarioFile(t, Buffer.from([0x61, 0xe4, 0x0a]));
  for (const [file, problem] of [
    ['/does/not/exist.yml', '1:1: file: expected a file that can be read, found none'],
    [tmpdir(), '1:1: file: expected a file, found a directory'],
    [latin, '1:2: file: expected text in UTF-8, found bytes that are not'],
  ] as const) {
    const program = run(t, `--scenario=${file}`);
    t.is(await program.ended, 1);
    t.is(program.output.stderr, `${file}:${problem}\n`);
  }
});

test('a port that is taken ends it with 1 and a line that says so', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  t.teardown(() => other.close());
  const bound = other.address();
  const port = typeof bound === 'object' && bound ? bound.port : 0;
  const program = run(t, `--listen-address=127.0.0.1:${port}`);
  t.is(await program.ended, 1);
  t.regex(program.output.stderr, /^ts=\S+ level=error msg="cannot listen" error=".*EADDRINUSE.*"\n$/);
});

test('it goes on, and ends with 0, when nobody reads its log any more', async (t) => {
  const program = run(t, '--listen-address=127.0.0.1:0');
  const address = await listening(program);
  program.child.stderr?.destroy();
  t.is((await exchange({ address, method: 'GET', path: '/' })).status, 200);
  program.child.kill('SIGTERM');
  t.is(await program.ended, 0);
});

test('help and version go to stdout', async (t) => {
  const [help, version] = [run(t, '--help'), run(t, '--version')];
  t.is(await help.ended, 0);
  for (const flag of ['--listen-address', '--scenario', '--seed', '--log.format'])
    t.true(help.output.stdout.includes(flag));
  t.is(await version.ended, 0);
  t.regex(version.output.stdout, /^acr-simulator \d+\.\d+\.\d+\n$/);
});

test('--events-to sends events there, with or without a scenario that sends any', async (t) => {
  const file = scenarioFile(t, 'events: { to: "http://127.0.0.1:1/", token: my-events-token, loss: 1 }');
  for (const flags of [[], [`--scenario=${file}`]]) {
    const program = run(t, '--listen-address=127.0.0.1:0', '--events-to=http://127.0.0.1:2/x', ...flags);
    const address = await listening(program);
    const pushed = { instanceId: 'cri-simulator', repoId: '', tag: 'new' };
    const { tags } = json(await exchange({ address, method: 'GET', path: '/_sim/state' })) as {
      tags: { repoId: string }[];
    };
    const body = JSON.stringify({ ...pushed, repoId: tags[0]?.repoId });
    await exchange({ address, method: 'POST', path: '/_sim/tags', body });
    const log = json(await exchange({ address, method: 'GET', path: '/_sim/events' }));
    t.like(log, { events: [{ tag: 'new', isLost: flags.length > 0 }] });
    program.child.kill('SIGTERM');
    t.is(await program.ended, 0);
    t.false(program.output.stderr.includes('my-events-token'));
  }
});

test('--events-to with something else than a URL is a usage error', async (t) => {
  const { ended, output } = run(t, '--events-to=x');
  t.is(await ended, 2);
  t.is(
    output.stderr,
    'acr-simulator: --events-to: expected a URL that begins with http:// or https://, found "x" (see --help)\n',
  );
});
