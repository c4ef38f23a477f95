// Measures what the page at `/` costs: the exporter as a process, and a state in which every tag is known. Polls go on at 100 a second.
import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchPart, Row } from '../part.ts';
import { ask, type Program, startProgram, temporaryDirectory, writeConfiguration, writeScenario } from '../program.ts';
import { writeState } from '../restart/state.ts';

const TAGS_EACH = 100;
const ROWS_PER_PAGE = 100;
const REQUESTS_PER_SECOND = 100;
/** The interval of complete tags is longer than that: a request for their vulnerabilities follows. */
const INTERVAL_SHARE = 2.2;
const FAILED_EVERY = 50;
/** Pages before the measured ones, so that V8 compiles the hot code. */
const WARM_UPS = 5;
/** People look at the page now and then, so its requests do not follow each other at once. */
const PAUSE_MS = 50;
/** The exporter loads the SDK once it listens. */
const SETTLE_MS = 3_000;
/** The time without requests, for comparison. */
const IDLE_MS = 5_000;

export const pagePart: BenchPart = {
  name: 'page',
  run: async ({ sizes, repeats, compiled, progress }) => {
    const rows: Row[] = [];
    for (const tags of sizes) {
      progress(`page: ${tags} tags`);
      rows.push(...(await measureSize(compiled, tags, repeats)));
    }
    return {
      title: 'The page',
      rows,
      notes: [
        `Tags in repositories of ${TAGS_EACH}; of ${FAILED_EVERY} tags one has a failed scan. Requests of the API go on at ${REQUESTS_PER_SECOND} a second.`,
        '`first byte`: from the request to the first byte of the answer, the median and the slowest of several requests, one after the other.',
        '`held`: the longest that the main thread computed without a turn of the event loop, in any of them. The row without a path is the exporter alone.',
      ],
    };
  },
};

async function measureSize(compiled: string, tags: number, repeats: number): Promise<Row[]> {
  const { exporter, stop } = await start(compiled, tags);
  const rows: Row[] = [{ tags, page: '', ...(await heldDuring(exporter, () => sleep(IDLE_MS))) }];
  for (const path of pathsOf(tags)) {
    const load = async () => {
      await sleep(PAUSE_MS);
      return loadPage(exporter, path);
    };
    for (let repeat = 0; repeat < WARM_UPS; repeat += 1) await load();
    const loads: Load[] = [];
    const held = await heldDuring(exporter, async () => {
      for (let repeat = 0; repeat < repeats; repeat += 1) loads.push(await load());
    });
    const firstBytes = loads.map(({ firstByteMs }) => firstByteMs).sort((a, b) => a - b);
    rows.push({
      tags,
      page: path,
      'first byte ms': firstBytes[firstBytes.length >> 1]?.toFixed(0) ?? '',
      'slowest ms': firstBytes.at(-1)?.toFixed(0) ?? '',
      kB: (Math.max(...loads.map(({ bytes }) => bytes)) / 1e3).toFixed(0),
      ...held,
    });
  }
  await stop();
  return rows;
}

function pathsOf(tags: number): string[] {
  const lastPage = Math.ceil(tags / ROWS_PER_PAGE);
  return [
    '/',
    '/?sort=vulnerabilities&order=desc',
    '/?sort=tag',
    '/?status=failed',
    '/?q=bench+v77',
    `/?page=${lastPage}`,
    `/?sort=tag&page=${lastPage}`,
    `/?sort=repository&page=${lastPage >> 1}`,
    '/?repository=bench/app-7',
    '/?repository=bench/app-7&tag=v50',
    '/?by=repository',
  ];
}

async function start(compiled: string, tags: number) {
  const directory = temporaryDirectory();
  const state = `${directory}/state`;
  const repositories = Math.ceil(tags / TAGS_EACH);
  const simulator = await startProgram(`${compiled}/src/simulator/bin.js`, [
    '--listen-address=127.0.0.1:0',
    `--scenario=${writeScenario(directory, TAGS_EACH, repositories)}`,
  ]);
  const completeIntervalMs = Math.ceil((tags / REQUESTS_PER_SECOND) * INTERVAL_SHARE * 1_000);
  const config = writeConfiguration(directory, {
    address: simulator.address,
    tags,
    requestsPerSecond: REQUESTS_PER_SECOND,
    completeInterval: `${completeIntervalMs}ms`,
    discover: true,
  });
  await writeState(state, {
    config,
    repositories,
    tagsEach: TAGS_EACH,
    completeIntervalMs,
    discovered: true,
    failedEvery: FAILED_EVERY,
  });
  const args = [
    `--config.file=${config}`,
    '--web.listen-address=127.0.0.1:0',
    `--storage.path=${state}`,
    // A save would hold the event loop, too, which `--only=restart` measures.
    '--storage.interval=1h',
  ];
  const exporter = await startProgram(`${compiled}/src/bin.js`, args, `${compiled}/bench/probe.js`);
  await sleep(SETTLE_MS);
  return { exporter, stop: () => Promise.all([exporter.stop(), simulator.stop()]) };
}

async function heldDuring(exporter: Program, work: () => Promise<unknown>): Promise<Row> {
  await ask(exporter, 'watch');
  await work();
  const { longestHoldMs } = await ask(exporter, 'read');
  return { 'held ms': longestHoldMs.toFixed(1) };
}

type Load = { readonly firstByteMs: number; readonly bytes: number };

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

async function loadPage({ address }: Program, path: string): Promise<Load> {
  const begin = performance.now();
  const request = get(`http://${address}${path}`, { agent });
  const [response] = await once(request, 'response');
  const firstByteMs = performance.now() - begin;
  let bytes = 0;
  for await (const chunk of response) bytes += chunk.length;
  if (response.statusCode !== 200) throw new Error(`expected a page at ${path}, found status ${response.statusCode}`);
  return { firstByteMs, bytes };
}
