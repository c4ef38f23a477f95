// Loaded into the simulator's process beside its program: says over the channel to its parent when its loop stood still, so that
// requests that it saw late do not count as sent late. Times are those of the simulator's own log.
import { performance } from 'node:perf_hooks';

const EVERY_MS = 5;
const TOLD_FROM_MS = 5;
let before = performance.now();
setInterval(() => {
  const now = performance.now();
  if (now - before > EVERY_MS + TOLD_FROM_MS) process.send?.({ from: before, to: now });
  before = now;
}, EVERY_MS).unref();
process.channel?.unref();
