// Which fault, if any, strikes a request.
import { EFFECTS, type EffectName, type Fault, operationsOf } from './fault-schema.ts';
import { seededDraw } from './random.ts';

/** What a request is about, as far as faults ask. */
export type FaultSubject = {
  readonly action: string;
  readonly instanceId: string;
  /** The ways to name the repository: its id and NAMESPACE/NAME. */
  readonly repository: readonly string[];
  readonly tag: string;
  /** The page of a list. */
  readonly page: number;
};

type Tally = { matches: number; strikes: number };

/** Faults in force since `sinceMs`; the first that matches and is due strikes. */
export class FaultPicker {
  readonly #faults: readonly { readonly fault: Fault; readonly tally: Tally }[];
  readonly #seed: number;
  readonly #sinceMs: number;

  /** @param sinceMs when the faults were put in force, on the clock that {@link pick} is given */
  constructor(faults: readonly Fault[], seed: number, sinceMs: number) {
    this.#faults = faults.map((fault) => ({ fault, tally: { matches: 0, strikes: 0 } }));
    this.#seed = seed;
    this.#sinceMs = sinceMs;
  }

  /** The fault that strikes this request, which counts as one of its requests. */
  pick(subject: FaultSubject, nowMs: number): Fault | undefined {
    const ageMs = nowMs - this.#sinceMs;
    for (const [index, { fault, tally }] of this.#faults.entries()) {
      if (isInForce(fault, ageMs) && concerns(fault, subject) && this.#draw(index, fault, tally)) return fault;
    }
    return undefined;
  }

  #draw(index: number, { first = Number.POSITIVE_INFINITY, share = 1 }: Fault, tally: Tally): boolean {
    if (tally.strikes >= first) return false;
    tally.matches++;
    const strikes = seededDraw(this.#seed, 'fault', index)(tally.matches) < share;
    if (strikes) tally.strikes++;
    return strikes;
  }
}

/** The name of what the fault does. */
export function effectOf(fault: Fault): EffectName | undefined {
  return EFFECTS.find((effect) => fault[effect] !== undefined);
}

function isInForce({ from = 0, until = Number.POSITIVE_INFINITY }: Fault, ageMs: number): boolean {
  return ageMs >= from && ageMs < until;
}

function concerns(fault: Fault, { action, instanceId, repository, tag, page }: FaultSubject): boolean {
  return (
    (operationsOf(fault)?.some((operation) => operation === action) ?? true) &&
    (fault.instance === undefined || fault.instance === instanceId) &&
    (fault.repository === undefined || repository.includes(fault.repository)) &&
    (fault.tag === undefined || fault.tag === tag) &&
    (fault.page === undefined || fault.page === page)
  );
}
