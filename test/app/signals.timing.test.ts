// Signals: SIGHUP reloads, SIGTERM and SIGINT stop without cutting a scrape, a second one ends at once.
import { execFileSync } from 'node:child_process';
import { readdirSync, readlinkSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { eventually } from '../helpers/eventually.ts';
import {
  type ConfigurationInput,
  configurationFor,
  instanceAt,
  scrape,
  startSimulator,
  temporaryDirectory,
} from '../helpers/exporter.ts';
import { parsePage } from '../helpers/exposition.ts';
import { type Program, startProgram } from '../helpers/program.ts';

const MANY = 20_000;
const STOP_WITHIN_MS = 5_000;

async function start(t: ExecutionContext, configuration: ConfigurationInput) {
  const file = join(temporaryDirectory(t), 'config.yml');
  const write = (content: ConfigurationInput | string) => {
    writeFileSync(`${file}.new`, typeof content === 'string' ? content : JSON.stringify(content));
    renameSync(`${file}.new`, file);
  };
  write(configuration);
  const program = startProgram(t, [`--config.file=${file}`, '--web.listen-address=127.0.0.1:0']);
  const address = await program.listening();
  await program.logged(/msg="polling"/);
  return { program, file, write, url: `http://${address}` };
}

function watching(address: string, tags: readonly string[]): ConfigurationInput {
  return configurationFor(address, {
    instances: [instanceAt(address, { repositories: [{ namespace: 'shop', name: 'api', id: 'crr-1', tags }] })],
  });
}

const manyTags = (address: string) =>
  watching(
    address,
    Array.from({ length: MANY }, (_, n) => `v${n}`),
  );

/** Sends a signal, and gives the exit status and how long it took. */
async function stop({ child, ended }: Program, signal: NodeJS.Signals) {
  const beginMs = performance.now();
  child.kill(signal);
  return { status: await ended, tookMs: performance.now() - beginMs };
}

/** Begins a scrape and does not read on after the head. */
async function beginScrape(t: ExecutionContext, url: string): Promise<IncomingMessage> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(`${url}/metrics`, { agent: false }, resolve).on('error', reject);
  });
  response.pause();
  response.on('error', () => {});
  t.teardown(() => response.destroy());
  return response;
}

async function readAll(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function statusOf(url: string): Promise<number> {
  return (await fetch(url, { headers: { connection: 'close' } })).status;
}

test.serial(
  'SIGHUP puts a good file in force, keeps the old one when the new one is bad, and goes on after both',
  async (t) => {
    const simulator = await startSimulator(t);
    const { program, write, url } = await start(t, watching(simulator.address, ['latest', 'old']));
    const shownTags = async () => {
      const page = await scrape(`${url}/metrics`);
      return (page.families.get('acr_scan_tag_status')?.samples ?? []).map(({ labels }) => labels.tag).sort();
    };
    t.deepEqual(await shownTags(), ['latest', 'old']);
    write('instances: nothing\n');
    program.child.kill('SIGHUP');
    await program.logged(/level=error .*instances: expected/);
    t.deepEqual(await shownTags(), ['latest', 'old']);
    write(watching(simulator.address, ['latest', 'new']));
    program.child.kill('SIGHUP');
    await eventually('the new file is in force', async () => ((await shownTags()).includes('new') ? true : undefined));
    t.deepEqual(await shownTags(), ['latest', 'new']);
    t.is((await scrape(`${url}/metrics`)).value('acr_scan_exporter_config_last_reload_successful'), 1);
  },
);

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test.serial(`${signal} in the middle of polling ends it with 0 at once`, async (t) => {
    const simulator = await startSimulator(t, { faults: [{ hang: 'before_head' }] });
    const { program } = await start(t, watching(simulator.address, ['latest']));
    await eventually('a request is under way', () => simulator.requests()[0]);
    const { status, tookMs } = await stop(program, signal);
    t.is(status, 0);
    t.true(tookMs < STOP_WITHIN_MS, `${tookMs} ms`);
    t.notRegex(program.output.stderr, /\n +at |level=error/);
  });
}

