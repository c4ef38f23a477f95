// The log's reader may stall, come back or go away: the program goes on, and loses lines rather than itself.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdirSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { eventually } from '../helpers/eventually.ts';
import { configurationFor, instanceAt, scrape, startSimulator, temporaryDirectory } from '../helpers/exporter.ts';
import { type Program, startProgram } from '../helpers/program.ts';

const STOP_WITHIN_MS = 5_000;
const LOST = 'acr_scan_exporter_log_lines_dropped_total';
/** A file that a reload refuses with this many lines: the first 100 mistakes, and how many more there are. */
const MISTAKES = `instances:\n${'  - {}\n'.repeat(100)}`;
const LINES = 101;
/** Each line names the file: with a path as long as this, some reloads fill every pipe and buffer. */
const LONG_PATH = Array.from({ length: 15 }, () => 'x'.repeat(200)).join('/');
const RELOADS = 6;

type Pipe = { readonly writeEnd: number; readonly read: () => string; readonly close: () => void };

/** A pipe whose reader is the test. */
function openPipe(t: ExecutionContext, writeFlags = 0): Pipe {
  const path = join(temporaryDirectory(t), 'pipe');
  execFileSync('mkfifo', [path]);
  const readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writeEnd = openSync(path, constants.O_WRONLY | writeFlags);
  const buffer = Buffer.alloc(2 ** 20);
  const read = () => {
    let text = '';
    try {
      for (let length = 1; length > 0; ) {
        length = readSync(readEnd, buffer);
        text += buffer.toString('utf8', 0, length);
      }
    } catch {
      // Nothing more for now.
    }
    return text;
  };
  return { writeEnd, read, close: () => closeSync(readEnd) };
}

async function start(t: ExecutionContext, stderr: number, read: () => string, tags: readonly string[] = ['latest']) {
  const simulator = await startSimulator(t);
  const directory = join(temporaryDirectory(t), LONG_PATH);
  mkdirSync(directory, { recursive: true });
  const file = join(directory, 'config.yml');
  const repositories = [{ namespace: 'shop', name: 'api', id: 'crr-1', tags }];
  writeFileSync(
    file,
    JSON.stringify(
      configurationFor(simulator.address, {
        rate_limit: { requests_per_second: 5 },
        instances: [instanceAt(simulator.address, { repositories })],
      }),
    ),
  );
  const flags = [`--config.file=${file}`, '--web.listen-address=127.0.0.1:0', '--web.enable-lifecycle'];
  const program = startProgram(t, flags, { stderr });
  let log = '';
  // The last lines of a start: no other one is written until something happens.
  const isComplete = () => log.includes('msg="polling"') && log.includes('msg="credentials in use"');
  const address = await eventually('it polls', () => {
    log += read();
    return isComplete() ? /msg="listening" address=(\S+)/.exec(log)?.[1] : undefined;
  });
  const url = `http://${address}`;
  writeFileSync(file, MISTAKES);
  return { program, simulator, url, lost: async () => (await scrape(`${url}/metrics`)).value(LOST) };
}

/** Logs more than a pipe and what waits for it hold. */
async function flood(url: string): Promise<void> {
  for (let reloads = 0; reloads < RELOADS; reloads++) await fetch(`${url}/-/reload`, { method: 'POST' });
}

async function end({ child, ended }: Program, signal: NodeJS.Signals) {
  const beginMs = performance.now();
  child.kill(signal);
  return { status: await ended, tookMs: performance.now() - beginMs };
}

for (const [kind, flags] of [
  ['blocking', 0],
  ['non-blocking', constants.O_NONBLOCK],
] as const) {
  test.serial(
    `with a full ${kind} pipe it serves, polls, idles, counts lost lines, and stops within 5 s`,
    async (t) => {
      const pipe = openPipe(t, flags);
      const { program, simulator, url, lost } = await start(t, pipe.writeEnd, pipe.read);
      t.is(await lost(), 0);
      await flood(url);
      t.true(((await lost()) ?? 0) > 0);
      t.is((await fetch(`${url}/-/healthy`)).status, 200);
      const [cpu, sent] = [await cpuSeconds(url), simulator.requests().length];
      await eventually('polls go on', () => (simulator.requests().length >= sent + 5 ? true : undefined));
      t.true((await cpuSeconds(url)) - cpu < 0.5, 'a core is kept busy');
      const { status, tookMs } = await end(program, 'SIGTERM');
      t.is(status, 0);
      t.true(tookMs < STOP_WITHIN_MS, `${tookMs} ms`);
    },
  );
}

test.serial('with a full pipe a second signal ends it at once', async (t) => {
  const pipe = openPipe(t);
  const many = Array.from({ length: 20_000 }, (_, n) => `v${n}`);
  const { program, url } = await start(t, pipe.writeEnd, pipe.read, many);
  await flood(url);
  const scraper = get(`${url}/metrics`, { agent: false }, (response) => response.on('error', () => {}).pause());
  t.teardown(() => scraper.destroy());
  await once(scraper, 'response');
  program.child.kill('SIGTERM');
  await eventually('it stops', async () => ((await fetch(`${url}/-/ready`)).status === 503 ? true : undefined));
  const { status, tookMs } = await end(program, 'SIGINT');
  t.is(status, 130);
  t.true(tookMs < 2_000, `${tookMs} ms`);
});

test.serial('a reader that comes back gets what fitted, and one line that says how much was lost', async (t) => {
  const pipe = openPipe(t);
  const { program, url, lost } = await start(t, pipe.writeEnd, pipe.read);
  await flood(url);
  const expected = await lost();
  let log = '';
  const told = await eventually('it says so', () => {
    log += pipe.read();
    return /msg="log lines lost[^"]*" lines=(\d+)/.exec(log)?.[1];
  });
  t.is(Number(told), expected ?? 0);
  t.is(log.match(/configuration not reloaded/g)?.length, RELOADS * LINES - Number(told));
  program.child.kill('SIGTERM');
  t.is(await program.ended, 0);
  t.regex(pipe.read(), /msg="stopping" signal=SIGTERM\n$/);
});

test.serial('a reader that goes away is no reason to end', async (t) => {
  const pipe = openPipe(t);
  const { program, url, lost } = await start(t, pipe.writeEnd, pipe.read);
  pipe.close();
  await fetch(`${url}/-/reload`, { method: 'POST' });
  await eventually('lost lines are counted', async () => ((await lost()) === LINES ? true : undefined));
  const { status, tookMs } = await end(program, 'SIGTERM');
  t.is(status, 0);
  t.true(tookMs < STOP_WITHIN_MS, `${tookMs} ms`);
});

test.serial('to a file every line is written, the last one too', async (t) => {
  const file = join(temporaryDirectory(t), 'log');
  const { program, url } = await start(t, openSync(file, 'a'), followed(file));
  await flood(url);
  program.child.kill('SIGTERM');
  t.is(await program.ended, 0);
  const log = readFileSync(file, 'utf8');
  t.is(log.match(/configuration not reloaded/g)?.length, RELOADS * LINES);
  t.regex(log, /msg="stopping" signal=SIGTERM\n$/);
});

/** What a file has more than at the last call. */
function followed(file: string): () => string {
  let seen = 0;
  return () => {
    const text = readFileSync(file, 'utf8').slice(seen);
    seen += text.length;
    return text;
  };
}

async function cpuSeconds(url: string): Promise<number> {
  return (await scrape(`${url}/metrics`)).value('process_cpu_seconds_total') ?? Number.NaN;
}
