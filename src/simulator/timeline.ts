// How a tag's scan status runs over time: a pure function of the course and of the time, however often and in whatever order
// it is asked.
import { type Draw, type DurationRange, within } from './random.ts';

/** A status that lasts; `Infinity` lasts for ever. */
export type Phase = { readonly status: string; readonly durationMs: number };

/** What follows what: the phases of the first, second, … cycle; never empty, and with durations above 0. */
export type Course = (cycle: number) => readonly Phase[];

/** The phase at some moment, in milliseconds since the simulator started; `untilMs` is `Infinity` for the last one. */
export type Moment = { readonly status: string; readonly sinceMs: number; readonly untilMs: number };

/** How scans run: the `scan` section of a scenario. */
export type ScanTiming = {
  readonly duration: DurationRange;
  readonly retryShare: number;
  readonly retryDuration: DurationRange;
  readonly failureShare: number;
  /** From the end of a scan to the start of the next; undefined when there is no next. */
  readonly rescanInterval: DurationRange | undefined;
  /** The share of tags whose first scan was over before the simulator started. */
  readonly scannedShare: number;
};

const SHORTEST_PHASE_MS = 1;

/** A course from a moment on. Remembers how far it has come, which makes asking cheap and changes no answer. */
export class Timeline {
  readonly #course: Course;
  readonly #startMs: number;
  #cycle = 0;
  #cycleStartMs: number;
  #phases: readonly Phase[];

  /** @param startMs when the course begins, in milliseconds since the simulator started */
  constructor(course: Course, startMs: number) {
    this.#course = course;
    this.#startMs = startMs;
    this.#cycleStartMs = startMs;
    this.#phases = course(0);
  }

  /** The phase at `elapsedMs`; before its start, a timeline is in its first phase. */
  at(elapsedMs: number): Moment {
    if (elapsedMs < this.#cycleStartMs) this.#enter(0, this.#startMs);
    for (;;) {
      let sinceMs = this.#cycleStartMs;
      for (const { status, durationMs } of this.#phases) {
        const untilMs = sinceMs + durationMs;
        if (elapsedMs < untilMs) return { status, sinceMs, untilMs };
        sinceMs = untilMs;
      }
      this.#enter(this.#cycle + 1, sinceMs);
    }
  }

  #enter(cycle: number, startMs: number): void {
    this.#cycle = cycle;
    this.#cycleStartMs = startMs;
    this.#phases = this.#course(cycle);
  }
}

/** One status for ever. */
export function fixedCourse(status: string): Course {
  const phases = [{ status, durationMs: Number.POSITIVE_INFINITY }];
  return () => phases;
}

/** The phases as given: the last one stays, or with `repeat` the first follows it. */
export function scriptedCourse(phases: readonly Phase[], repeat: boolean): Course {
  if (repeat) return () => phases;
  const last = phases.at(-1);
  const lasting = last ? [...phases.slice(0, -1), { ...last, durationMs: Number.POSITIVE_INFINITY }] : phases;
  return () => lasting;
}

/** Scans as they happen: SCANNING, sometimes RETRYING, then COMPLETE or FAILED until the next scan, if there is one. */
export function scanCourse(timing: ScanTiming, draw: Draw): Course {
  const scannedBefore = draw('scanned before') < timing.scannedShare;
  return (cycle) => (cycle === 0 && scannedBefore ? [outcome(timing, draw, cycle)] : scan(timing, draw, cycle));
}

/** The same, beginning with a scan whatever happened before. */
export function freshScanCourse(timing: ScanTiming, draw: Draw): Course {
  return (cycle) => scan(timing, draw, cycle);
}

function scan(timing: ScanTiming, draw: Draw, cycle: number): readonly Phase[] {
  const phases = [phase('SCANNING', within(timing.duration, draw('duration', cycle)))];
  if (draw('retry', cycle) < timing.retryShare) {
    phases.push(phase('RETRYING', within(timing.retryDuration, draw('retry duration', cycle))));
  }
  phases.push(outcome(timing, draw, cycle, 1));
  return phases;
}

/** How a scan ended, until the next; a scan from before the start is over for a random part of the interval already. */
function outcome(timing: ScanTiming, draw: Draw, cycle: number, part = draw('age')): Phase {
  const status = draw('failure', cycle) < timing.failureShare ? 'FAILED' : 'COMPLETE';
  if (!timing.rescanInterval) return { status, durationMs: Number.POSITIVE_INFINITY };
  return phase(status, part * within(timing.rescanInterval, draw('rescan', cycle)));
}

function phase(status: string, durationMs: number): Phase {
  return { status, durationMs: Math.max(SHORTEST_PHASE_MS, durationMs) };
}
