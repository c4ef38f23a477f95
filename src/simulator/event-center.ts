// The event center of an instance: its event rules, and a record of each event that a rule takes.
import { type EventCenterSettings, TYPE_PREFIX } from './event-settings.ts';
import type { Fields } from './pagination.ts';
import type { Parameters } from './parameters.ts';
import { type Draw, seededDraw, stableHex, stableUuid, within } from './random.ts';
import type { SimulatedEvent } from './simulated-event.ts';

const SCANS = `${TYPE_PREFIX}ScanCompleted`;

type Rule = { readonly id: string; readonly name: string; readonly type: string };

/** A record, with the names of its fields in the API. */
export type EventRecord = {
  readonly RecordId: string;
  readonly RuleId: string;
  readonly RuleName: string;
  readonly InstanceId: string;
  readonly Namespace: string;
  readonly RepoName: string;
  readonly Tag: string;
  readonly EventChannel: string;
  readonly EventType: string;
  readonly EventNotifyMethod: string;
  readonly EventNotifyId: string;
  /** Milliseconds since the epoch, to the second. */
  readonly CreateTime: number;
  readonly UpdateTime: number;
};

type KeptRecord = {
  readonly record: EventRecord;
  /** From when on it is listed, in milliseconds since the simulator started. */
  readonly listedFromMs: number;
  /** Its place in the list: the smallest is first. */
  readonly rank: number;
};

const ID_DIGITS = 16;
const SECOND_MS = 1_000;
/** Records with times so close may be in any order. */
const DISORDER_MS = 30_000;

export class EventCenter {
  readonly #settings: EventCenterSettings;
  readonly #rules: readonly Rule[];
  readonly #draw: Draw;
  readonly #seed: number;
  /** The oldest first. */
  #kept: KeptRecord[] = [];

  constructor(instanceId: string, settings: EventCenterSettings, seed: number) {
    this.#settings = settings;
    this.#seed = seed;
    this.#draw = seededDraw(seed, 'event center', instanceId);
    this.#rules = settings.rules.map((written) => {
      const { name, id, type } = typeof written === 'string' ? { name: written, id: undefined, type: SCANS } : written;
      return { name, type, id: id ?? `crecr-${stableHex(ID_DIGITS, instanceId, name)}` };
    });
  }

  get hasRules(): boolean {
    return this.#rules.length > 0;
  }

  /** The RuleNames of an answer. */
  get ruleNames(): readonly Fields[] {
    return this.#rules.map(({ id, name }) => ({ RuleId: id, RuleName: name }));
  }

  /** Keeps a record for each rule that takes the event. Gives the ids of the records. */
  add(event: SimulatedEvent, startedAtMs: number): readonly string[] {
    const rules = this.#rules.filter(({ type }) => type === `${TYPE_PREFIX}${event.type}`);
    const added = rules.map((rule) => this.#keep(rule, event, startedAtMs));
    const { keep } = this.#settings;
    if (this.#kept.length > 2 * keep) this.#kept = this.#kept.slice(-keep);
    return added;
  }

  /** The records that a request asks for, in the order of the list. */
  list({ EventType, RuleId, RepoNamespaceName, RepoName }: Parameters, elapsedMs: number): readonly EventRecord[] {
    const asked = { EventType, RuleId, Namespace: RepoNamespaceName, RepoName };
    return this.#kept
      .slice(-this.#settings.keep)
      .filter(({ record, listedFromMs }) => listedFromMs <= elapsedMs && matches(record, asked))
      .sort((a, b) => a.rank - b.rank)
      .map(({ record }) => record);
  }

  #keep(rule: Rule, { id: eventId, type, repository, tag, elapsedMs }: SimulatedEvent, startedAtMs: number): string {
    const recordId = `crecrr-${stableHex(ID_DIGITS, this.#seed, eventId, rule.id)}`;
    const timeMs = Math.floor((startedAtMs + elapsedMs) / SECOND_MS) * SECOND_MS;
    const record: EventRecord = {
      RecordId: recordId,
      RuleId: rule.id,
      RuleName: rule.name,
      InstanceId: repository.instanceId,
      Namespace: repository.namespace,
      RepoName: repository.name,
      Tag: tag.tag,
      EventChannel: 'EVENT_BRIDGE',
      EventType: `${TYPE_PREFIX}${type}`,
      EventNotifyMethod: 'http',
      EventNotifyId: stableUuid(eventId, 'notification').toLowerCase(),
      CreateTime: timeMs,
      UpdateTime: timeMs,
    };
    const listedFromMs = elapsedMs + within(this.#settings.lag, this.#draw('lag', recordId));
    this.#kept.push({ record, listedFromMs, rank: this.#rankOf(recordId, elapsedMs) });
    return recordId;
  }

  #rankOf(recordId: string, elapsedMs: number): number {
    const drawn = this.#draw('order', recordId);
    const rough = elapsedMs + drawn * DISORDER_MS;
    return { newest_first: -rough, oldest_first: rough, any: drawn }[this.#settings.order];
  }
}

/** Whether a record has each value that is asked for; a missing or empty one asks for nothing. */
function matches(record: EventRecord, asked: Partial<Record<keyof EventRecord, string | undefined>>): boolean {
  return Object.entries(asked).every(([name, value]) => !value || fieldOf(record, name) === value);
}

function fieldOf(record: Fields, name: string): unknown {
  return record[name];
}
