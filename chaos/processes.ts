// The programs of a run, each a process of its own.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { atEnd } from './leftovers.ts';
import type { Span } from './record.ts';

export type Program = {
  readonly child: ChildProcess;
  /** `http://HOST:PORT` */
  readonly url: string;
  readonly port: number;
  /** Stops to read its log for so long. */
  readonly stallLog: (ms: number) => void;
  /** Sends SIGTERM; resolves with the exit status, with undefined when it does not end in time or ends by a signal. */
  readonly end: (withinMs: number) => Promise<number | undefined>;
  readonly kill: () => Promise<void>;
};

const LISTENING_WITHIN_MS = 20_000;
const PARENT_PROBE = new URL('parent-probe.mjs', import.meta.url).href;
const LISTENING = /msg="?listening"? .*address=(\S+:(\d+))/;

export function startSimulator(
  file: string,
  args: readonly string[],
  onStall: (stall: Span) => void,
): Promise<Program> {
  const probe = new URL('stall-probe.mjs', import.meta.url).href;
  return start([`--import=${probe}`, file, ...args], (message) => {
    if (isSpan(message)) onStall(message);
  });
}

/** `preload` is a module that is loaded into the process beside its program, and `onMessage` gets what it says to its parent. */
export type Probe = { readonly preload: string; readonly onMessage: (message: unknown) => void };

export function startExporter(file: string, args: readonly string[], ...probes: readonly Probe[]): Promise<Program> {
  return start([...probes.map(({ preload }) => `--import=${preload}`), file, ...args], (message) => {
    for (const { onMessage } of probes) onMessage(message);
  });
}

/** Where a program of this project lies once it is built. */
export function built(file: string): string {
  return fileURLToPath(new URL(`../dist/${file}`, import.meta.url));
}

async function start(args: readonly string[], onMessage: (message: unknown) => void): Promise<Program> {
  const child = spawn(process.execPath, [`--import=${PARENT_PROBE}`, ...args], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  child.once(
    'exit',
    atEnd(() => child.kill('SIGKILL')),
  );
  child.on('message', onMessage);
  const { stderr } = child;
  if (stderr === null) throw new Error('expected a log to read');
  const [, address = '', port = ''] = await listening(child, stderr);
  return {
    child,
    url: `http://${address.replace(/^(\[::\]|0\.0\.0\.0|):/, '127.0.0.1:')}`,
    port: Number(port),
    stallLog: (ms) => {
      stderr.pause();
      setTimeout(() => stderr.resume(), ms);
    },
    end: async (withinMs) => {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode ?? undefined;
      const gone = once(child, 'exit', { signal: AbortSignal.timeout(withinMs) }).catch(() => undefined);
      child.kill('SIGTERM');
      await gone;
      return child.exitCode ?? undefined;
    },
    kill: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}

/** Resolves with the address; afterwards the log is read and dropped. */
function listening(child: ChildProcess, stderr: NodeJS.ReadableStream): Promise<RegExpExecArray> {
  return new Promise((resolve, reject) => {
    let log = '';
    const fail = (why: string) => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      reject(new Error(`${child.spawnargs.join(' ')} ${why}: ${log}`));
    };
    const timer = setTimeout(() => fail('does not listen'), LISTENING_WITHIN_MS);
    child.once('exit', (status) => fail(`ended with status ${status}`));
    const read = (chunk: Buffer) => {
      log += chunk.toString();
      const found = LISTENING.exec(log);
      if (found === null) return;
      clearTimeout(timer);
      stderr.off('data', read);
      stderr.resume();
      resolve(found);
    };
    stderr.on('data', read);
  });
}

function isSpan(message: unknown): message is Span {
  if (typeof message !== 'object' || message === null || !('from' in message) || !('to' in message)) return false;
  return typeof message.from === 'number' && typeof message.to === 'number';
}
