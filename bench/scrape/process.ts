// Starts a measured server and scrapes it.
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { cpuMsOf } from '../program.ts';
import type { Command, Report } from './child.ts';
import type { ServerName } from './servers.ts';

export type Scrape = { readonly bytes: number; readonly wallMs: number };

/** A process that serves /metrics. */
export type Subject = {
  /** @param path `/metrics` by default */
  readonly scrape: (gzip: boolean, path?: string) => Promise<Scrape>;
  /** Runs `work` and gives its cost for the process; undefined if that is not known. */
  readonly measure: (work: () => Promise<unknown>) => Promise<Partial<Report>>;
  readonly tell: (command: Command) => Promise<unknown>;
  readonly stop: () => Promise<void>;
};

/** One of our own servers. */
export async function startServer(compiled: string, server: ServerName, tags: number): Promise<Subject> {
  const child = fork(`${compiled}/bench/scrape/child.js`, [server, String(tags)], { execArgv: [] });
  const [{ address }] = (await once(child, 'message')) as [{ address: AddressInfo }];
  const tell = async (command: Command): Promise<unknown> => {
    child.send(command);
    return (await once(child, 'message'))[0];
  };
  return {
    scrape: scraper(address.port),
    tell,
    measure: async (work) => {
      await tell({ do: 'begin' });
      await work();
      return (await tell({ do: 'end' })) as Report;
    },
    stop: () => stop(child),
  };
}

/** Another server, `COMMAND N PORT`. Its cost is read from /proc. */
export async function startPeer(command: string, tags: number): Promise<Subject> {
  const port = await freePort();
  const child = spawn('/bin/sh', ['-c', `exec ${command} ${tags} ${port}`], { stdio: ['ignore', 'ignore', 'inherit'] });
  const { pid } = child;
  if (pid === undefined) throw new Error(`cannot start ${command}`);
  const scrape = scraper(port);
  while (!(await scrape(false).catch(() => undefined))) {
    if (child.exitCode !== null) throw new Error(`${command} ended with status ${child.exitCode}`);
    await sleep(50);
  }
  return {
    scrape,
    tell: async () => undefined,
    measure: async (work) => {
      const before = cpuMsOf(pid);
      await work();
      return { cpuMs: cpuMsOf(pid) - before, rssBytes: memoryOf(pid, 'VmRSS'), peakRssBytes: memoryOf(pid, 'VmHWM') };
    },
    stop: () => stop(child),
  };
}

/** Scrapes over one kept-alive connection, like Prometheus, without decompressing the body. */
function scraper(port: number): Subject['scrape'] {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return (gzip, path = '/metrics') =>
    new Promise((resolve, reject) => {
      const start = performance.now();
      const headers = { accept: 'text/plain;version=0.0.4', 'accept-encoding': gzip ? 'gzip' : 'identity' };
      get({ host: '127.0.0.1', port, path, agent, headers }, (response) => {
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
        });
        response.on('error', reject);
        response.on('end', () => resolve({ bytes, wallMs: performance.now() - start }));
      }).on('error', reject);
    });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const exit = once(child, 'exit');
  child.kill();
  await exit;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function memoryOf(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const kilobytes = new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) * 1024;
}
