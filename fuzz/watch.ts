// Runs one target in a thread of its own, and stops it when an input, its opening or its closing holds it up.
import { setTimeout as sleep } from 'node:timers/promises';
import { startThread } from '../src/util/worker-thread.ts';
import type { Target } from './target.ts';
import { Step, type ThreadReport, type ThreadTask } from './thread-messages.ts';

const TARGETS = new URL('./targets.ts', import.meta.url).href;

/** An input that takes so long is taken for one that never ends. */
const HANG_MS = 20_000;
const LOOK_EVERY_MS = 250;
/** As much as the main thread of Node has, so that what nests deep fails where it would there. */
const STACK_MEBIBYTES = 1;

export type FuzzOptions = {
  readonly seed: number;
  readonly ms: number;
  readonly inputs?: number;
  /** After how long an input is taken for one that never ends. */
  readonly hangMs?: number;
  /** The URL of the module with the list that the target is in. */
  readonly targets?: string;
};

/** What came of a target. A thread that failed or hung has counted nothing. */
export async function fuzz(target: Target, options: FuzzOptions): Promise<ThreadReport> {
  const { seed, ms, inputs = Number.POSITIVE_INFINITY, hangMs = HANG_MS, targets = TARGETS } = options;
  const progress = new Float64Array(new SharedArrayBuffer(4 * Float64Array.BYTES_PER_ELEMENT));
  const task: ThreadTask = { targets, name: target.name, seed, ms, inputs, progress };
  const thread = startThread(import.meta.url, 'bench-thread', {
    workerData: task,
    resourceLimits: { stackSizeMb: STACK_MEBIBYTES },
  });
  const ended = new AbortController();
  const lost = (reason: string): ThreadReport => {
    const [batchSeed = seed, number = 0, , step] = progress;
    const nothing = { inputs: 0, seconds: 0, slowestMs: 0, outcomes: {} };
    if (step === Step.opening)
      return { ...nothing, finding: { seed, input: 'none', reason: `while it was opened, ${reason}` } };
    if (step === Step.closing)
      return { ...nothing, finding: { seed, input: 'none', reason: `while it was closed, ${reason}` } };
    return { ...nothing, finding: { seed: batchSeed, input: target.inputOf(batchSeed, Math.max(0, number)), reason } };
  };
  const report = new Promise<ThreadReport>((resolve) => {
    thread.once('message', resolve);
    thread.once('error', (error) => resolve(lost(`the thread ended: ${error instanceof Error ? error.stack : error}`)));
    thread.once('exit', (code) => {
      // It is ended when the report is there: then nothing is drawn again to say where it stood.
      if (!ended.signal.aborted) resolve(lost(`the thread exited with ${code}`));
    });
  });
  const hang = async (): Promise<ThreadReport> => {
    for (;;) {
      await sleep(LOOK_EVERY_MS, undefined, { signal: ended.signal });
      const since = progress[2] ?? 0;
      if (since > 0 && Date.now() - since > hangMs) return lost(`it did not end within ${hangMs} ms`);
    }
  };
  const watching = hang();
  // It is ended when the report is there first.
  watching.catch(() => undefined);
  try {
    return await Promise.race([report, watching]);
  } finally {
    ended.abort();
    await thread.terminate();
  }
}
