// Programs that a test runs: what they wrote, how they ended, and that nothing of them outlives the test.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { until } from './until.ts';

/** What a test does at its end. Also for what is no test. */
export type Cleanup = Pick<ExecutionContext, 'teardown'>;

/** The checkout. */
export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

const KILL_AFTER_MS = 10_000;

export type Finished = { readonly status: number | null; readonly stdout: string; readonly stderr: string };

type RunOptions = {
  readonly input?: string | Buffer;
  readonly cwd?: string;
  readonly timeoutMs?: number;
};

/** Runs a program to its end; throws when it cannot be started or takes too long. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Finished {
  const { stdout, ...rest } = runForBytes(command, args, options);
  return { ...rest, stdout: stdout.toString() };
}

/** As {@link run}, for output that is not text. */
export function runForBytes(
  command: string,
  args: readonly string[],
  { input = '', cwd = ROOT, timeoutMs = 60_000 }: RunOptions = {},
) {
  const options = { input, cwd, timeout: timeoutMs, maxBuffer: 2 ** 30 };
  const { status, stdout, stderr, error } = spawnSync(command, args, options);
  if (error) throw error;
  return { status, stdout, stderr: stderr.toString() };
}

/** A program that runs until it is told to stop, in a process group of its own. */
export class Program {
  /** Everything that it wrote until now. */
  stdout = '';
  stderr = '';
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
  }

  /** Starts a program, which ends with the test at the latest. */
  static async start(t: Cleanup, command: string, args: readonly string[], cwd = ROOT): Promise<Program> {
    const child = spawn(command, args, { cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    const program = new Program(child);
    t.teardown(() => program.#end());
    await once(child, 'spawn');
    return program;
  }

  /** Waits for a match in what it wrote to either stream, and gives back the first group. Throws when the program ends without. */
  outputMatch(pattern: RegExp, withinMs = 30_000): Promise<string> {
    return until(`${pattern} in the output`, withinMs, () => {
      const found = pattern.exec(`${this.stdout}\n${this.stderr}`)?.[1];
      if (found === undefined && this.hasEnded)
        throw new Error(`the program has ended:\n${this.stdout}\n${this.stderr}`);
      return found;
    });
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Sends a signal to the program alone, or to all of its group as a terminal does. */
  signal(signal: NodeJS.Signals, whom: 'program' | 'group' = 'program'): void {
    process.kill(whom === 'group' ? -this.pid : this.pid, signal);
  }

  /** Waits for the end: its exit status, or the signal that ended it. */
  ended(withinMs: number): Promise<number | NodeJS.Signals> {
    return until('the end of the program', withinMs, () => this.#child.exitCode ?? this.#child.signalCode ?? undefined);
  }

  /** The command lines of what runs in its group: the program and everything that it started. */
  running(): readonly string[] {
    const { stdout } = run('ps', ['-A', '-o', 'pgid=,stat=,args=']);
    return stdout.split('\n').flatMap((line) => {
      const [, group, state = '', args = ''] = /^\s*(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
      return Number(group) === this.pid && !state.startsWith('Z') ? [args] : [];
    });
  }

  /** The id of its process. */
  get pid(): number {
    if (this.#child.pid === undefined) throw new Error('the program was not started');
    return this.#child.pid;
  }

  async #end(): Promise<void> {
    if (this.running().length === 0) return;
    this.signal('SIGTERM', 'group');
    await until('the end of the process group', KILL_AFTER_MS, () => this.running().length === 0 || undefined).catch(
      () => this.signal('SIGKILL', 'group'),
    );
  }
}
