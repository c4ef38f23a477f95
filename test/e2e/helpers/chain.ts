// Simulator, exporter, Prometheus with the shipped rules and Alertmanager with the shipped routing, at a fiftieth of their time.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { parse } from 'yaml';
import type { FaultInput } from '../../../src/simulator/faults.ts';
import { Alertmanager } from './alertmanager.ts';
import { temporaryDirectory } from './exporter.ts';
import { Program, ROOT, run } from './program.ts';
import { Prometheus } from './prometheus.ts';

const TIME_SCALE = 0.02;
/** As often as these programs can do it beside the others on two processors. */
const INTERVAL = '500ms';
const ENDS_WITHIN_MS = 10_000;
const LISTENING = /msg="listening" address=(\S+)/;
const SECRET = 'acr-simulator-secret';

/** Three instances: scans that go wrong, credentials that are refused, and a quota that is exceeded. */
const SCENARIO = {
  instances: [
    {
      id: 'cri-scans',
      repositories: [
        {
          namespace: 'shop',
          name: 'api',
          id: 'crr-api',
          tags: [
            { tag: 'good', status: 'COMPLETE' },
            { tag: 'broken', status: 'FAILED' },
            {
              tag: 'stuck',
              timeline: [
                { status: 'SCANNING', for: '4s' },
                { status: 'RETRYING', for: '3s' },
              ],
              repeat: true,
            },
          ],
        },
      ],
    },
    ...['refused', 'throttled'].map((name) => ({
      id: `cri-${name}`,
      repositories: [{ namespace: 'shop', name, id: `crr-${name}`, tags: [{ tag: 'v1', status: 'COMPLETE' }] }],
    })),
  ],
  // Findings would be told of, too, and for an hour after the last.
  scan: { vulnerabilities: { clean_share: 1 } },
  // One episode at this scale is as long as one after the other for half an hour.
  faults: [{ instance: 'cri-throttled', first: 2, error: { code: 'Throttling.User' } }],
};

export class Chain {
  readonly alertmanager: Alertmanager;
  readonly prometheus: Prometheus;
  readonly #t: ExecutionContext;
  readonly #directory: string;
  readonly #simulator: string;
  readonly #address: string;
  #exporter: Program;

  private constructor(t: ExecutionContext, directory: string, parts: ChainParts) {
    this.#t = t;
    this.#directory = directory;
    this.alertmanager = parts.alertmanager;
    this.prometheus = parts.prometheus;
    this.#simulator = parts.simulator;
    this.#address = parts.address;
    this.#exporter = parts.exporter;
  }

  static async start(t: ExecutionContext): Promise<Chain> {
    const directory = temporaryDirectory(t);
    const scenario = join(directory, 'scenario.yml');
    writeFileSync(scenario, JSON.stringify(SCENARIO));
    const simulator = await Program.start(t, process.execPath, [
      'dist/simulator/bin.js',
      '--listen-address=127.0.0.1:0',
      `--scenario=${scenario}`,
    ]).then((program) => program.outputMatch(LISTENING));
    writeFileSync(join(directory, 'secret'), 'not the secret');
    writeFileSync(join(directory, 'config.yml'), JSON.stringify(configOf(simulator)));
    const exporter = await startExporter(t, directory, '127.0.0.1:0');
    const address = await exporter.outputMatch(LISTENING);
    const alertmanager = await Alertmanager.start(t, TIME_SCALE);
    const prometheus = await Prometheus.startWith(t, prometheusConfig(directory, address, alertmanager.address));
    return new Chain(t, directory, { alertmanager, prometheus, simulator, address, exporter });
  }

  /** Replaces the simulator's faults. */
  async setFaults(faults: readonly FaultInput[]): Promise<void> {
    const response = await fetch(`http://${this.#simulator}/_sim/faults`, {
      method: 'PUT',
      body: JSON.stringify(faults),
    });
    this.#t.true(response.ok, await response.text());
  }

  /** From now on the credentials of `cri-refused` are good. */
  giveSecret(): void {
    writeFileSync(join(this.#directory, 'secret'), SECRET);
  }

  async killExporter(): Promise<void> {
    this.#exporter.signal('SIGKILL');
    await this.#exporter.ended(ENDS_WITHIN_MS);
  }

  async restartExporter(): Promise<void> {
    this.#exporter = await startExporter(this.#t, this.#directory, this.#address);
  }
}

type ChainParts = {
  readonly alertmanager: Alertmanager;
  readonly prometheus: Prometheus;
  readonly simulator: string;
  readonly address: string;
  readonly exporter: Program;
};

function startExporter(t: ExecutionContext, directory: string, address: string): Promise<Program> {
  const config = join(directory, 'config.yml');
  return Program.start(t, process.execPath, [
    'dist/bin.js',
    `--web.listen-address=${address}`,
    `--config.file=${config}`,
  ]);
}

function configOf(simulator: string) {
  const key = { type: 'access_key', access_key_id: 'acr-simulator' };
  const at = { region: 'cn-hangzhou', endpoint: `http://${simulator}` };
  const repository = (name: string, tags: readonly string[]) => ({ namespace: 'shop', name, id: `crr-${name}`, tags });
  const often = '500ms';
  return {
    credentials: { ...key, access_key_secret: SECRET },
    rate_limit: { requests_per_second: 20 },
    intervals: { scanning: often, complete: often, failed: often },
    backoff: { initial: often, max: '1s' },
    instances: [
      { ...at, id: 'cri-scans', repositories: [repository('api', ['good', 'broken', 'stuck'])] },
      {
        ...at,
        id: 'cri-refused',
        credentials: { ...key, access_key_secret_file: 'secret' },
        repositories: [repository('refused', ['v1'])],
      },
      {
        ...at,
        id: 'cri-throttled',
        credentials: { ...key, access_key_secret: SECRET },
        repositories: [repository('throttled', ['v1'])],
      },
    ],
  };
}

/**
 * The shipped example with other addresses and times, and the shipped rules at a fiftieth of their time, which are written to the directory.
 *
 * @param exporter where it is scraped, as HOST:PORT
 * @param alertmanager where alerts are sent to, as HOST:PORT
 */
export function prometheusConfig(directory: string, exporter: string, alertmanager: string): unknown {
  const rules = join(directory, 'rules.yml');
  run('npm', ['run', '--silent', 'rules', '--', `--time-scale=${TIME_SCALE}`, `--output=${rules}`]);
  const shipped = readFileSync(join(ROOT, 'config/prometheus/prometheus.yml'), 'utf8')
    .replace('localhost:20181', exporter)
    .replace('localhost:9093', alertmanager)
    .replace('rules.yml', rules)
    .replace(/(?<=_interval: )\S+/g, INTERVAL);
  return parse(shipped);
}
