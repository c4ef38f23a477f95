#!/usr/bin/env node
// The program `acr-simulator`: it passes the parts of the process to `cli.ts` and exits with the status of `main`.
import { readBuildInfo } from '../build-info.ts';
import { main } from './cli.ts';

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());

// The program goes on when the reader of the log closes its end.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

process.exitCode = await main({
  argv: process.argv.slice(2),
  version: readBuildInfo().version,
  stdout: (text) => void process.stdout.write(text),
  stderr: (text) => void process.stderr.write(text),
  stop: stop.signal,
});
