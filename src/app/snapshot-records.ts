// Reads the records of a snapshot, which another version may have written. A record that does not have the shape in `model/snapshot.ts` is not
// used. Pure functions.

import { IMAGE_NAMES } from '../model/digest.ts';
import { EVENT_CHANNELS } from '../model/events.ts';
import type { RuleCount } from '../model/exporter-status.ts';
import { isUnderWay, type PollError, SCAN_STATUSES, SCAN_SUBJECTS, type ScanSubject } from '../model/scan.ts';
import type {
  DiscoveryMemory,
  EventHealthMemory,
  EventsMemory,
  FeedCursor,
  InstanceRecord,
  NamesMemory,
  RateRecord,
  RefusedName,
  RepositoryRecord,
  SnapshotRecord,
  TagRecord,
} from '../model/snapshot.ts';

/** Longer than any text in a record of ours but the rules. */
const MAX_TEXT_LENGTH = 8_192;
const MAX_RULES_LENGTH = 2 ** 24;
/** The last time that a `Date` can have. */
const MAX_TIME_MS = 8.64e15;

/** A value of another type than expected, or out of bounds. */
class InvalidValueError extends Error {
  override readonly name = 'InvalidValueError';
}

/** The record, with nothing in it that has another type or is out of bounds; undefined if there is something. */
export function readRecord(value: unknown): SnapshotRecord | undefined {
  try {
    const fields = new RecordFields(value);
    switch (fields.text('kind')) {
      case 'tag':
        return readTag(fields);
      case 'repository':
        return readRepository(fields);
      case 'instance':
        return readInstance(fields);
      case 'rate':
        return readRate(fields);
      default:
        return undefined;
    }
  } catch (error) {
    if (error instanceof InvalidValueError) return undefined;
    throw error;
  }
}

function readTag(fields: RecordFields): TagRecord {
  const status = fields.oneOf('status', SCAN_STATUSES);
  return {
    kind: 'tag',
    repository: fields.count('repository'),
    tag: fields.text('tag'),
    digest: fields.optional('digest', () => fields.text('digest')),
    scanTaskId: fields.optional('scanTaskId', () => fields.text('scanTaskId')),
    status,
    since: fields.time('since'),
    answered: fields.isTrue('answered') || undefined,
    success: fields.optionalTime('success'),
    poll: fields.optionalTime('poll'),
    error: fields.optional('error', readError),
    failures: fields.optional('failures', () => fields.count('failures')),
    service: fields.optional('service', () => fields.text('service')),
    vulnerabilities: fields.optional('vulnerabilities', readVulnerabilities),
    summaryError: fields.optional('summaryError', readError),
    // A status that this version does not know does not end a scan.
    scan: isUnderWay(status) || status === 'unknown' ? fields.optionalTime('scan') : undefined,
    discovered: fields.isTrue('discovered') || undefined,
    updated: fields.optionalTime('updated'),
    pushed: fields.optionalTime('pushed'),
    seen: fields.optionalTime('seen'),
    summarised: fields.optionalTime('summarised'),
    summaryDue: fields.optionalTime('summaryDue'),
    summaryFailures: fields.optional('summaryFailures', () => fields.count('summaryFailures')),
    announced: fields.optional('announced', readAnnounced),
  };
}

function readAnnounced(value: unknown): TagRecord['announced'] {
  const fields = new RecordFields(value);
  return { channel: fields.oneOf('channel', EVENT_CHANNELS), time: fields.time('time') };
}

function readRepository(fields: RecordFields): RepositoryRecord {
  return {
    kind: 'repository',
    number: fields.count('number'),
    instance: fields.text('instance'),
    id: fields.text('id'),
    namespace: fields.text('namespace'),
    name: fields.text('name'),
    found: fields.isTrue('found'),
  };
}

function readInstance(fields: RecordFields): InstanceRecord {
  return {
    kind: 'instance',
    id: fields.text('id'),
    names: readNames(fields.get('names')),
    discovery: fields.optional('discovery', readDiscovery),
    events: fields.optional('events', readEvents),
  };
}

function readNames(value: unknown): NamesMemory {
  const fields = new RecordFields(value);
  const name = (of: ScanSubject) => fields.optional(of, () => fields.oneOf(of, IMAGE_NAMES));
  return { status: name('status'), summary: name('summary'), refused: fields.list('refused', readRefused) };
}

function readRefused(value: unknown): RefusedName {
  const fields = new RecordFields(value);
  return {
    subject: fields.oneOf('subject', SCAN_SUBJECTS),
    name: fields.oneOf('name', IMAGE_NAMES),
    until: fields.time('until'),
  };
}

