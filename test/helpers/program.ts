// The program as users start it: a process of its own, with flags, variables and signals.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { run } from '../../src/cli.ts';
import { LogOutput } from '../../src/util/log-output.ts';
import { eventually } from './eventually.ts';

const PROGRAM = fileURLToPath(new URL('../../src/bin.ts', import.meta.url));

export type ProgramOptions = {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Takes its standard error in place of the test; then `output.stderr`, `logged` and `listening` know nothing. */
  readonly stderr?: number;
};

export type Program = {
  readonly child: ChildProcess;
  /** What it has written so far. */
  readonly output: { stdout: string; stderr: string };
  /** The exit status, or the name of the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** Resolves with the address that the program says it listens on. */
  readonly listening: () => Promise<string>;
  /** Resolves when its log has a line that matches. */
  readonly logged: (pattern: RegExp) => Promise<RegExpExecArray>;
};

/** Starts the program from its sources. It is killed when the test ends. */
export function startProgram(t: ExecutionContext, flags: readonly string[], options: ProgramOptions = {}): Program {
  const child = spawn(process.execPath, [`--import=${import.meta.resolve('tsx')}`, PROGRAM, ...flags], {
    stdio: ['ignore', 'pipe', options.stderr ?? 'pipe'],
    env: { PATH: process.env.PATH ?? '', ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  const output = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]?.setEncoding('utf8').on('data', (text: string) => {
      output[stream] += text;
    });
  }
  const ended = once(child, 'close').then(([status, signal]) => (status ?? signal) as number | NodeJS.Signals);
  t.teardown(() => {
    child.kill('SIGKILL');
    return ended;
  });
  const logged = (pattern: RegExp) =>
    eventually(
      `the log matches ${pattern}`,
      () => {
        const found = pattern.exec(output.stderr);
        if (found === null && child.exitCode !== null)
          throw new Error(`it ended with ${child.exitCode}: ${output.stderr}`);
        return found ?? undefined;
      },
      () => output.stderr,
    );
  const listening = async () =>
    (await logged(/msg="?listening"? address="?(\S+?)"?(?: |$)|"address":"([^"]+)"/m)).slice(1).find(Boolean) ?? '';
  return { child, output, ended, listening, logged };
}

/** Runs the program to its end. */
export async function runProgram(t: ExecutionContext, flags: readonly string[], options: ProgramOptions = {}) {
  const { ended, output } = startProgram(t, flags, options);
  return { status: await ended, ...output };
}

/** Does what the program does with a command line that starts nothing, without a process: quicker by a hundred times. */
export async function runInProcess(argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const output = { stdout: '', stderr: '' };
  const status = await run({
    argv,
    env,
    pid: process.pid,
    hostName: 'test',
    nodeVersion: process.version,
    build: { version: '1.2.3', revision: 'abc' },
    stdout: (text) => {
      output.stdout += text;
    },
    log: new LogOutput({
      writableLength: 0,
      on: () => {},
      write: (text, done) => {
        output.stderr += text;
        done();
      },
    }),
    freeMemory: () => Number.POSITIVE_INFINITY,
    heapBytes: Number.POSITIVE_INFINITY,
    onDefect: () => {},
    onNotice: () => {},
    onSignal: () => {},
  });
  return { status, ...output };
}
