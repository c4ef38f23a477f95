#!/usr/bin/env node
// The program `acr-simulator`: hands the process over to `cli` and ends with the status that it gives.
import { readBuildInfo } from '../build-info.ts';
import { main } from './cli.ts';

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());

// A reader of the log that has gone away is no reason to end.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

process.exitCode = await main({
  argv: process.argv.slice(2),
  version: readBuildInfo().version,
  stdout: (text) => void process.stdout.write(text),
  stderr: (text) => void process.stderr.write(text),
  stop: stop.signal,
});
