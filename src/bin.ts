#!/usr/bin/env node
// The program: hands the process over to `cli` and ends with the status that it gives.
import { writeSync } from 'node:fs';
import { readBuildInfo } from './build-info.ts';

const STDOUT = 1;
const STDERR = 2;

// The SDK's HTTP layer prints whole headers, the security token among them, where this variable asks for it. It is read when
// the first package that knows it is loaded: so everything else is loaded after this.
delete process.env.DEBUG;

// Signals that come while the program is being loaded wait for it.
const early: NodeJS.Signals[] = [];
let deliver = (signal: NodeJS.Signals): void => void early.push(signal);
for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.on(signal, () => deliver(signal));

const { run } = await import('./cli.ts');

const status = await run({
  argv: process.argv.slice(2),
  env: process.env,
  nodeVersion: process.version,
  build: readBuildInfo(),
  stdout: (text) => write(STDOUT, text),
  stderr: (text) => write(STDERR, text),
  onSignal: (callback) => {
    deliver = callback;
    for (const signal of early) callback(signal);
  },
});
process.exit(status);

/** Writes at once and whole, so that nothing is lost when the process ends; a reader that has gone away is no reason to end it. */
function write(descriptor: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let written = 0; written < bytes.length; ) {
    try {
      written += writeSync(descriptor, bytes, written);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EAGAIN') return;
    }
  }
}