function readDiscovery(value: unknown): DiscoveryMemory {
  const fields = new RecordFields(value);
  return {
    rules: fields.text('rules', MAX_RULES_LENGTH),
    intervalMs: fields.time('intervalMs'),
    success: fields.optionalTime('success'),
    error: fields.optional('error', readError),
    ended: fields.optionalTime('ended'),
    failures: fields.count('failures'),
    truncated: fields.isTrue('truncated'),
    counts: fields.optional('counts', () => fields.list('counts', readCount)),
  };
}

function readEvents(value: unknown): EventsMemory {
  const fields = new RecordFields(value);
  return { health: readHealth(fields.get('health')), cursor: fields.optional('cursor', readCursor) };
}

function readHealth(value: unknown): EventHealthMemory {
  const fields = new RecordFields(value);
  return {
    missedTooMany: fields.isTrue('missedTooMany'),
    webhookProven: fields.isTrue('webhookProven'),
    feedWell: fields.isTrue('feedWell'),
  };
}

function readCursor(value: unknown): FeedCursor {
  const fields = new RecordFields(value);
  return { sinceMs: fields.time('sinceMs'), ids: fields.list('ids', readId) };
}

function readId(value: unknown): string {
  if (typeof value !== 'string' || value.length > MAX_TEXT_LENGTH) throw new InvalidValueError();
  return value;
}

function readCount(value: unknown): RuleCount {
  const fields = new RecordFields(value);
  return { repositories: fields.count('repositories'), tags: fields.count('tags') };
}

function readRate(fields: RecordFields): RateRecord {
  return {
    kind: 'rate',
    credentials: fields.text('credentials'),
    share: fields.number('share', 1),
    since: fields.optionalTime('since'),
    pausedUntil: fields.optionalTime('pausedUntil'),
  };
}

function readError(value: unknown): PollError {
  const fields = new RecordFields(value);
  return {
    code: fields.text('code'),
    message: fields.text('message'),
    requestId: fields.text('requestId'),
    timeMs: fields.time('timeMs'),
  };
}

function readVulnerabilities(value: unknown): [number, number, number, number] {
  if (!Array.isArray(value) || value.length !== 4) throw new InvalidValueError();
  const [high, medium, low, unknown] = value.map((each: unknown) => wholeNumber(each, Number.MAX_SAFE_INTEGER));
  return [high ?? 0, medium ?? 0, low ?? 0, unknown ?? 0];
}

function wholeNumber(value: unknown, largest: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > largest)
    throw new InvalidValueError();
  return value;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The fields of an object of unknown shape. All methods throw {@link InvalidValueError} for a value of another type, or out of bounds. */
class RecordFields {
  readonly #fields: Readonly<Record<string, unknown>>;

  constructor(value: unknown) {
    if (!isObject(value)) throw new InvalidValueError();
    this.#fields = value;
  }

  get(name: string): unknown {
    return this.#fields[name];
  }

  optional<Value>(name: string, read: (value: unknown) => Value): Value | undefined {
    const value = this.get(name);
    return value === undefined ? undefined : read(value);
  }

  text(name: string, longest = MAX_TEXT_LENGTH): string {
    const value = this.get(name);
    if (typeof value !== 'string' || value.length > longest) throw new InvalidValueError();
    return value;
  }

  oneOf<Value extends string>(name: string, values: readonly Value[]): Value {
    const value = values.find((each) => each === this.get(name));
    if (value === undefined) throw new InvalidValueError();
    return value;
  }

  number(name: string, largest: number): number {
    const value = this.get(name);
    if (typeof value !== 'number' || !(value >= 0 && value <= largest)) throw new InvalidValueError();
    return value;
  }

  count(name: string): number {
    return wholeNumber(this.get(name), Number.MAX_SAFE_INTEGER);
  }

  time(name: string): number {
    return this.number(name, MAX_TIME_MS);
  }

  optionalTime(name: string): number | undefined {
    return this.optional(name, () => this.time(name));
  }

  /** False if it is absent. */
  isTrue(name: string): boolean {
    const value = this.get(name) ?? false;
    if (typeof value !== 'boolean') throw new InvalidValueError();
    return value;
  }

  list<Item>(name: string, read: (value: unknown) => Item): readonly Item[] {
    const value = this.get(name);
    if (!Array.isArray(value)) throw new InvalidValueError();
    return value.map(read);
  }
}
