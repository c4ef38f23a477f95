#!/usr/bin/env node
// The program: hands the process over to `cli` and ends with the status that it gives.
import dns from 'node:dns';
import { constants, totalmem } from 'node:os';
import { readBuildInfo } from './build-info.ts';
import { LogOutput, logSink } from './util/log-output.ts';
import { createLookup } from './util/name-lookup.ts';
import { openFilesAdvice } from './util/open-files.ts';

const STDERR = 2;
const CANNOT_RUN = 1;
/** How long the end waits for a reader of the log that stalls. */
const FLUSH_MS = 250;
/** Plus the signal's number. */
const SIGNALLED = 128;

// The SDK's HTTP layer prints whole headers, the security token among them, where this variable asks for it. It is read when
// the first package that knows it is loaded: so everything else is loaded after this.
delete process.env.DEBUG;

// Signals that come while the program is being loaded wait for it.
const early: NodeJS.Signals[] = [];
let deliver = (signal: NodeJS.Signals): void => void early.push(signal);
for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.on(signal, () => deliver(signal));

const log = new LogOutput(logSink(STDERR, () => process.stderr));
// What reaches the process is an error of the program itself: one line says so, and a supervisor starts the program anew.
let tellDefect = (error: unknown): void =>
  log.write(`acr-scan-exporter: ${JSON.stringify(error instanceof Error ? error.stack : String(error))}\n`);
process.on('uncaughtException', (error) => {
  tellDefect(error);
  void log.flush(FLUSH_MS).then(() => process.exit(CANNOT_RUN));
});
// A reader that has gone away is no reason to end the process with an error.
process.stdout.on('error', () => undefined);

// Neither the SDK nor Node's own requests take a function for looking up names from us: this is the one place that all of them go through.
// Elsewhere than on Linux the system's way to find names is its own, and no server.
if (process.platform === 'linux') Object.assign(dns, { lookup: createLookup({ system: dns.lookup }) });

const { run } = await import('./cli.ts').catch((error: unknown) => {
  const advice = openFilesAdvice(error);
  if (advice === undefined) throw error;
  process.stderr.write(`acr-scan-exporter: ${advice}\n`);
  process.exit(CANNOT_RUN);
});

const status = await run({
  argv: process.argv.slice(2),
  env: process.env,
  nodeVersion: process.version,
  build: readBuildInfo(),
  // The limit of the container is no number, or a huge one, where there is none.
  freeMemory: () => Math.min(process.constrainedMemory() || Infinity, totalmem()) - process.memoryUsage.rss(),
  stdout: (text) => void process.stdout.write(text),
  log,
  onDefect: (callback) => {
    tellDefect = callback;
  },
  onSignal: (callback) => {
    deliver = callback;
    for (const signal of early) callback(signal);
  },
});
// The plan waits for whoever pages through it; the log does not.
deliver = (signal) => process.exit(SIGNALLED + constants.signals[signal]);
await new Promise<void>((resolve) => process.stdout.write('', () => resolve()));
await log.flush(FLUSH_MS);
process.exit(status);
