// Holds a run to every law while it goes on, a little behind the present, and lets the record of it grow no longer than that needs.
import { setImmediate as turn } from 'node:timers/promises';
import { forget, neededFrom } from './forget.ts';
import type { Judged, Law, Violation } from './laws/law.ts';
import { overlap, type RunRecord } from './record.ts';
import type { SimulatorClient } from './simulator.ts';

/** What happened before is complete in the record: answers have come, and stalls of the simulator were reported. */
const SETTLED_MS = 2_000;
/** How much of the record before the moments that are judged stays: more than a round. */
const KEPT_MS = 60_000;

export type Tally = { checked: number; readonly violations: Violation[]; broken: number };
export type OnViolation = (law: string, violation: Violation) => void;

/** By then an event was sent for the last time, however late it is: two minutes, and three more attempts. */
const SENT_WITHIN_MS = 240_000;

const VIOLATIONS_KEPT = 20;

export class Checker {
  /** By the names of laws. */
  readonly tallies: ReadonlyMap<string, Tally>;
  /** For how long a law held up this program's event loop at most, and which. */
  longest = { law: '', ms: 0 };
  /** Of the time that was judged, for how long the exporter or this program was not let run: what takes time is excused then. */
  readonly excused = { ms: 0, ofMs: 0 };
  /** Requests that the simulator has had. */
  requests = 0;
  readonly #record: RunRecord;
  readonly #simulator: SimulatorClient;
  readonly #laws: readonly Law[];
  readonly #onViolation: OnViolation;
  #judgedTo = Number.NEGATIVE_INFINITY;
  /** The first request of which the record does not know how it ended. */
  #open = 0;
  /** The first event that may still be sent. */
  #events = 0;

  constructor(record: RunRecord, simulator: SimulatorClient, laws: readonly Law[], onViolation: OnViolation) {
    this.tallies = new Map(laws.map(({ name }) => [name, { checked: 0, violations: [], broken: 0 }]));
    this.#laws = laws;
    this.#record = record;
    this.#simulator = simulator;
    this.#onViolation = onViolation;
  }

  get broken(): number {
    return [...this.tallies.values()].reduce((sum, { broken }) => sum + broken, 0);
  }

  /** Judges what happened since the last check, and drops what is too old to matter for the next. One call after the other. */
  async check(): Promise<void> {
    const to = Date.now() - SETTLED_MS;
    await this.#judge(to);
    forget(this.#record, neededFrom(this.#record, to - KEPT_MS, to));
  }

  /** Judges everything that is left, once nothing happens any more. */
  async finish(): Promise<void> {
    await this.#judge(Number.POSITIVE_INFINITY);
  }

  async #judge(to: number): Promise<void> {
    await this.#takeRequests();
    await this.#takeEvents();
    await this.#simulator.look();
    const judged = { from: this.#judgedTo, to };
    this.#judgedTo = to;
    this.#noteExcused(judged);
    for (const { name, check } of this.#laws) {
      await turn();
      const begin = performance.now();
      const { checked, violations } = check(this.#record, judged);
      const ms = performance.now() - begin;
      if (ms > this.longest.ms) this.longest = { law: name, ms };
      this.#note(name, checked, violations);
    }
  }

  #noteExcused({ from, to }: Judged): void {
    if (!Number.isFinite(to - from)) return;
    this.excused.ms += overlap(this.#record.pauses, from, to);
    this.excused.ofMs += to - from;
  }

  #note(law: string, checked: number, violations: readonly Violation[]): void {
    const tally = this.tallies.get(law);
    if (tally === undefined) return;
    tally.checked += checked;
    tally.broken += violations.length;
    tally.violations.push(...violations.slice(0, VIOLATIONS_KEPT - tally.violations.length));
    for (const violation of violations) this.#onViolation(law, violation);
  }

  async #takeEvents(): Promise<void> {
    const settledBy = Date.now() - SENT_WITHIN_MS;
    const found = await this.#simulator.events(this.#events);
    this.#record.events = [...this.#record.events.filter(({ index }) => index < this.#events), ...found];
    this.#events = found.find(({ happenedAt }) => happenedAt >= settledBy)?.index ?? this.#events + found.length;
  }

  async #takeRequests(): Promise<void> {
    const found = await this.#simulator.requests(this.#open);
    const known = this.#record.requests.filter(({ index }) => index < this.#open);
    this.#record.requests = [...known, ...found];
    this.requests = (found.at(-1)?.index ?? this.requests - 1) + 1;
    this.#open = found.find(({ finishedAtMs }) => finishedAtMs === null)?.index ?? this.requests;
  }
}
