// The exporter and the simulator as their users run them: separate processes with files on disk.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { FaultInput } from '../../../src/simulator/faults.ts';
import { type Cleanup, Program } from './program.ts';
import { until } from './until.ts';

export const LISTENING = /msg="listening" address=(\S+)/;
const INSTANCE_ID = 'cri-e2e';

/** The only instance's repositories, with each tag's status, which never changes. */
export type RepositorySetup = {
  readonly namespace: string;
  readonly name: string;
  readonly tags: Readonly<Record<string, string>>;
};

export type ExporterSetup = {
  readonly repositories: readonly RepositorySetup[];
  readonly faults?: readonly FaultInput[];
  /** A web configuration file, which switches TLS on. */
  readonly webConfigFile?: string;
  readonly flags?: readonly string[];
};

export type RunningExporter = { readonly program: Program; readonly url: string; readonly metricsUrl: string };

/** A directory that goes with the test. */
export function temporaryDirectory(t: Cleanup): string {
  const directory = mkdtempSync(join(tmpdir(), 'acr-scan-exporter-e2e-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Starts a simulator with these repositories, and an exporter that watches all of their tags. */
export async function startExporter(t: ExecutionContext, setup: ExporterSetup): Promise<RunningExporter> {
  const config = await configureSimulated(t, setup);
  const program = await Program.start(t, process.execPath, [
    'dist/bin.js',
    '--web.listen-address=127.0.0.1:0',
    `--config.file=${config}`,
    ...(setup.flags ?? []),
    ...(setup.webConfigFile === undefined ? [] : [`--web.config.file=${setup.webConfigFile}`]),
  ]);
  const scheme = setup.webConfigFile === undefined ? 'http' : 'https';
  const url = `${scheme}://${await program.outputMatch(LISTENING)}`;
  return { program, url, metricsUrl: `${url}/metrics` };
}

/** Starts a simulator with these repositories; gives back the configuration file, in a directory of its own, of an exporter for it. */
export async function configureSimulated(t: ExecutionContext, setup: ExporterSetup): Promise<string> {
  const directory = temporaryDirectory(t);
  // JSON is YAML.
  const write = (name: string, content: unknown) => {
    const path = join(directory, name);
    writeFileSync(path, JSON.stringify(content));
    return path;
  };
  const scenario = write('scenario.yml', scenarioOf(setup));
  const simulator = await Program.start(t, process.execPath, [
    'dist/simulator/bin.js',
    '--listen-address=127.0.0.1:0',
    `--scenario=${scenario}`,
  ]);
  return write('config.yml', configOf(setup, await simulator.outputMatch(LISTENING)));
}

/** Waits until every tag was polled and nothing is under way: from here on the page stands still for an hour. */
export function untilAllPolled({ metricsUrl }: RunningExporter, tags: number): Promise<true> {
  return until(`${tags} polled tags`, 60_000, async () => {
    const page = await (await fetch(metricsUrl)).text();
    const polled = page.match(/^acr_scan_tag_poll_success\{/gm)?.length;
    return (polled === tags && page.includes('acr_scheduler_requests_in_flight{credentials="default"} 0')) || undefined;
  });
}

function scenarioOf({ repositories, faults = [] }: ExporterSetup) {
  const simulated = repositories.map(({ tags, ...repository }, index) => ({
    ...repository,
    id: `crr-${index}`,
    tags: Object.entries(tags).map(([tag, status]) => ({ tag, status })),
  }));
  return { instances: [{ id: INSTANCE_ID, repositories: simulated }], faults };
}

function configOf({ repositories }: ExporterSetup, simulator: string) {
  const watched = repositories.map(({ tags, ...repository }, index) => ({
    ...repository,
    id: `crr-${index}`,
    tags: Object.keys(tags).map((tag) => ({ tag })),
  }));
  const hourly = '1h';
  return {
    credentials: {
      type: 'access_key',
      access_key_id: 'acr-simulator',
      access_key_secret: 'acr-simulator-secret',
    },
    rate_limit: { requests_per_second: 100, max_concurrent: 8 },
    intervals: { scanning: hourly, complete: hourly, failed: hourly },
    backoff: { initial: hourly, max: hourly },
    instances: [{ id: INSTANCE_ID, region: 'cn-hangzhou', endpoint: `http://${simulator}`, repositories: watched }],
  };
}
