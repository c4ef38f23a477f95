#!/usr/bin/env node
// The program: runs `cli` with this process and exits with its status.
import { Console } from 'node:console';
import dns from 'node:dns';
import { constants, hostname, totalmem } from 'node:os';
import { Writable } from 'node:stream';
import { readBuildInfo } from './build-info.ts';
import { oldGenerationLimit } from './util/heap-limit.ts';
import { createLookup } from './util/host-lookup.ts';
import { LogOutput, logSink } from './util/log-output.ts';
import { openFilesAdvice } from './util/open-files-limit.ts';

const STDERR = 2;
const CANNOT_RUN = 1;
/** How long the exit waits for a slow reader of the log. */
const FLUSH_MS = 250;
/** Plus the signal's number. */
const SIGNALLED = 128;

// With this variable, the SDK's HTTP layer prints whole headers, the security token among them. A package reads it when it is loaded, so
// everything else is loaded after this line.
delete process.env.DEBUG;

// Signals that arrive while the program loads are kept until it is ready.
const early: NodeJS.Signals[] = [];
let deliver = (signal: NodeJS.Signals): void => void early.push(signal);
for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.on(signal, () => deliver(signal));

const log = new LogOutput(logSink(STDERR, () => process.stderr));
// An uncaught error is a defect of the program: it is logged in one line, and a supervisor restarts the program.
let reportDefect = (error: unknown): void =>
  log.write(`acr-scan-exporter: ${JSON.stringify(error instanceof Error ? error.stack : String(error))}\n`);
process.on('uncaughtException', (error) => {
  reportDefect(error);
  void log.flush(FLUSH_MS).then(() => process.exit(CANNOT_RUN));
});
// What packages write to the console, and warnings of Node.js, are lines of the log.
let reportNotice = (text: string): void => log.write(`acr-scan-exporter: ${JSON.stringify(text)}\n`);
const notices = new Writable({
  decodeStrings: false,
  write: (text, _encoding, done) => {
    reportNotice(String(text).trimEnd());
    done();
  },
});
globalThis.console = new Console(notices);
process.removeAllListeners('warning');
process.on('warning', ({ name, message }) => reportNotice(`${name}: ${message}`));
// A reader that closes its end must not end the process with an error.
process.stdout.on('error', () => undefined);

// Neither the SDK nor Node's own requests accept a lookup function, but all of them call this one. Other systems than Linux resolve names in
// their own way, without a server.
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
  pid: process.pid,
  nodeVersion: process.version,
  hostName: hostname(),
  build: readBuildInfo(),
  // Without a limit of the container, this is 0, undefined or huge.
  freeMemory: () => Math.min(process.constrainedMemory() || Infinity, totalmem()) - process.memoryUsage.rss(),
  heapBytes: oldGenerationLimit({
    v8Version: process.versions.v8,
    nodeOptions: [process.env.NODE_OPTIONS, ...process.execArgv].join(' '),
  }),
  stdout: (text) => void process.stdout.write(text),
  log,
  onDefect: (callback) => {
    reportDefect = callback;
  },
  onNotice: (callback) => {
    reportNotice = callback;
  },
  onSignal: (callback) => {
    deliver = callback;
    for (const signal of early) callback(signal);
  },
});
// The exit waits for the reader of the plan, which may be a pager, but not for the reader of the log.
deliver = (signal) => process.exit(SIGNALLED + constants.signals[signal]);
await new Promise<void>((resolve) => process.stdout.write('', () => resolve()));
await log.flush(FLUSH_MS);
process.exit(status);
