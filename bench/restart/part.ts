// Measures what `--storage.path` costs, and what a restart with it takes: the simulator and the exporter as processes, and a state in which every
// tag is known. A second exporter without storage does the same work at the same time.
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import type { BenchPart, Row } from '../part.ts';
import {
  ask,
  cpuMsOf,
  type Program,
  rssMegabytesOf,
  startProgram,
  temporaryDirectory,
  writeConfiguration,
  writeScenario,
} from '../program.ts';
import { stateFile, stateMegabytes, writeState } from './state.ts';

/** More tags than this are found by discovery: nobody lists them. */
const MOST_LISTED = 100_000;
const TAGS_EACH = 100;
/** Saves before the measured ones, so that V8 compiles the hot code. */
const WARM_UPS = 5;
const SAVES = 20;
const DEFAULT_INTERVAL_MS = 30_000;

type Case = {
  readonly tags: number;
  readonly kind: 'listed' | 'discovered';
  readonly requestsPerSecond: number;
  /** Much shorter than the default, so that many saves are measured; longer than a save takes. */
  readonly saveEveryMs: number;
};

export const restartPart: BenchPart = {
  name: 'restart',
  run: async ({ sizes, compiled, progress }) => {
    const rows: Row[] = [];
    for (const each of sizes.flatMap(casesOf)) {
      progress(`restart: ${each.tags} ${each.kind} tags`);
      rows.push(await measure(compiled, each));
    }
    return {
      title: 'A restart with --storage.path',
      rows,
      notes: [
        'Discovered tags have digests and vulnerabilities, listed ones have not. Requests go on at the rate, so that something changes in every interval.',
        '`first page`: from `msg="listening"` until a scrape (gzip) has shown every tag as known. `start CPU`: from the start of the process until it listens. Both also without storage, where the page has no answers.',
        '`read`: CPU of decompressing and parsing the same file in a bare loop.',
        `\`save CPU\` is what an exporter with storage uses more than one without, at the same time, for each of ${SAVES} saves; its share is for the default interval of ${DEFAULT_INTERVAL_MS / 1_000} s.`,
        '`held`: the longest that the main thread computed without a turn of the event loop, with saves and without storage.',
      ],
    };
  },
};

function casesOf(tags: number): Case[] {
  const requestsPerSecond = tags < 10_000 ? 5 : 100;
  const saveEveryMs = tags > MOST_LISTED ? 15_000 : 2_000;
  const shared = { tags, requestsPerSecond, saveEveryMs };
  return [
    ...(tags <= MOST_LISTED ? [{ ...shared, kind: 'listed' } as const] : []),
    ...(tags >= MOST_LISTED ? [{ ...shared, kind: 'discovered' } as const] : []),
  ];
}

