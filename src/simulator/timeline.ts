// The scan status of an image over time: a pure function of the course and of the time, so the number and the order of questions do not
// matter.
import { type Draw, type DurationRange, within } from './random.ts';

/** A status and how long it lasts; `Infinity` for ever. */
export type Phase = { readonly status: string; readonly durationMs: number };

/** The phases of each cycle, which is counted from 0. A cycle is never empty, and its durations are above 0. */
export type Course = (cycle: number) => readonly Phase[];

/** The phase at a moment, in milliseconds since the simulator started; `untilMs` is `Infinity` for the last phase. */
export type CurrentPhase = { readonly status: string; readonly sinceMs: number; readonly untilMs: number };

/** `scan` of a scenario: how scans run. */
export type ScanTiming = {
  readonly duration: DurationRange;
  readonly retryShare: number;
  readonly retryDuration: DurationRange;
  readonly failureShare: number;
  /** Time from the end of a scan to the start of the next; undefined when there is no next scan. */
  readonly rescanInterval: DurationRange | undefined;
  /** The share of tags whose first scan ended before the simulator started. */
  readonly scannedShare: number;
};

/** The statuses of a scan that has ended. */
export type EndStatus = 'COMPLETE' | 'FAILED';

/** How a scan ends, and when, in milliseconds since the simulator started. */
export type ScanEnd = { readonly atMs: number; readonly status: EndStatus };

const MIN_PHASE_MS = 1;
/** A scan that is under way in one cycle ends, if it ever does, before this many further cycles are over. */
const CYCLES_AHEAD = 2;

/** A course that begins at a moment. It remembers the last cycle that was asked for, which only saves time. */
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

  /** The phase at `elapsedMs`; before the start, the first phase. */
  at(elapsedMs: number): CurrentPhase {
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

  /** The next end of a scan after `elapsedMs`; undefined when none follows. */
  nextEndAfter(elapsedMs: number): ScanEnd | undefined {
    let { status: before } = this.at(elapsedMs);
    let untilMs = this.#cycleStartMs;
    for (let ahead = 0; ahead <= CYCLES_AHEAD; ahead++) {
      for (const { status, durationMs } of ahead === 0 ? this.#phases : this.#course(this.#cycle + ahead)) {
        const sinceMs = untilMs;
        untilMs += durationMs;
        if (sinceMs === Number.POSITIVE_INFINITY) return undefined;
        if (sinceMs <= elapsedMs) continue;
        if (isEnd(status) && status !== before) return { atMs: sinceMs, status };
        before = status;
      }
    }
    return undefined;
  }

  #enter(cycle: number, startMs: number): void {
    this.#cycle = cycle;
    this.#cycleStartMs = startMs;
    this.#phases = this.#course(cycle);
  }
}

export function isEnd(status: string): status is EndStatus {
  return status === 'COMPLETE' || status === 'FAILED';
}

/** One status for ever. */
export function fixedCourse(status: string): Course {
  const phases = [{ status, durationMs: Number.POSITIVE_INFINITY }];
  return () => phases;
}

/** The given phases. The last one stays, or with `repeat` the first follows it. */
export function scriptedCourse(phases: readonly Phase[], repeat: boolean): Course {
  if (repeat) return () => phases;
  const last = phases.at(-1);
  const lasting = last ? [...phases.slice(0, -1), { ...last, durationMs: Number.POSITIVE_INFINITY }] : phases;
  return () => lasting;
}

/** SCANNING, sometimes RETRYING, then COMPLETE or FAILED until the next scan, if there is one. */
export function scanCourse(timing: ScanTiming, draw: Draw): Course {
  const scannedBefore = draw('scanned before') < timing.scannedShare;
  return (cycle) => (cycle === 0 && scannedBefore ? [outcome(timing, draw, cycle)] : scan(timing, draw, cycle));
}

/** The same, but it always begins with a scan. */
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

/** The end of a scan until the next one. After a scan before the start, a random part of the interval is over already. */
function outcome(timing: ScanTiming, draw: Draw, cycle: number, part = draw('age')): Phase {
  const status = draw('failure', cycle) < timing.failureShare ? 'FAILED' : 'COMPLETE';
  if (!timing.rescanInterval) return { status, durationMs: Number.POSITIVE_INFINITY };
  return phase(status, part * within(timing.rescanInterval, draw('rescan', cycle)));
}

function phase(status: string, durationMs: number): Phase {
  return { status, durationMs: Math.max(MIN_PHASE_MS, durationMs) };
}
