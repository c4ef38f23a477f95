// What a target of fuzzing is: inputs that are drawn, and a check that each of them has to pass.
import { performance } from 'node:perf_hooks';
import fc from 'fast-check';
import { escapeInvisible } from '../src/util/invisible-characters.ts';

/** How long an input may take, with all that is waited for. */
export const MAX_INPUT_MS = 1_000;

/** How often an input that took too long is tried again: a busy machine is no finding. */
const RETRIES = 3;

/** The part of a target that knows what its inputs are. */
export type TargetDefinition<Input> = {
  readonly name: string;
  /** What comes in, and what has to hold. */
  readonly sentence: string;
  /** Its part of the time of a run, as against the parts of the others. */
  readonly share: number;
  /** How many inputs are drawn from one seed. */
  readonly batch?: number;
  readonly inputs: fc.Arbitrary<Input>;
  readonly open: () => Opened<Input> | Promise<Opened<Input>>;
};

export type Opened<Input> = {
  /** Gives what came of an input in a word or two, for the report; throws what is wrong with it. */
  readonly check: (input: Input) => string | Promise<string>;
  readonly close?: () => Promise<void>;
};

export type Target = Pick<TargetDefinition<unknown>, 'name' | 'sentence' | 'share'> & {
  readonly batch: number;
  readonly open: () => Promise<Bench>;
  /** The input of this number, from 0, among those that are drawn from a seed, as source text. */
  readonly inputOf: (seed: number, number: number) => string;
};

/** A target that is ready to be given inputs. */
export type Bench = {
  readonly runBatch: (options: BatchOptions) => Promise<Finding | undefined>;
  readonly close: () => Promise<void>;
};

export type BatchOptions = {
  readonly seed: number;
  readonly inputs: number;
  readonly meter: Meter;
};

/** Is told of each input before and after. */
export type Meter = {
  readonly begin: () => void;
  readonly end: (outcome: string, ms: number) => void;
};

/** An input that failed, made as small as it could be. */
export type Finding = { readonly seed: number; readonly input: string; readonly reason: string };

export function defineTarget<Input>(definition: TargetDefinition<Input>): Target {
  const { name, sentence, share, batch = 1_000, inputs } = definition;
  return {
    name,
    sentence,
    share,
    batch,
    inputOf: (seed, number) => sourceOf(fc.sample(inputs, { seed, numRuns: number + 1 }).at(-1)),
    open: async () => {
      const { check, close } = await definition.open();
      return {
        close: async () => close?.(),
        runBatch: async ({ seed, inputs: numRuns, meter }) => {
          const property = fc.asyncProperty(inputs, async (input) => {
            meter.begin();
            const from = performance.now();
            const outcome = await check(input);
            const ms = performance.now() - from;
            meter.end(outcome, ms);
            if (ms > MAX_INPUT_MS) await requireQuick(() => check(input), ms);
          });
          const { failed, counterexample, errorInstance } = await fc.check(property, { seed, numRuns });
          if (!failed) return undefined;
          const reason =
            errorInstance instanceof Error ? (errorInstance.stack ?? errorInstance.message) : errorInstance;
          return { seed, input: sourceOf(counterexample?.[0]), reason: String(reason) };
        },
      };
    },
  };
}

/**
 * Throws unless one of some more attempts takes no longer than it may: what it computes and what it waits for, without the time for which others
 * have the processor.
 */
async function requireQuick(attempt: () => unknown, firstMs: number): Promise<void> {
  let least = firstMs;
  for (let tries = 0; tries < RETRIES && least > MAX_INPUT_MS; tries++) {
    const [cpu, loop] = [process.cpuUsage(), performance.eventLoopUtilization()];
    await attempt();
    const { user, system } = process.cpuUsage(cpu);
    const { idle } = performance.eventLoopUtilization(loop);
    least = Math.min(least, (user + system) / 1_000 + idle);
  }
  if (least > MAX_INPUT_MS) throw new Error(`it takes ${Math.round(least)} ms, at most ${MAX_INPUT_MS} expected`);
}

/** An input as source text, bytes as text of one byte a character. */
function sourceOf(input: unknown): string {
  if (Buffer.isBuffer(input)) return `Buffer.from(${JSON.stringify(input.toString('latin1'))}, 'latin1')`;
  if (Array.isArray(input)) return `[${input.map(sourceOf).join(', ')}]`;
  if (typeof input !== 'object' || input === null) return escapeInvisible(fc.stringify(input));
  return `{ ${Object.entries(input)
    .map(([key, value]) => `${JSON.stringify(key)}: ${sourceOf(value)}`)
    .join(', ')} }`;
}
