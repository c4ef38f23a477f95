// How long a process waited for a processor, as Linux counts it. On a busy machine the process does not cause this itself.
import { readdirSync, readFileSync } from 'node:fs';
import type { Span } from './record.ts';

/** Shorter waits are what every process has. */
const COUNTED_FROM_MS = 5;

/** Measures one process; each call of the function gives the time since the last one in which one of its threads waited, if that is known. */
export function starvationOf(pid: number): () => Span | undefined {
  let before = waits(pid);
  return () => {
    const now = waits(pid);
    const longest = Math.max(0, ...[...now].map(([thread, ms]) => ms - (before.get(thread) ?? ms)));
    before = now;
    const to = Date.now();
    return longest < COUNTED_FROM_MS ? undefined : { from: to - longest, to };
  };
}

/** By thread, in milliseconds; empty where the system does not say, or the process is gone. */
function waits(pid: number): ReadonlyMap<string, number> {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    return new Map(threads.map((thread) => [thread, waitOf(`/proc/${pid}/task/${thread}/schedstat`)]));
  } catch {
    return new Map();
  }
}

/** The second number of the file: nanoseconds. */
function waitOf(file: string): number {
  return Number(readFileSync(file, 'utf8').split(' ')[1]) / 1e6;
}
