// The thread that gives a target its inputs. Another one watches it, since an input may hold it up without end.
import { parentPort, workerData } from 'node:worker_threads';
import type { Target } from './target.ts';
import { type Progress, Step, seedOfBatch, type ThreadReport, type ThreadTask } from './thread-messages.ts';

async function run({ targets, name, seed, ms, inputs, progress }: ThreadTask): Promise<ThreadReport> {
  const { TARGETS }: { readonly TARGETS: readonly Target[] } = await import(targets);
  const target = TARGETS.find((each) => each.name === name);
  if (target === undefined) throw new Error(`expected a target, found ${name}`);
  const tally = new Tally(progress);
  tally.opening();
  const bench = await target.open();
  tally.opened();
  const from = performance.now();
  let finding: ThreadReport['finding'];
  for (let batch = 0; finding === undefined && tally.inputs < inputs; batch++) {
    if (batch > 0 && performance.now() - from > ms) break;
    const batchSeed = seedOfBatch(seed, batch);
    tally.startBatch(batchSeed);
    const most = Math.min(target.batch, inputs - tally.inputs);
    finding = await bench.runBatch({ seed: batchSeed, inputs: most, meter: tally });
  }
  const seconds = (performance.now() - from) / 1_000;
  tally.closing();
  await bench.close();
  tally.closed();
  const { inputs: count, slowestMs, outcomes } = tally;
  return { inputs: count, seconds, slowestMs, outcomes: Object.fromEntries(outcomes), finding };
}

/** Counts inputs, and shows the watcher where the thread stands. */
class Tally {
  inputs = 0;
  slowestMs = 0;
  readonly outcomes = new Map<string, number>();
  readonly #progress: Progress;

  constructor(progress: Progress) {
    this.#progress = progress;
  }

  startBatch(seed: number): void {
    this.#progress[0] = seed;
    this.#progress[1] = -1;
  }

  readonly begin = (): void => {
    this.#progress[1] = (this.#progress[1] ?? 0) + 1;
    this.#progress[2] = Date.now();
  };

  readonly end = (outcome: string, ms: number): void => {
    this.#progress[2] = 0;
    this.inputs += 1;
    this.slowestMs = Math.max(this.slowestMs, ms);
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
  };

  opening(): void {
    this.#progress[3] = Step.opening;
    this.#progress[2] = Date.now();
  }

  opened(): void {
    this.#progress[3] = Step.inputs;
    this.#progress[2] = 0;
  }

  closing(): void {
    this.#progress[3] = Step.closing;
    this.#progress[2] = Date.now();
  }

  closed(): void {
    this.#progress[2] = 0;
  }
}

const task: ThreadTask = workerData;
parentPort?.postMessage(await run(task));
