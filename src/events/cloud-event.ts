// Reads the CloudEvents that EventBridge sends: structured JSON, one event or a batch.
import type { EventType, RegistryEvent } from '../model/events.ts';

const SOURCE = 'acs.cr';
const TYPES: ReadonlyMap<string, EventType> = new Map([
  ['cr:Artifact:ScanCompleted', 'ScanCompleted'],
  ['cr:Artifact:PushCompleted', 'PushCompleted'],
]);

/** A batch of more is no batch that anything sends. */
export const MAX_BATCH = 1_000;
/** The longest names of the registry have half of it. */
const MAX_LENGTH = 255;
/** RFC 3339, as CloudEvents requires it: a time without its offset is no time. */
const TIME = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)$/;

export type CloudEvents = {
  readonly events: readonly RegistryEvent[];
  /** The number of CloudEvents of other sources and types. */
  readonly others: number;
  /** What is wrong with each of the rest: `data.Tag: expected a text of at most 255 characters, found none`. */
  readonly problems: readonly string[];
};

/**
 * Reads the text of a body. Takes what the exporter needs of an event as strictly as the documentation of EventBridge has it, and ignores the
 * rest. A whole number counts as its text. Never throws.
 */
export function parseCloudEvents(text: string): CloudEvents {
  const items = itemsOf(text);
  if (typeof items === 'string') return { events: [], others: 0, problems: [items] };
  const events: RegistryEvent[] = [];
  const problems: string[] = [];
  for (const item of items) {
    const read = readEvent(item);
    if (typeof read === 'string') problems.push(read);
    else if (read !== undefined) events.push(read);
  }
  return { events, others: items.length - events.length - problems.length, problems };
}

/** The items of a batch, or the only one; what is wrong with the text. */
function itemsOf(text: string): readonly unknown[] | string {
  try {
    const body: unknown = JSON.parse(text);
    if (!Array.isArray(body)) return [body];
    return body.length <= MAX_BATCH ? body : `expected a batch of at most ${MAX_BATCH} events, found ${body.length}`;
  } catch {
    return `expected JSON, found ${text.trim() === '' ? 'nothing' : 'something else'}`;
  }
}

/** The event; undefined for a CloudEvent of another source or type; what is wrong with the item. */
function readEvent(item: unknown): RegistryEvent | string | undefined {
  if (!isRecord(item)) return `expected a CloudEvent, a JSON object, found ${kindOf(item)}`;
  const problems: string[] = [];
  const envelope = readerOf(item, '', problems);
  const [version, id, source, name] = ['specversion', 'id', 'source', 'type'].map(envelope.needed);
  if (problems.length === 0 && version !== '1.0') problems.push(`specversion: expected 1.0, found another`);
  if (problems.length > 0) return problems[0];
  const type = TYPES.get(name ?? '');
  if (id === undefined || type === undefined || source !== SOURCE) return undefined;
  const timeMs = readTime(envelope.needed('time'));
  if (timeMs === undefined)
    problems.push('time: expected one of RFC 3339, such as 2026-01-31T08:15:00+08:00, found another text');
  const content = own(item, 'data');
  if (!isRecord(content)) problems.push(`data: expected a JSON object, found ${kindOf(content)}`);
  const data = readerOf(isRecord(content) ? content : {}, 'data.', problems);
  const [instanceId, tag] = ['InstanceId', 'Tag'].map(data.needed);
  const repository = {
    id: data.optional('RepoId'),
    namespace: data.optional('RepoNamespaceName'),
    name: data.optional('RepoName'),
  };
  if (repository.id === '' && (repository.namespace === '' || repository.name === ''))
    problems.push('data: expected RepoId, or RepoNamespaceName and RepoName, found neither');
  if (instanceId === undefined || tag === undefined || timeMs === undefined || problems.length > 0) return problems[0];
  return { id, type, instanceId, repository, tag, timeMs };
}

/** Reads fields of an object as texts, and lists the problems. */
function readerOf(record: object, place: string, problems: string[]) {
  const read = (key: string): string | undefined => {
    const value = own(record, key);
    const text = Number.isSafeInteger(value) ? String(value) : value;
    if (text === undefined || text === null || text === '') return '';
    if (typeof text === 'string' && text.length <= MAX_LENGTH) return text;
    const found = typeof text === 'string' ? `${text.length}` : kindOf(text);
    problems.push(`${place}${key}: expected a text of at most ${MAX_LENGTH} characters, found ${found}`);
    return undefined;
  };
  return {
    /** The text of a field that has to be there; undefined if it is not, or is no text. */
    needed: (key: string): string | undefined => {
      const text = read(key);
      if (text === '') problems.push(`${place}${key}: expected a text of at most ${MAX_LENGTH} characters, found none`);
      return text || undefined;
    },
    /** The text of a field; empty if it is not there. */
    optional: (key: string): string => read(key) ?? '',
  };
}

function readTime(text: string | undefined): number | undefined {
  if (text === undefined || !TIME.test(text)) return undefined;
  const ms = Date.parse(text.toUpperCase());
  return Number.isNaN(ms) ? undefined : ms;
}

/** A field of the JSON text itself, not one that every object has. */
function own(record: object, key: string): unknown {
  return Object.getOwnPropertyDescriptor(record, key)?.value;
}

function isRecord(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'none';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
