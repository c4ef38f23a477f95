#!/usr/bin/env node
// The demo: it starts the simulator and an exporter that asks it, prints their URLs, and stops both on a signal.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/** The simulator's address in `config/demo.yml`. */
const CONFIGURED = '127.0.0.1:20182';

const configDirectory = fileURLToPath(new URL('../config/', import.meta.url));
const { values: flags } = parseArgs({
  options: {
    'simulator.listen-address': { type: 'string', default: CONFIGURED },
    'web.listen-address': {
      type: 'string',
      default: process.env.ACR_SCAN_EXPORTER_WEB_LISTEN_ADDRESS ?? '127.0.0.1:20181',
    },
    'storage.path': { type: 'string' },
    seed: { type: 'string', default: '1' },
  },
});

/** The variable and the token in `config/demo.yml` and `config/demo-scenario.yml`. It is no secret. */
const EVENTS_TOKEN = { ACR_DEMO_EVENTS_TOKEN: 'demo-events-token' };

const temporary = mkdtempSync(join(tmpdir(), 'acr-scan-exporter-demo-'));
const children: ChildProcess[] = [];
process.on('exit', () => rmSync(temporary, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => end(0));

const simulator = await startProgram('simulator/bin.js', [
  `--listen-address=${flags['simulator.listen-address']}`,
  `--scenario=${join(configDirectory, 'demo-scenario.yml')}`,
  `--seed=${flags.seed}`,
]);
const exporter = await startProgram('bin.js', [
  `--config.file=${configFor(simulator)}`,
  `--web.listen-address=${flags['web.listen-address']}`,
  // Unless a directory is named, what is known outlives the exporter, but not the demo.
  `--storage.path=${flags['storage.path'] ?? join(temporary, 'state')}`,
]);
await fetch(`http://${simulator}/_sim/events`, {
  method: 'PATCH',
  body: JSON.stringify({ to: `http://${exporter}/api/v1/events` }),
});
process.stdout.write(`
The simulator answers at  http://${simulator}/
The exporter answers at   http://${exporter}/metrics

Ctrl-C ends both.
`);

/** The demo's configuration file; a copy with the simulator's address when that is not the usual one. */
function configFor(address: string): string {
  const usual = join(configDirectory, 'demo.yml');
  if (address === CONFIGURED) return usual;
  const changed = join(temporary, 'demo.yml');
  writeFileSync(changed, readFileSync(usual, 'utf8').replaceAll(CONFIGURED, address));
  return changed;
}

/** Starts one of the two programs. Resolves with the address that it listens on. Its log goes to standard error. */
function startProgram(file: string, args: readonly string[]): Promise<string> {
  const program = fileURLToPath(new URL(file, import.meta.url));
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', 'inherit', 'pipe'],
    env: { ...EVENTS_TOKEN, ...process.env },
  });
  children.push(child);
  child.once('exit', (status) => end(status ?? 1));
  return new Promise((resolve) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      process.stderr.write(`${line}\n`);
      const address = /msg="listening" address=(\S+)/.exec(line)?.[1];
      if (address !== undefined) resolve(address);
    });
  });
}

/** Stops the running programs and exits. When one program ends, the demo ends. */
function end(status: number): void {
  const running = children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
  for (const child of running) {
    child.removeAllListeners('exit');
    child.kill('SIGTERM');
  }
  void Promise.all(running.map((child) => new Promise((resolve) => child.once('exit', resolve)))).then(() =>
    process.exit(status),
  );
}
