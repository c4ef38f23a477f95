// Events that are lost, doubled, late and out of order: what is shown is right all the same, and polls come back while events are missing.
import test from 'ava';
import fc from 'fast-check';
import { createRandom } from '../../chaos/random.ts';
import type { ScanStatus } from '../../src/model/scan.ts';
import { EventRegistry, scanCompleted } from '../helpers/event-registry.ts';
import { createScriptedPipeline, entry, TIMING } from '../helpers/scripted-pipeline.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const TAGS = Array.from({ length: 24 }, (_, index) => `v${index}`);
/** From a request to its answer. */
const LATENCY_MS = 50;
/** A poll has at most this delay: no limit holds it up. */
const SOON_MS = 1_000;

type Faults = { readonly lost: number; readonly doubled: number; readonly late: number };
const NONE: Faults = { lost: 0, doubled: 0, late: 0 };
const MANY: Faults = { lost: 0.2, doubled: 0.2, late: 0.2 };

/** The end of a scan, and when the exporter first showed it. */
type End = { readonly tag: string; readonly atMs: number; readonly isAnnounced: boolean; shownMs: number | undefined };

type Setting = { readonly seed: number; readonly channel: 'feed' | 'webhook'; readonly order: 'first' | 'last' };

/** Scans of 24 tags, each of which ends and begins again, under an exporter that hears of the ends as `faults` say. */
class World {
  readonly registry = new EventRegistry();
  readonly pipeline;
  readonly ends: End[] = [];
  wrong = 0;
  readonly #random: () => number;
  readonly #setting: Setting;
  readonly #plan: { readonly atMs: number; readonly run: () => void }[] = [];
  #ids = 0;

  constructor(setting: Setting) {
    this.#setting = setting;
    this.#random = createRandom(setting.seed).share;
    this.pipeline = createScriptedPipeline({
      api: (clock) => this.registry.api(clock, LATENCY_MS),
      random: () => this.#random(),
    });
    for (const tag of TAGS) this.registry.set(tag, 'complete');
    this.pipeline.hooks.tagChanged = () => this.#check();
  }

  async start(signal: AbortSignal): Promise<void> {
    void this.pipeline.scheduler.run(signal);
    await this.pipeline.watch(entry({ namespace: 'shop', name: 'api', id: 'crr-api' }, ...TAGS));
    const { channel } = this.#setting;
    this.pipeline.listen(channel === 'feed' ? { feedMs: 15_000 } : { hasWebhook: true }, HOUR_MS);
    await this.pipeline.clock.advance(MINUTE_MS);
  }

  /** Lets scans begin and end for so long: each tag is scanned about every ten minutes, and its status changes with every end. */
  async run(durationMs: number, faults: Faults): Promise<void> {
    const { clock } = this.pipeline;
    const fromMs = clock.now();
    for (const tag of TAGS) {
      for (let atMs = fromMs + this.#random() * 10 * MINUTE_MS; atMs < fromMs + durationMs; ) {
        const endMs = atMs + MINUTE_MS + this.#random() * 2 * MINUTE_MS;
        const scanMs = atMs;
        this.#at(scanMs, () => this.registry.set(tag, 'scanning', scanMs));
        this.#end(tag, endMs, faults);
        atMs = endMs + (2 + this.#random() * 10) * MINUTE_MS;
      }
    }
    // After the last end, each tag is polled once more.
    await this.#play(fromMs + durationMs + 65 * MINUTE_MS);
  }

  #end(tag: string, endMs: number, faults: Faults): void {
    const isLost = this.#random() < faults.lost;
    const status: ScanStatus = this.#random() < 0.3 ? 'failed' : 'complete';
    const delayMs = this.#random() < faults.late ? (1 + this.#random() * 9) * MINUTE_MS : this.#random() * 400;
    const copies = this.#random() < faults.doubled ? 2 : 1;
    this.#ids += 1;
    const id = `e${this.#ids}`;
    // The times of events are cut to whole seconds.
    const timeMs = Math.floor(endMs / 1_000) * 1_000;
    this.#at(endMs, () => {
      this.registry.set(tag, status, endMs);
      this.ends.push({ tag, atMs: endMs, isAnnounced: !isLost && delayMs < 500, shownMs: undefined });
    });
    if (isLost) return;
    for (let copy = 0; copy < copies; copy += 1)
      this.#at(endMs + delayMs + copy * this.#random() * 30_000, () => this.#announce(id, tag, timeMs));
  }

  #announce(id: string, tag: string, timeMs: number): void {
    const { channel, order } = this.#setting;
    if (channel === 'feed') this.registry.record(id, tag, timeMs, order);
    else this.pipeline.eventManager.intake.receive(scanCompleted(id, tag, timeMs), 'webhook');
  }

  #at(atMs: number, run: () => void): void {
    this.#plan.push({ atMs, run });
  }

  async #play(untilMs: number): Promise<void> {
    const { clock } = this.pipeline;
    this.#plan.sort((one, other) => one.atMs - other.atMs);
    for (const { atMs, run } of this.#plan.splice(0)) {
      if (atMs > clock.now()) await clock.advance(atMs - clock.now());
      run();
    }
    if (untilMs > clock.now()) await clock.advance(untilMs - clock.now());
  }

  /** Called after every change of a tag: what is shown is what the registry had when it was asked. */
  #check(): void {
    const nowMs = this.pipeline.clock.now();
    for (const { target, state } of this.pipeline.store.tags()) {
      if (state.lastSuccessMs !== nowMs) continue;
      for (const end of this.ends)
        if (end.tag === target.tag && end.shownMs === undefined && end.atMs <= nowMs - LATENCY_MS) end.shownMs = nowMs;
      const status = this.registry.statusAt(target.tag, nowMs - LATENCY_MS);
      if (status !== state.status) this.wrong += 1;
    }
  }
}

