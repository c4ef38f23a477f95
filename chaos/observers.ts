// The observers of a run: they scrape, probe, read the simulator's state, and measure the stalls of this program's own event loop.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from './random.ts';
import type { Span } from './record.ts';
import { get, MODES, scrape } from './scraper.ts';
import type { Member, Stage } from './stage.ts';
import { starvationOf } from './starvation.ts';

const SCRAPE_EVERY_MS = 250;
const PROBE_EVERY_MS = 250;
const LOOK_EVERY_MS = 200;
const TICK_MS = 20;
const STARVATION_EVERY_MS = 50;
/** Longer than the laws allow, to measure how late an answer is. */
const TIMEOUT_MS = 8_000;

export type Observers = {
  /** Aborted when one has failed. */
  readonly failed: AbortSignal;
  /** Ends them; rejects where one failed. */
  readonly end: () => Promise<void>;
};

/** An action, and the pause after which it is repeated. */
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
  // Each member on its own: one that stands still does not delay what is seen of the others.
  const places = Array.from({ length: stage.record.members }, (_, place) => place);
  const loops = Promise.all(
    [
      ...places.flatMap((place) => [
        { everyMs: SCRAPE_EVERY_MS, run: () => takeScrape(stage, place, random) },
        { everyMs: PROBE_EVERY_MS, run: () => probe(stage, place) },
        { everyMs: STARVATION_EVERY_MS, run: watchStarvation(stage, place) },
      ]),
      { everyMs: LOOK_EVERY_MS, run: async () => void (await stage.simulator.look()) },
      { everyMs: LOOK_EVERY_MS, run: async () => stage.watchState() },
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

async function takeScrape(stage: Stage, place: number, random: Random): Promise<void> {
  await watch(stage, place, '/metrics', async ({ program, life }) => {
    stage.record.scrapes.push(await scrape(program.url, life, random.one(MODES), TIMEOUT_MS));
    return true;
  });
}

async function probe(stage: Stage, place: number): Promise<void> {
  const path = '/-/healthy';
  await watch(
    stage,
    place,
    path,
    async ({ program }) => (await get(program.url + path, {}, TIMEOUT_MS)).status === 200,
  );
}

/** Notes how a request goes, unless the process that it went to ended meanwhile. */
async function watch(
  stage: Stage,
  place: number,
  path: string,
  ask: (member: Member) => Promise<boolean>,
): Promise<void> {
  const member = stage.memberAt(place);
  if (member === undefined) return;
  const [sentAt, begin] = [Date.now(), performance.now()];
  const ok = await ask(member).catch(() => false);
  if (member.life.to === Number.POSITIVE_INFINITY)
    stage.record.probes.push({ path, sentAt, tookMs: performance.now() - begin, ok });
}

/** Notes when this program itself was blocked: then its measurements are not about the exporter. */
async function watchOwnLoop({ record }: Stage): Promise<void> {
  const from = Date.now();
  await sleep(TICK_MS);
  const to = Date.now();
  if (to - from > 3 * TICK_MS) record.pauses.push({ from, to });
}

/** Notes when the exporter waited for a processor: on a busy machine, an answer is late for that reason too. */
function watchStarvation(stage: Stage, place: number): () => Promise<void> {
  let measured: { readonly pid: number; readonly since: () => Span | undefined } | undefined;
  return async () => {
    const pid = stage.memberAt(place)?.program.child.pid;
    if (pid === undefined) return;
    if (measured?.pid !== pid) measured = { pid, since: starvationOf(pid) };
    const wait = measured.since();
    if (wait !== undefined) stage.record.pauses.push(wait);
  };
}