test.serial(
  'SIGTERM in the middle of a slow scrape: no new poll, not ready, the scrape is whole, then 0 within 5 s',
  async (t) => {
    const simulator = await startSimulator(t);
    const { program, url } = await start(t, manyTags(simulator.address));
    await eventually('polling runs', () => simulator.requests()[0]);
    t.is(await statusOf(`${url}/-/ready`), 200);
    const response = await beginScrape(t, url);
    const beginMs = performance.now();
    program.child.kill('SIGTERM');
    await eventually('it is not ready', async () => ((await statusOf(`${url}/-/ready`)) === 503 ? true : undefined));
    t.is(await statusOf(`${url}/-/healthy`), 200);
    const sent = simulator.requests().length;
    const page = await readAll(response);
    t.is(page.length, Number(response.headers['content-length']));
    t.is(parsePage(page.toString()).families.get('acr_scan_tag_status')?.samples.length, MANY);
    t.is(await program.ended, 0);
    t.true(performance.now() - beginMs < STOP_WITHIN_MS, `${performance.now() - beginMs} ms`);
    t.true(simulator.requests().length - sent <= 1, 'nothing new is asked');
  },
);

test.serial('SIGTERM does not wait longer than 5 s for a scraper that does not read', async (t) => {
  const simulator = await startSimulator(t);
  const { program, url } = await start(t, manyTags(simulator.address));
  await beginScrape(t, url);
  const { status, tookMs } = await stop(program, 'SIGTERM');
  t.is(status, 0);
  t.true(tookMs >= 4_000 && tookMs < STOP_WITHIN_MS, `${tookMs} ms`);
});

for (const [second, expected] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test.serial(`a second signal, ${second}, ends it at once with ${expected}`, async (t) => {
    const simulator = await startSimulator(t);
    const { program, url } = await start(t, manyTags(simulator.address));
    await beginScrape(t, url);
    program.child.kill('SIGTERM');
    await program.logged(/msg="stopping"/);
    const { status, tookMs } = await stop(program, second);
    t.is(status, expected);
    t.true(tookMs < 2_000, `${tookMs} ms`);
  });
}

/** Puts a pipe that nothing writes to in place of a file. */
function blockAt(file: string): void {
  rmSync(file, { force: true });
  execFileSync('mkfifo', [file]);
}

test.serial('a pipe in place of the configuration file ends neither reloads nor signals', async (t) => {
  const simulator = await startSimulator(t);
  const { program, file, write, url } = await start(t, watching(simulator.address, ['latest']));
  blockAt(file);
  program.child.kill('SIGHUP');
  await program.logged(/level=error msg="configuration not reloaded" problem=".*found a pipe/);
  write(watching(simulator.address, ['latest', 'new']));
  program.child.kill('SIGHUP');
  await program.logged(/msg="configuration reloaded"/);
  blockAt(file);
  program.child.kill('SIGHUP');
  t.is(await statusOf(`${url}/-/healthy`), 200);
  const { status, tookMs } = await stop(program, 'SIGTERM');
  t.is(status, 0);
  t.true(tookMs < 2_000, `${tookMs} ms`);
});

for (const [flags, expected] of [
  [[], 0],
  [['--config.check'], 143],
] as const) {
  test.serial(`while ${flags.join()} waits for a pipe, SIGTERM ends it with ${expected}`, async (t) => {
    const file = join(temporaryDirectory(t), 'config.yml');
    blockAt(file);
    const program = startProgram(t, [`--config.file=${file}`, '--web.listen-address=127.0.0.1:0', ...flags]);
    await eventually('the pipe is open', () => (isOpenFor(program, file) ? true : undefined));
    const { status, tookMs } = await stop(program, 'SIGTERM');
    t.is(status, expected);
    t.true(tookMs < STOP_WITHIN_MS, `${tookMs} ms`);
  });
}

test.serial(
  'pipes in place of certificate and key are waited for together, so that SIGTERM is not put off for longer',
  async (t) => {
    const simulator = await startSimulator(t);
    const directory = temporaryDirectory(t);
    const at = (name: string) => join(directory, name);
    const [file, web, cert, key] = [at('config.yml'), at('web.yml'), at('cert.pem'), at('key.pem')];
    writeFileSync(file, JSON.stringify(watching(simulator.address, ['latest'])));
    writeFileSync(web, 'tls_server_config: { cert_file: cert.pem, key_file: key.pem, client_ca_file: key.pem }\n');
    for (const pipe of [cert, key]) blockAt(pipe);
    const program = startProgram(t, [
      `--config.file=${file}`,
      `--web.config.file=${web}`,
      '--web.listen-address=127.0.0.1:0',
    ]);
    await eventually('the pipe is open', () => (isOpenFor(program, cert) ? true : undefined));
    const { tookMs } = await stop(program, 'SIGTERM');
    t.true(tookMs < STOP_WITHIN_MS, `${tookMs} ms`);
  },
);

function isOpenFor({ child }: Program, file: string): boolean {
  const directory = `/proc/${child.pid}/fd`;
  return readdirSync(directory).some((descriptor) => {
    try {
      return readlinkSync(join(directory, descriptor)) === file;
    } catch {
      return false;
    }
  });
}
