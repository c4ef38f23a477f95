// What looks on while things happen: scrapes, probes, looks at the truth, and a watch over this program's own loop.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from './random.ts';
import { get, MODES, scrape } from './scraper.ts';
import type { Stage } from './stage.ts';

const SCRAPE_EVERY_MS = 250;
const PROBE_EVERY_MS = 250;
const LOOK_EVERY_MS = 200;
const TICK_MS = 20;
/** A probe waits for longer than the law allows, so that it is known by how much it is late. */
const PROBE_TIMEOUT_MS = 5_000;

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

async function takeScrape({ life, exporter, record }: Stage, random: Random): Promise<void> {
  if (life === undefined) return;
  try {
    record.scrapes.push(await scrape(exporter.url, life.number, random.one(MODES), PROBE_TIMEOUT_MS));
  } catch (error) {
    // Whether it answers at all is what the probes are for; a life that ended meanwhile answers nothing.
    if (!(error instanceof Error)) throw error;
  }
}

async function probe({ life, exporter, record }: Stage): Promise<void> {
  if (life === undefined) return;
  const [sentAt, begin] = [Date.now(), performance.now()];
  const ok = await get(`${exporter.url}/-/healthy`, {}, PROBE_TIMEOUT_MS).then(
    ({ status }) => status === 200,
    () => false,
  );
  if (life.to !== Number.POSITIVE_INFINITY) return;
  record.probes.push({ sentAt, tookMs: performance.now() - begin, ok });
}

/** Notes when this program itself stood still, since then nothing that it measures is the exporter's. */
async function watchOwnLoop({ record }: Stage): Promise<void> {
  const from = Date.now();
  await sleep(TICK_MS);
  const to = Date.now();
  if (to - from > 3 * TICK_MS) record.pauses.push({ from, to });
}
