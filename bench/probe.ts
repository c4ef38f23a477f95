// Loaded into a measured exporter with `--import`, beside the program: tells the benchmark over IPC what the process has used so far.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export type ProbeRequest = 'read' | 'watch';

export type ProbeReading = {
  /** User and system time of all threads. */
  readonly cpuMs: number;
  /** The longest time that the main thread computed without giving the event loop a turn, since `watch`. */
  readonly longestHoldMs: number;
};

let longestHoldMs = 0;
let isWatching = false;

/** The time that the main thread has computed: what other processes take of the machine does not count. */
function threadMs(): number {
  return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
}

async function watch(): Promise<void> {
  for (let lastMs = threadMs(); isWatching; ) {
    await sleep(1);
    const nowMs = threadMs();
    longestHoldMs = Math.max(longestHoldMs, nowMs - lastMs);
    lastMs = nowMs;
  }
}

process.on('message', (request: ProbeRequest) => {
  if (request === 'watch') {
    longestHoldMs = 0;
    if (!isWatching) {
      isWatching = true;
      void watch();
    }
  } else isWatching = false;
  const { user, system } = process.cpuUsage();
  process.send?.({ cpuMs: (user + system) / 1_000, longestHoldMs } satisfies ProbeReading);
});
// The channel alone does not keep the process alive.
process.channel?.unref();
