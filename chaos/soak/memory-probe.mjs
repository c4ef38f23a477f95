// Loaded into the exporter's process beside its program: says once a second over the channel to its parent what its memory is, in bytes.
import { memoryUsage } from 'node:process';

const EVERY_MS = 1_000;
setInterval(() => {
  const { rss, heapTotal, heapUsed, external } = memoryUsage();
  process.send?.({ rss, heapTotal, heapUsed, external });
}, EVERY_MS).unref();
process.channel?.unref();
