// What looks on while things happen: scrapes, probes, looks at the truth, and a watch over this program's own loop.
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

/** Starts every observer; returns what ends them, which rejects where one failed. */
export function observe(stage: Stage, random: Random): { readonly end: () => Promise<void> } {
  const ending = new AbortController();
  const repeat = async (everyMs: number, work: () => Promise<void>) => {
    while (!ending.signal.aborted) {
      await work();
      await sleep(everyMs);
    }
  };
  const loops = [
    repeat(SCRAPE_EVERY_MS, () => takeScrape(stage, random)),
    repeat(PROBE_EVERY_MS, () => probe(stage)),
    repeat(LOOK_EVERY_MS, async () => void (await stage.simulator.look())),
    repeat(0, () => watchOwnLoop(stage)),
  ];
  return {
    end: async () => {
      ending.abort();
      await Promise.all(loops);
    },
  };
}

async function takeScrape(stage: Stage, random: Random): Promise<void> {
  const { life, exporter, record } = stage;
  if (life === undefined) return;
  await watch(stage, '/metrics', async () => {
    record.scrapes.push(await scrape(exporter.url, life.number, random.one(MODES), TIMEOUT_MS));
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
