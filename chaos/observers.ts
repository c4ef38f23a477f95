// The observers of a run: they scrape, probe, read the simulator's state, and measure the stalls of this program's own event loop.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from './random.ts';
import { get, MODES, scrape } from './scraper.ts';
import type { Stage } from './stage.ts';

const SCRAPE_EVERY_MS = 250;
const PROBE_EVERY_MS = 250;
const LOOK_EVERY_MS = 200;
const TICK_MS = 20;
/** Longer than the laws allow, so that it is known by how much an answer is late. */
const TIMEOUT_MS = 8_000;

export type Observers = {
  /** Aborted when one has failed. */
  readonly failed: AbortSignal;
  /** Ends them; rejects where one failed. */
  readonly end: () => Promise<void>;
};

/** Something that is done again so long after it was done. */
export type Repeated = { readonly everyMs: number; readonly run: () => Promise<void> };

/** Starts every observer, and another that is given. */
export function observe(stage: Stage, random: Random, other: Repeated): Observers {
  const ending = new AbortController();
  const failed = new AbortController();
  const repeat = async ({ everyMs, run }: Repeated) => {
    try {
      while (!ending.signal.aborted) {
        await run();
        await sleep(everyMs);
      }
    } catch (error) {
      failed.abort();
      throw error;
    }
  };
  const loops = Promise.all(
    [
      { everyMs: SCRAPE_EVERY_MS, run: () => takeScrape(stage, random) },
      { everyMs: PROBE_EVERY_MS, run: () => probe(stage) },
      { everyMs: LOOK_EVERY_MS, run: async () => void (await stage.simulator.look()) },
      { everyMs: 0, run: () => watchOwnLoop(stage) },
      other,
    ].map(repeat),
  );
  // The rejection reaches the caller of `end`: until then it is not an unhandled one.
  loops.catch(() => undefined);
  return {
    failed: failed.signal,
    end: async () => {
      ending.abort();
      await loops;
    },
  };
}

async function takeScrape(stage: Stage, random: Random): Promise<void> {
  const { life, exporter, record } = stage;
  if (life === undefined) return;
  await watch(stage, '/metrics', async () => {
    record.scrapes.push(await scrape(exporter.url, life, random.one(MODES), TIMEOUT_MS));
    return true;
  });
}

async function probe(stage: Stage): Promise<void> {
  const path = '/-/healthy';
  if (stage.life === undefined) return;
  await watch(stage, path, async () => (await get(stage.exporter.url + path, {}, TIMEOUT_MS)).status === 200);
}

/** Notes how a request goes, unless the process that it went to ended meanwhile. */
async function watch({ life, record }: Stage, path: string, ask: () => Promise<boolean>): Promise<void> {
  const [sentAt, begin] = [Date.now(), performance.now()];
  const ok = await ask().catch(() => false);
  if (life?.to === Number.POSITIVE_INFINITY)
    record.probes.push({ path, sentAt, tookMs: performance.now() - begin, ok });
}

/** Notes when this program itself stood still, since then nothing that it measures is the exporter's. */
async function watchOwnLoop({ record }: Stage): Promise<void> {
  const from = Date.now();
  await sleep(TICK_MS);
  const to = Date.now();
  if (to - from > 3 * TICK_MS) record.pauses.push({ from, to });
}
