// A run: rounds of faults and calm, as the seed draws them, and the checks beside them.
import { setTimeout as sleep } from 'node:timers/promises';
import { ACTIONS, type Action } from './actions.ts';
import { waitForTruth } from './calm.ts';
import { Checker, type OnViolation, type Tally } from './checker.ts';
import { FAULTS, type Fault, type FaultKind } from './faults.ts';
import { observe } from './observers.ts';
import { createRandom, type Random } from './random.ts';
import { progressOf } from './report.ts';
import { Stage } from './stage.ts';

const STORM_MS = 18_000;
const BETWEEN_DRAWS_MS = [30, 250] as const;
const CHECK_EVERY_MS = 3_000;
/** Faults that are in force together. */
const MOST_FAULTS = 3;
/** After so many rounds a line says how the run goes. */
const ROUNDS_A_LINE = 5;

export type ChaosOptions = {
  readonly seed: number;
  readonly minutes: number;
  /** The programs' files. */
  readonly exporter: string;
  readonly simulator: string;
  /** Whether the process lives to the end: nothing is drawn that ends it. */
  readonly longLife?: boolean;
  /** Takes what is drawn. */
  readonly details: (text: string) => void;
  /** Takes a line every few minutes. */
  readonly progress: (text: string) => void;
  /** Called for every violation, a few seconds after it happened. */
  readonly onViolation: OnViolation;
  /** Ends the run before its time. */
  readonly stop?: AbortSignal;
};

export type ChaosResult = {
  readonly drawn: ReadonlyMap<string, number>;
  readonly tallies: ReadonlyMap<string, Tally>;
  /** The totals of the run in one line. */
  readonly summary: string;
};

export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const { seed, minutes, exporter, simulator, longLife = false, details, progress, onViolation, stop } = options;
  const cards = [...FAULTS, ...ACTIONS.filter(({ endsLife }) => !(longLife && endsLife))];
  // The observers draw from a sequence of their own, so that their pace does not change what happens.
  const stage = new Stage({ seed, random: createRandom(seed), exporter, simulator });
  const drawn = new Map(cards.map(({ name }) => [name, 0]));
  const pack = new Pack(cards);
  const end = Date.now() + minutes * 60_000;
  try {
    await stage.open();
    const checker = new Checker(stage.record, stage.simulator, onViolation);
    const observers = observe(stage, createRandom(seed + 1), { everyMs: CHECK_EVERY_MS, run: () => checker.check() });
    const ending = AbortSignal.any(stop === undefined ? [observers.failed] : [observers.failed, stop]);
    const summary = (rounds: number) => progressOf(stage.record, drawn, checker, rounds);
    let rounds = 0;
    while (Date.now() < end && !ending.aborted) {
      await storm({ stage, pack, drawn, details, ending }, Math.min(end, Date.now() + STORM_MS));
      await stage.mend();
      const calm = await waitForTruth(stage, ending);
      if (calm === undefined) break;
      stage.record.calms.push(calm);
      details(
        `calm after ${calm.equalAt - calm.from} ms, ${JSON.stringify({ ...calm.rest, resources: [...(calm.rest?.resources ?? [])] })}`,
      );
      rounds++;
      if (rounds % ROUNDS_A_LINE === 0) progress(summary(rounds));
    }
    await observers.end();
    await checker.finish();
    return { drawn, tallies: checker.tallies, summary: summary(rounds) };
  } finally {
    await stage.close();
  }
}

type Course = Pick<ChaosOptions, 'details'> & {
  readonly stage: Stage;
  readonly pack: Pack;
  readonly drawn: Map<string, number>;
  readonly ending: AbortSignal;
};

type Card = FaultKind | Action;

/** Draws from faults and actions as from a pack of cards, so that each comes as often as every other. */
class Pack {
  readonly #all: readonly Card[];
  #cards: Card[] = [];

  constructor(all: readonly Card[]) {
    this.#all = all;
  }

  draw(random: Random): Card {
    if (this.#cards.length === 0) this.#cards = [...this.#all];
    const [card] = this.#cards.splice(random.whole(0, this.#cards.length - 1), 1);
    if (card === undefined) throw new Error('expected faults and actions to draw from');
    return card;
  }
}

async function storm({ stage, pack, drawn, details, ending }: Course, end: number): Promise<void> {
  const { random, simulator } = stage;
  const faults: Fault[] = [];
  while (Date.now() < end && !ending.aborted) {
    const card = pack.draw(random);
    drawn.set(card.name, (drawn.get(card.name) ?? 0) + 1);
    details(card.name);
    if ('perform' in card) await card.perform(stage);
    else {
      faults.unshift(card.draw(random));
      await simulator.setFaults(faults.slice(0, MOST_FAULTS));
    }
    await sleep(random.whole(...BETWEEN_DRAWS_MS));
  }
}
