// Starts the measured programs like a user, and reads from their logs where they listen.
import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ProbeReading, ProbeRequest } from './probe.ts';

/** The access key in the scenarios and configurations. */
const KEY = { id: 'bench-key', secret: 'bench-key-secret' };
export const INSTANCE = 'cri-bench';

export type Program = {
  readonly child: ChildProcess;
  readonly pid: number;
  /** `HOST:PORT` */
  readonly address: string;
  /** From the start of the process to its `listening` line. */
  readonly listeningMs: number;
  /** Resolves with the next log line that has this message. */
  readonly logged: (message: string) => Promise<string>;
  readonly stop: () => Promise<void>;
};

/**
 * Starts a compiled program and waits until it listens.
 *
 * @param preload a module that is loaded first; it can talk to this process over IPC
 */
export async function startProgram(file: string, args: readonly string[], preload?: string): Promise<Program> {
  const begin = performance.now();
  const child = fork(file, args, {
    execArgv: preload === undefined ? [] : [`--import=${preload}`],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  if (child.stderr === null) throw new Error(`cannot read the log of ${file}`);
  const lines = createInterface({ input: child.stderr });
  const logged = (message: string) =>
    new Promise<string>((resolve, reject) => {
      const onLine = (line: string) => {
        if (!line.includes(`msg="${message}"`)) return;
        lines.off('line', onLine);
        resolve(line);
      };
      lines.on('line', onLine);
      child.once('exit', (status) =>
        reject(new Error(`${file} ended with status ${status} before it said "${message}"`)),
      );
    });
  const line = await logged('listening');
  const address = /address=(\S+)/.exec(line)?.[1];
  if (address === undefined || child.pid === undefined) throw new Error(`cannot read where ${file} listens: ${line}`);
  const stop = async () => {
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    await exit;
  };
  return { child, pid: child.pid, address, listeningMs: performance.now() - begin, logged, stop };
}

/** Asks the probe in a program, which was started with `probe.js` as its `preload`. */
export async function ask({ child }: Program, request: ProbeRequest): Promise<ProbeReading> {
  const answer = once(child, 'message');
  child.send(request);
  const [reading] = await answer;
  return reading as ProbeReading;
}

/** A directory for the files of one measurement, removed at the end of the process. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'acr-scan-exporter-bench-'));
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Writes a scenario with this many tags in each of some repositories, without running scans. */
export function writeScenario(directory: string, tags: number, repositories = 1): string {
  const file = join(directory, 'scenario.yml');
  const scenario = {
    keys: [{ access_key_id: KEY.id, access_key_secret: KEY.secret }],
    instances: [
      {
        id: INSTANCE,
        repositories: Array.from({ length: repositories }, (_, index) => ({
          ...repositoryOf(index),
          tags: [{ count: tags, name: 'v{n}', status: 'COMPLETE' }],
        })),
      },
    ],
  };
  writeFileSync(file, JSON.stringify(scenario));
  return file;
}

/** A repository of the scenario. */
export function repositoryOf(index: number): { namespace: string; name: string; id: string } {
  const number = index === 0 ? '' : `-${index}`;
  return { namespace: 'bench', name: `app${number}`, id: `crr-bench${number}` };
}

export type ConfigurationOptions = {
  /** The address of the simulator. */
  readonly address: string;
  readonly tags: number;
  /** The number of the first tag. */
  readonly from?: number;
  readonly requestsPerSecond: number;
  readonly completeInterval: string;
  /** Whether discovery finds the tags, once a day, and their vulnerabilities are asked for. Else they are listed. */
  readonly discover?: boolean;
};

/** Writes a configuration that watches this many tags of the scenario. */
export function writeConfiguration(directory: string, options: ConfigurationOptions): string {
  const { address, requestsPerSecond, completeInterval, tags, discover = false } = options;
  const file = join(directory, 'config.yml');
  const text = `credentials: { type: access_key, access_key_id: ${KEY.id}, access_key_secret: ${KEY.secret} }
rate_limit: { requests_per_second: ${requestsPerSecond}, max_concurrent: 4 }
intervals: { complete: ${completeInterval} }
max_tags: ${tags}
discovery_interval: 24h
instances:
  - id: ${INSTANCE}
    region: cn-hangzhou
    endpoint: http://${address}
${discover ? "    discover: [{ namespaces: ['*'], vulnerabilities: true }]\n" : listed(options)}`;
  writeFileSync(file, text);
  return file;
}

function listed({ tags, from = 1 }: ConfigurationOptions): string {
  const names = Array.from({ length: tags }, (_, index) => `          - v${from + index}`);
  return `    repositories:
      - namespace: bench
        name: app
        id: crr-bench
        tags:
${names.join('\n')}
`;
}

/** User and system CPU time that a process has used, in milliseconds, to the clock tick. */
export function cpuMsOf(pid: number): number {
  // The fields after the command name, which is in parentheses and may contain any characters.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\)\s+/s, '')
    .split(' ');
  const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond;
}

export function rssMegabytesOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}
