#!/usr/bin/env node
// The program `acr-simulator`.
import { main } from './cli.ts';

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());

const streams = {
  stdout: (text: string) => void process.stdout.write(text),
  stderr: (text: string) => void process.stderr.write(text),
};
process.exitCode = await main(process.argv.slice(2), streams, stop.signal);
