// The exporter's wall clock, which a run sets off while time goes on: how to set it, and what time it truly was when it showed one.
import type { ChildProcess } from 'node:child_process';
import type { Span } from './record.ts';

/** A time in which the clock of a process was off by so much. */
export type ClockSpan = Span & { readonly offsetMs: number };

/** What is loaded into a process so that its clock can be set. */
export const CLOCK_PROBE = new URL('clock-probe.mjs', import.meta.url).href;

const ANSWERED_WITHIN_MS = 5_000;
/** Two readings of the true clock, each rounded to the millisecond. */
const ROUNDING_MS = 3;

/** Sets the clock of a process off by so much; resolves with when that was, undefined where the process has ended. */
export function setClock(child: ChildProcess, offsetMs: number): Promise<number | undefined> {
  if (!child.connected) return Promise.resolve(undefined);
  return new Promise((resolve, reject) => {
    const end = (error?: Error) => {
      clearTimeout(timer);
      child.off('message', read);
      child.off('disconnect', ended);
      if (error !== undefined) reject(error);
    };
    const timer = setTimeout(() => end(new Error('expected the clock to be set, found no answer')), ANSWERED_WITHIN_MS);
    const read = (message: unknown) => {
      if (!isAnswer(message)) return;
      end();
      resolve(message.clockSetAt);
    };
    const ended = () => {
      end();
      resolve(undefined);
    };
    child.on('message', read);
    child.once('disconnect', ended);
    child.send({ clockOffsetMs: offsetMs }, (error) => {
      if (error !== null) ended();
    });
  });
}

/** Notes that a clock was set off at a time. */
export function noteStep(clock: ClockSpan[], at: number, offsetMs: number): void {
  const last = clock.at(-1);
  if (last !== undefined) last.to = at;
  clock.push({ from: at, to: Number.POSITIVE_INFINITY, offsetMs });
}

/**
 * The true times at which a clock may have shown a time, latest first, all in milliseconds since the epoch. They are several where it was set
 * back over that time, and none where it never showed it.
 *
 * @param by when the time was known, so that it was not shown later
 */
export function trueTimes(clock: readonly ClockSpan[], shown: number, by: number): number[] {
  return clock
    .filter(({ from, to, offsetMs }) => {
      const time = shown - offsetMs;
      return time >= from - ROUNDING_MS && time <= Math.min(to, by) + ROUNDING_MS;
    })
    .map(({ offsetMs }) => shown - offsetMs)
    .sort((one, other) => other - one);
}

function isAnswer(message: unknown): message is { readonly clockSetAt: number } {
  return (
    typeof message === 'object' && message !== null && 'clockSetAt' in message && typeof message.clockSetAt === 'number'
  );
}
