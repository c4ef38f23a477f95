// A run: rounds of faults and calm, as the seed draws them, and the checks beside them.
import { setTimeout as sleep } from 'node:timers/promises';
import { type Action, actionsFor } from './actions.ts';
import { waitForTruth } from './calm.ts';
import { Checker, type OnViolation, type Tally } from './checker.ts';
import { FAULTS, type Fault, type FaultKind } from './faults.ts';
import { lawsFor } from './laws/laws.ts';
import { observe } from './observers.ts';
import { createRandom, type Random } from './random.ts';
import { progressOf } from './report.ts';
import { Stage } from './stage.ts';

const STORM_MS = 18_000;
const BETWEEN_FAULTS_MS = [100, 600] as const;
const BETWEEN_ACTIONS_MS = [30, 250] as const;
const CHECK_EVERY_MS = 3_000;
/** By then a process has saved what it knows, and whatever its interval is, it knows more since. */
const SAVED_AFTER_MS = 4_900;
/** Faults that are in force together. */
const MAX_FAULTS = 3;
/** After so many rounds a line says how the run goes. */
const ROUNDS_A_LINE = 5;

/** By then a process asks about what is due. */
const POLLING_AFTER_MS = 2_000;

export type ChaosOptions = {
  readonly seed: number;
  readonly minutes: number;
  /** How many exporters there are at the same time: several share the work over Redis. */
  readonly members?: number;
  /** The programs' files. */
  readonly exporter: string;
  readonly simulator: string;
  /** Whether the process lives to the end: nothing is drawn that ends it. */
  readonly longLife?: boolean;
  /** Names of faults and actions that come as often as all the others together. */
  readonly often?: readonly string[];
  /** From the begin of faults to the calm. */
  readonly stormMs?: number;
  /** Takes what the exporter logs. */
  readonly onLog?: ((text: Buffer) => void) | undefined;
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
  const {
    seed,
    minutes,
    members = 1,
    exporter,
    simulator,
    longLife = false,
    often = [],
    stormMs = STORM_MS,
    onLog,
    details,
    progress,
    onViolation,
    stop,
  } = options;
  const actions = actionsFor(members).filter(({ endsLife }) => !(longLife && endsLife));
  // Observers, faults and the order of actions have sequences of their own, so that the pace of one does not change what is drawn for another.
  const stage = new Stage({ seed, random: createRandom(seed), exporter, simulator, members, onLog });
  const drawn = new Map([...FAULTS, ...actions].map(({ name }) => [name, 0]));
  const course = {
    stage,
    faults: new Pack(FAULTS, often),
    actions: new Pack(actions, often),
    faultRandom: createRandom(seed + 2),
    actionRandom: createRandom(seed + 3),
    note: (name: string) => {
      drawn.set(name, (drawn.get(name) ?? 0) + 1);
      details(name);
    },
  };
  const end = Date.now() + minutes * 60_000;
  try {
    await stage.open();
    const checker = new Checker(stage.record, stage.simulator, lawsFor(members), onViolation);
    const observers = observe(stage, createRandom(seed + 1), { everyMs: CHECK_EVERY_MS, run: () => checker.check() });
    const ending = AbortSignal.any(stop === undefined ? [observers.failed] : [observers.failed, stop]);
    const summary = (rounds: number) => progressOf(stage.record, drawn, checker, rounds);
    let rounds = 0;
    await restartOnce(stage, ending);
    while (Date.now() < end && !ending.aborted) {
      await storm({ ...course, ending }, Math.min(end, Date.now() + stormMs));
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
    // The law about the end is checked in every run, also in one that never ended the process before.
    await stage.endLives();
    await checker.finish();
    return { drawn, tallies: checker.tallies, summary: summary(rounds) };
  } finally {
    await stage.close();
  }
}

/** Every run has a start with a state, also one in which nothing else ends the process. */
async function restartOnce(stage: Stage, ending: AbortSignal): Promise<void> {
  await stage.reload((settings) => settings.waitForLong());
  await sleep(SAVED_AFTER_MS);
  if (ending.aborted) return;
  await stage.endAndStart();
  await sleep(POLLING_AFTER_MS);
  if (!ending.aborted) await stage.reload((settings) => settings.restore());
}

type Course = {
  readonly stage: Stage;
  readonly faults: Pack<FaultKind>;
  readonly actions: Pack<Action>;
  readonly faultRandom: Random;
  /** For the order of the actions alone: how much an action draws depends on what it finds. */
  readonly actionRandom: Random;
  /** Counts what is drawn. */
  readonly note: (name: string) => void;
  readonly ending: AbortSignal;
};

/** Draws from a list as from a pack of cards, so that each comes as often as every other, but for those that are to come often. */
class Pack<Card extends { readonly name: string }> {
  readonly #all: readonly Card[];
  #cards: Card[] = [];

  /** @param often names of cards that come as often as all the others together */
  constructor(all: readonly Card[], often: readonly string[]) {
    const chosen = all.filter(({ name }) => often.includes(name));
    const copies = Math.ceil(all.length / Math.max(1, chosen.length));
    this.#all = [...all, ...Array.from({ length: copies }, () => chosen).flat()];
  }

  draw(random: Random): Card {
    if (this.#cards.length === 0) this.#cards = [...this.#all];
    const [card] = this.#cards.splice(random.whole(0, this.#cards.length - 1), 1);
    if (card === undefined) throw new Error('expected something to draw from');
    return card;
  }
}

/** Draws faults and actions side by side: some actions take seconds. */
async function storm(course: Course, end: number): Promise<void> {
  await Promise.all([drawFaults(course, end), performActions(course, end)]);
}

async function drawFaults({ stage, faults, ending, faultRandom, note }: Course, end: number): Promise<void> {
  const inForce: Fault[] = [];
  while (Date.now() < end && !ending.aborted) {
    const kind = faults.draw(faultRandom);
    note(kind.name);
    inForce.unshift(kind.draw(faultRandom));
    await stage.simulator.setFaults(inForce.slice(0, MAX_FAULTS));
    await sleep(faultRandom.whole(...BETWEEN_FAULTS_MS));
  }
}

async function performActions({ stage, actions, ending, actionRandom, note }: Course, end: number): Promise<void> {
  while (Date.now() < end && !ending.aborted) {
    const action = actions.draw(actionRandom);
    note(action.name);
    await action.perform(stage);
    await sleep(actionRandom.whole(...BETWEEN_ACTIONS_MS));
  }
}