async function measure(compiled: string, { tags, kind, requestsPerSecond, saveEveryMs }: Case): Promise<Row> {
  const directory = temporaryDirectory();
  const state = `${directory}/state`;
  const discovered = kind === 'discovered';
  const repositories = discovered ? Math.ceil(tags / TAGS_EACH) : 1;
  const tagsEach = tags / repositories;
  const simulator = await startProgram(`${compiled}/src/simulator/bin.js`, [
    '--listen-address=127.0.0.1:0',
    `--scenario=${writeScenario(directory, tagsEach, repositories)}`,
  ]);
  // Polls of all tags take a little less than the interval; a discovered tag has a second request, for its vulnerabilities.
  const completeIntervalMs = Math.ceil((tags / requestsPerSecond) * (discovered ? 2.2 : 1.1) * 1_000);
  const completeInterval = `${completeIntervalMs}ms`;
  const { address } = simulator;
  const config = writeConfiguration(directory, {
    address,
    tags,
    requestsPerSecond,
    completeInterval,
    discover: discovered,
  });
  await writeState(state, { config, repositories, tagsEach, completeIntervalMs, discovered });
  const megabytes = stateMegabytes(state);
  const readMs = readCpuMs(state);
  const start = async (...flags: readonly string[]) => {
    const args = [`--config.file=${config}`, '--web.listen-address=127.0.0.1:0', ...flags];
    const exporter = await startProgram(`${compiled}/src/bin.js`, args, `${compiled}/bench/probe.js`);
    const startCpuMs = cpuMsOf(exporter.pid);
    const begin = performance.now();
    const page = await scrape(exporter);
    const pageMs = performance.now() - begin;
    return { exporter, startCpuMs, page, pageMs, pageCpuMs: cpuMsOf(exporter.pid) - startCpuMs };
  };
  const bare = await start();
  const keeping = await start(`--storage.path=${state}`, `--storage.interval=${saveEveryMs}ms`);
  const known = count(keeping.page, '\nacr_scan_tag_last_success_timestamp_seconds{');
  if (known !== tags) throw new Error(`expected ${tags} tags on the first page, found ${known}`);
  const saving = await measureSaves(keeping.exporter, bare.exporter, stateFile(state));
  const row = {
    tags,
    kind,
    'file MB': megabytes.toFixed(1),
    'read CPU ms': readMs.toFixed(0),
    'start CPU ms, without': `${keeping.startCpuMs.toFixed(0)}, ${bare.startCpuMs.toFixed(0)}`,
    'start ms, without': `${keeping.exporter.listeningMs.toFixed(0)}, ${bare.exporter.listeningMs.toFixed(0)}`,
    'first page ms, without': `${keeping.pageMs.toFixed(0)}, ${bare.pageMs.toFixed(0)}`,
    'its CPU ms, without': `${keeping.pageCpuMs.toFixed(0)}, ${bare.pageCpuMs.toFixed(0)}`,
    'save CPU ms': saving.cpuMs.toFixed(0),
    'share at 30 s': `${((saving.cpuMs / DEFAULT_INTERVAL_MS) * 100).toFixed(2)} %`,
    'held ms, without': `${saving.heldMs.toFixed(1)}, ${saving.heldWithoutMs.toFixed(1)}`,
    'RSS MB, without': `${rssMegabytesOf(keeping.exporter.pid).toFixed(0)}, ${rssMegabytesOf(bare.exporter.pid).toFixed(0)}`,
  };
  for (const { stop } of [keeping.exporter, bare.exporter, simulator]) await stop();
  return row;
}

/** CPU of decompressing a state file and parsing its lines. */
function readCpuMs(state: string): number {
  const file = readFileSync(stateFile(state));
  const begin = process.cpuUsage();
  const text = gunzipSync(file);
  for (let start = 0, end = text.indexOf('\n'); end !== -1; start = end + 1, end = text.indexOf('\n', start))
    JSON.parse(text.toString('utf8', start, end));
  const { user, system } = process.cpuUsage(begin);
  return (user + system) / 1_000;
}

async function measureSaves(keeping: Program, bare: Program, file: string) {
  await saves(file, WARM_UPS);
  const [before, bareBefore] = await Promise.all([ask(keeping, 'read'), ask(bare, 'read')]);
  await saves(file, SAVES);
  const [after, bareAfter] = await Promise.all([ask(keeping, 'watch'), ask(bare, 'watch')]);
  await saves(file, WARM_UPS);
  const [held, bareHeld] = await Promise.all([ask(keeping, 'read'), ask(bare, 'read')]);
  return {
    cpuMs: (after.cpuMs - before.cpuMs - (bareAfter.cpuMs - bareBefore.cpuMs)) / SAVES,
    heldMs: held.longestHoldMs,
    heldWithoutMs: bareHeld.longestHoldMs,
  };
}

/** Resolves when the state file has been replaced so many times. */
async function saves(file: string, count: number): Promise<void> {
  let last = statSync(file).mtimeMs;
  for (let seen = 0; seen < count; ) {
    await sleep(50);
    // Between the two renames of a save there is no file.
    const present = statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? last;
    if (present === last) continue;
    last = present;
    seen += 1;
  }
}

/** A page as Prometheus asks for it. */
async function scrape({ address }: Program): Promise<Buffer> {
  const request = get(`http://${address}/metrics`, { headers: { 'accept-encoding': 'gzip' } });
  const [response] = await once(request, 'response');
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return gunzipSync(Buffer.concat(chunks));
}

/** How often a text occurs. A page of a million tags is longer than a string can be. */
function count(page: Buffer, text: string): number {
  let found = 0;
  for (let at = page.indexOf(text); at !== -1; at = page.indexOf(text, at + 1)) found += 1;
  return found;
}
