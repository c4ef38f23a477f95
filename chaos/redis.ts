// The Redis of a run with members: a real server, and what may happen to one. Needs redis-server.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { atEnd, temporaryDirectory } from './leftovers.ts';

const READY = 'Ready to accept connections';
const READY_WITHIN_MS = 10_000;
const HOST = '127.0.0.1';

export class RedisServer {
  readonly #directory = temporaryDirectory('redis');
  #port = 0;
  #child: ChildProcess | undefined;

  get url(): string {
    return `redis://${HOST}:${this.#port}`;
  }

  /** Starts it; after a crash with the data of its disk, or without. Its port stays the same. */
  async start(data: 'kept' | 'lost' = 'kept'): Promise<void> {
    if (this.#port === 0) this.#port = await freePort();
    const path = join(this.#directory.path, 'data');
    if (data === 'lost') rmSync(path, { recursive: true, force: true });
    mkdirSync(path, { recursive: true });
    const args = [`--bind ${HOST}`, `--port ${this.#port}`, `--dir ${path}`, '--save ""', '--appendonly yes'];
    // It ends with this program, however that ends.
    const child = spawn('setpriv', ['--pdeathsig=KILL', 'redis-server', ...args], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    child.once(
      'exit',
      atEnd(() => child.kill('SIGKILL')),
    );
    this.#child = child;
    await ready(child);
  }

  /** Ends it as a crash does. */
  async crash(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  /** It stands still: connections stay, and nothing is answered. */
  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }

  /** Rejects when Redis answers with an error. */
  async command(...command: readonly string[]): Promise<void> {
    await promisify(execFile)('redis-cli', ['-e', '-h', HOST, '-p', `${this.#port}`, ...command]);
  }

  async close(): Promise<void> {
    await this.crash();
    this.#directory.remove();
  }
}

async function ready(child: ChildProcess): Promise<void> {
  const timer = setTimeout(() => child.kill('SIGKILL'), READY_WITHIN_MS);
  const { stdout } = child;
  if (stdout === null) throw new Error('expected a log of Redis');
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', () =>
      reject(new Error(`expected redis-server to be installed and to start, found: ${log || 'no log'}`)),
    );
  });
  let log = '';
  const found = new Promise<void>((resolve) => {
    stdout.on('data', (chunk: Buffer) => {
      if (log.includes(READY)) return;
      log += chunk.toString();
      if (log.includes(READY)) resolve();
    });
  });
  // It rejects when Redis ends, also long after it was ready.
  failed.catch(() => {});
  await Promise.race([found, failed]).finally(() => clearTimeout(timer));
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, HOST);
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error(`expected a free port of ${HOST}, found none`);
  return address.port;
}
