// One moment on both clocks, and the conversion of times between them: a snapshot has times of the wall clock, schedules those of the monotonic one.

/** The same moment on both clocks, in milliseconds. */
export type Moment = { readonly nowMs: number; readonly monotonicMs: number };

/** The present moment. */
export function momentOf(clock: { now(): number; monotonic(): number }): Moment {
  return { nowMs: clock.now(), monotonicMs: clock.monotonic() };
}

/**
 * A past time of the wall clock by the monotonic one: minus infinity for undefined, which means never. A time in the future, as after the clock
 * was set back, counts as now.
 */
export function pastMonotonicMs(pastMs: number | undefined, { nowMs, monotonicMs }: Moment): number {
  return pastMs === undefined ? Number.NEGATIVE_INFINITY : monotonicMs - Math.max(0, nowMs - pastMs);
}

/** The moment of a start, and when what it restores was saved, by the wall clock of that time. */
export type RestoreMoment = Moment & { readonly savedMs: number };

/**
 * A future time of the wall clock by the monotonic one, at most `longestMs` from now. If the clock was set back since the save, the time is as far
 * away as it was then.
 */
export function dueMonotonicMs(
  dueMs: number,
  { nowMs, monotonicMs, savedMs }: RestoreMoment,
  longestMs: number,
): number {
  return monotonicMs + Math.min(longestMs, dueMs - Math.max(nowMs, savedMs));
}

/** A time of the monotonic clock by the wall clock, in whole milliseconds. */
export function wallMs(atMonotonicMs: number, { nowMs, monotonicMs }: Moment): number {
  return Math.round(nowMs + atMonotonicMs - monotonicMs);
}
