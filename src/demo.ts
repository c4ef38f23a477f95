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
const EXPORTER = '127.0.0.1:20181';

const HELP = `Usage: npm run demo -- [FLAGS]

Starts a simulated registry and the exporter that watches it, and prints their URLs. Ctrl-C ends both.

  --web.listen-address=[HOST]:PORT        where the exporter listens; may be repeated (default ${EXPORTER}; port 0 picks a free one)
  --simulator.listen-address=[HOST]:PORT  where the simulator listens (default ${CONFIGURED}; port 0 picks a free one)
  --storage.path=DIR                      keeps what is known of the tags over demos (default: a temporary directory)
  --seed=N                                a whole number that the simulated registry follows from (default 1)
  --help                                  prints this text

The flag --web.listen-address has the variable ACR_SCAN_EXPORTER_WEB_LISTEN_ADDRESS; the demo reads no other variable of the exporter.
`;

/** The two programs, by the name that the lines of their logs begin with, and the flag of the demo for their address. */
const PROGRAMS = {
  simulator: { file: 'simulator/bin.js', addressFlag: '--simulator.listen-address' },
  exporter: { file: 'bin.js', addressFlag: '--web.listen-address' },
} as const;

/** The variable and the token in `config/demo.yml` and `config/demo-scenario.yml`. It is no secret. */
const EVENTS_TOKEN = { ACR_DEMO_EVENTS_TOKEN: 'demo-events-token' };

const configDirectory = fileURLToPath(new URL('../config/', import.meta.url));
const flags = readFlags();
const temporary = mkdtempSync(join(tmpdir(), 'acr-scan-exporter-demo-'));
const children: ChildProcess[] = [];
process.on('exit', () => rmSync(temporary, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => end(0));

const simulator = await startProgram('simulator', [
  `--listen-address=${flags['simulator.listen-address']}`,
  `--scenario=${join(configDirectory, 'demo-scenario.yml')}`,
  `--seed=${flags.seed}`,
]);
const exporter = await startProgram('exporter', [
  `--config.file=${configFor(simulator)}`,
  ...flags['web.listen-address'].map((address) => `--web.listen-address=${address}`),
  // Unless a directory is named, what is known outlives the exporter, but not the demo.
  `--storage.path=${flags['storage.path'] ?? join(temporary, 'state')}`,
  // The line with the address has this level.
  '--log.level=info',
]);
await fetch(`http://${simulator}/_sim/events`, {
  method: 'PATCH',
  body: JSON.stringify({ to: `http://${exporter}/api/v1/events` }),
});
process.stdout.write(`
The page is at            http://${exporter}/
The exporter answers at   http://${exporter}/metrics
The simulator answers at  http://${simulator}/ (all it simulates: http://${simulator}/_sim/state)

Ctrl-C ends the demo. Each line of the log begins with the name of its program.

`);

function readFlags() {
  const { ACR_SCAN_EXPORTER_WEB_LISTEN_ADDRESS: addresses } = process.env;
  try {
    const { values } = parseArgs({
      options: {
        'simulator.listen-address': { type: 'string', default: CONFIGURED },
        'web.listen-address': { type: 'string', multiple: true, default: (addresses || EXPORTER).split(',') },
        'storage.path': { type: 'string' },
        seed: { type: 'string', default: '1' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (!values.help) return values;
    process.stdout.write(HELP);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)} (--help lists the flags)\n`);
    process.exit(2);
  }
}

/** The demo's configuration file; a copy with the simulator's address when that is not the usual one. */
function configFor(address: string): string {
  const usual = join(configDirectory, 'demo.yml');
  if (address === CONFIGURED) return usual;
  const changed = join(temporary, 'demo.yml');
  writeFileSync(changed, readFileSync(usual, 'utf8').replaceAll(CONFIGURED, address));
  return changed;
}

/** Starts one of the two programs. Resolves with the address at which this machine reaches it. Its log goes to standard error. */
function startProgram(name: keyof typeof PROGRAMS, args: readonly string[]): Promise<string> {
  const { file, addressFlag } = PROGRAMS[name];
  const program = fileURLToPath(new URL(file, import.meta.url));
  const child = spawn(process.execPath, [program, ...args, '--log.format=logfmt'], {
    stdio: ['ignore', 'inherit', 'pipe'],
    env: { ...EVENTS_TOKEN, ...withoutExporterVariables(process.env) },
  });
  children.push(child);
  let taken: string | undefined;
  child.once('close', (status) => {
    if (taken !== undefined) {
      process.stderr.write(`
The demo cannot start: another program, perhaps another demo, listens on ${taken}.
Stop that program, or choose another port: npm run demo -- ${addressFlag}=127.0.0.1:0
`);
    }
    end(status ?? 1);
  });
  return new Promise((resolve) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      process.stderr.write(`${name.padEnd(9)} | ${line}\n`);
      taken ??= /EADDRINUSE: address already in use (\S+?:\d+)/.exec(line)?.[1];
      const address = /msg="listening" address=(\S+)/.exec(line)?.[1];
      if (address !== undefined) resolve(reachable(address));
    });
  });
}

/** Settings of another exporter on this machine must not change the demo. */
function withoutExporterVariables(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('ACR_SCAN_EXPORTER_')));
}

/** Programs that listen on all addresses are asked on the loopback address, which also machines without IPv6 have. */
function reachable(address: string): string {
  return address.replace(/^(0\.0\.0\.0|\[::\]):/, '127.0.0.1:');
}

/** Stops the running programs and exits. When one program ends, the demo ends. */
function end(status: number): void {
  const running = children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
  for (const child of running) {
    child.removeAllListeners('close');
    child.kill('SIGTERM');
  }
  void Promise.all(running.map((child) => new Promise((resolve) => child.once('close', resolve)))).then(() =>
    process.exit(status),
  );
}