/** How long after its end each scan was shown as ended, the longest. */
function longestMs(ends: readonly End[]): number {
  return Math.max(...ends.map(({ atMs, shownMs = Number.POSITIVE_INFINITY }) => shownMs - atMs));
}

const setting = fc.record<Setting>({
  seed: fc.nat(),
  channel: fc.constantFrom('feed', 'webhook'),
  order: fc.constantFrom('first', 'last'),
});

test('with a fifth of the events lost, a fifth doubled and a fifth late by minutes, every status is right, lost ends are found by polls, and health goes down and comes back', async (t) => {
  await t.notThrowsAsync(
    fc.assert(
      fc.asyncProperty(setting, async (given) => {
        const stop = new AbortController();
        const world = new World(given);
        const { pipeline, ends, registry } = world;
        const status = () => pipeline.eventManager.statuses()[0];
        const wentDown = () => pipeline.events.some((line) => line.startsWith('events are not healthy'));
        await world.start(stop.signal);

        await world.run(30 * MINUTE_MS, NONE);
        const limitMs = given.channel === 'feed' ? 15_000 + SOON_MS : SOON_MS;
        t.true(longestMs(ends) <= limitMs, `${longestMs(ends)} ms with every event`);
        t.true(status()?.healthy && !wentDown(), 'healthy with every event');
        t.is(status()?.missed, 0);

        ends.length = 0;
        await world.run(2 * HOUR_MS, MANY);
        // Ten announced ends in a row may come by chance, so that events are healthy again for a while.
        t.true(wentDown(), 'not healthy with a fifth lost');
        t.true((status()?.missed ?? 0) >= 3);
        t.true(longestMs(ends) <= HOUR_MS + SOON_MS, `${longestMs(ends)} ms within the interval`);
        const announced = ends.filter(({ isAnnounced }) => isAnnounced);
        t.true(longestMs(announced) <= limitMs, `${longestMs(announced)} ms when announced`);

        ends.length = 0;
        await world.run(HOUR_MS, NONE);
        t.true(status()?.healthy, 'healthy again');
        t.true(longestMs(ends) <= limitMs);
        for (const { target, state } of pipeline.store.tags()) t.is(state.status, registry.statusOf(target.tag));
        t.is(world.wrong, 0);
        stop.abort();
      }),
      { numRuns: 6 },
    ),
  );
});

test('while events are healthy, complete tags are polled at their own interval, and at the usual one as soon as they are not', async (t) => {
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  const world = new World({ seed: 1, channel: 'feed', order: 'first' });
  const { pipeline, registry } = world;
  await world.start(stop.signal);
  const polls = () => registry.requests.get('GetRepoTagScanStatus') ?? 0;
  await pipeline.clock.advance(TIMING.intervals.completeMs);
  const before = polls();
  await pipeline.clock.advance(HOUR_MS);
  t.true(polls() - before <= 2 * TAGS.length, `${polls() - before} polls in an hour`);
  registry.feedError = 'SystemError';
  await pipeline.clock.advance(2 * MINUTE_MS);
  t.false(pipeline.eventManager.statuses()[0]?.healthy);
  const failing = polls();
  await pipeline.clock.advance(TIMING.intervals.completeMs);
  t.true(polls() - failing >= TAGS.length, `${polls() - failing} polls in the usual interval`);
});
