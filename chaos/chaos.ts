// A run: rounds of faults and calm, as the seed draws them.
import { setTimeout as sleep } from 'node:timers/promises';
import { ACTIONS, type Action } from './actions.ts';
import { waitForTruth } from './calm.ts';
import { FAULTS, type Fault, type FaultKind } from './faults.ts';
import { observe } from './observers.ts';
import { createRandom, type Random } from './random.ts';
import type { RunRecord } from './record.ts';
import { Stage } from './stage.ts';

const STORM_MS = 9_000;
/** Faults that are in force together. */
const MOST_FAULTS = 3;

export type ChaosOptions = {
  readonly seed: number;
  readonly minutes: number;
  /** The programs' files. */
  readonly exporter: string;
  readonly simulator: string;
  readonly progress: (text: string) => void;
};

export type ChaosResult = { readonly drawn: ReadonlyMap<string, number>; readonly record: RunRecord };

export async function runChaos({ seed, minutes, exporter, simulator, progress }: ChaosOptions): Promise<ChaosResult> {
  // What looks on draws from a sequence of its own, so that its pace does not change what happens.
  const stage = new Stage({ seed, random: createRandom(seed), exporter, simulator });
  const drawn = new Map([...FAULTS, ...ACTIONS].map(({ name }) => [name, 0]));
  const pack = new Pack();
  const end = Date.now() + minutes * 60_000;
  try {
    await stage.open();
    const observers = observe(stage, createRandom(seed + 1));
    while (Date.now() < end) {
      await storm({ stage, pack, drawn, progress }, Math.min(end, Date.now() + STORM_MS));
      await stage.mend();
      const calm = await waitForTruth(stage);
      stage.record.calms.push(calm);
      progress(`calm after ${calm.equalAt - calm.from} ms`);
    }
    await observers.end();
    stage.record.requests = await stage.simulator.requests();
  } finally {
    await stage.close();
  }
  return { drawn, record: stage.record };
}

type Course = Pick<ChaosOptions, 'progress'> & {
  readonly stage: Stage;
  readonly pack: Pack;
  readonly drawn: Map<string, number>;
};

/** Draws from all faults and actions as from a pack of cards, so that each comes as often as every other. */
class Pack {
  #cards: (FaultKind | Action)[] = [];

  draw(random: Random): FaultKind | Action {
    if (this.#cards.length === 0) this.#cards = [...FAULTS, ...ACTIONS];
    const [card] = this.#cards.splice(random.whole(0, this.#cards.length - 1), 1);
    if (card === undefined) throw new Error('expected faults and actions to draw from');
    return card;
  }
}

async function storm({ stage, pack, drawn, progress }: Course, end: number): Promise<void> {
  const { random, simulator } = stage;
  const faults: Fault[] = [];
  while (Date.now() < end) {
    const card = pack.draw(random);
    drawn.set(card.name, (drawn.get(card.name) ?? 0) + 1);
    progress(card.name);
    if ('perform' in card) await card.perform(stage);
    else {
      faults.unshift(card.draw(random));
      await simulator.setFaults(faults.slice(0, MOST_FAULTS));
    }
    await sleep(random.whole(50, 500));
  }
}
