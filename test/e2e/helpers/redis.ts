// A real Redis of Debian, and what may happen to one.
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { temporaryDirectory } from './exporter.ts';
import { type Cleanup, Program, ROOT } from './program.ts';

/** Certificates of tests. */
export const TLS = fileURLToPath(new URL('../../fixtures/tls/', import.meta.url));
const END_WITHIN_MS = 10_000;

/** What a user of Redis needs for this group: the rules of an ACL, as the documentation has them. */
export function documentedRights(group: string): readonly string[] {
  const text = readFileSync(`${ROOT}/docs/deployment.md`, 'utf8');
  const [, rights = ''] = /^user acr-scan-exporter on >PASSWORD (.*)$/m.exec(text) ?? [];
  return rights.replaceAll('acr-scan-exporter:shop', `acr-scan-exporter:${group}`).split(' ');
}

export class RedisServer {
  readonly host: string;
  readonly port: number;
  /** For TLS, with `server.crt` of the fixtures. */
  readonly tlsPort: number;
  readonly #t: Cleanup;
  readonly #directory: string;
  #program: Program | undefined;

  private constructor(t: Cleanup, host: string, [port, tlsPort]: readonly [number, number]) {
    this.#t = t;
    this.host = host;
    this.port = port;
    this.tlsPort = tlsPort;
    this.#directory = join(temporaryDirectory(t), 'data');
  }

  /** Starts a server that writes every change to its disk within a second. Its port stays the same over restarts. */
  static async start(t: Cleanup, host = '127.0.0.1'): Promise<RedisServer> {
    const server = new RedisServer(t, host, await Promise.all([freePort(host), freePort(host)]));
    await server.continue();
    return server;
  }

  get url(): string {
    return `redis://${this.host}:${this.port}`;
  }

  get pid(): number {
    if (this.#program === undefined) throw new Error('Redis was not started');
    return this.#program.pid;
  }

  /** Ends the process as a crash does. */
  async crash(): Promise<void> {
    this.#program?.signal('SIGKILL');
    await this.#program?.ended(END_WITHIN_MS);
  }

  /** Starts again after a crash, with the data on the disk or with none. */
  async continue(data: 'kept' | 'lost' = 'kept'): Promise<void> {
    if (data === 'lost') rmSync(this.#directory, { recursive: true });
    mkdirSync(this.#directory, { recursive: true });
    this.#program = await Program.start(this.#t, 'redis-server', [
      `--bind ${this.host}`,
      `--port ${this.port}`,
      `--tls-port ${this.tlsPort}`,
      `--tls-cert-file ${join(TLS, 'server.crt')}`,
      `--tls-key-file ${join(TLS, 'server.key')}`,
      '--tls-auth-clients no',
      `--dir ${this.#directory}`,
      '--save ""',
      '--appendonly yes',
      '--protected-mode no',
    ]);
    await this.#program.outputMatch(/(Ready to accept connections)/);
  }

  /** The process stands still: connections stay, and nothing is answered. */
  freeze(): void {
    this.#program?.signal('SIGSTOP');
  }

  thaw(): void {
    this.#program?.signal('SIGCONT');
  }

  /** Sends one command, and gives the answer as redis-cli prints it. Throws when Redis answers with an error. */
  async command(...command: readonly string[]): Promise<string> {
    const { stdout } = await promisify(execFile)('redis-cli', [
      '-e',
      '-h',
      this.host,
      '-p',
      `${this.port}`,
      ...command,
    ]);
    return stdout.trim();
  }

  /** A number of `INFO`. */
  async info(field: string): Promise<number> {
    const found = new RegExp(`^${field}:(\\d+)`, 'm').exec(await this.command('INFO'))?.[1];
    if (found === undefined) throw new Error(`expected ${field} in INFO, found none`);
    return Number(found);
  }
}

async function freePort(host: string): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error(`expected a free port of ${host}, found none`);
  return address.port;
}
