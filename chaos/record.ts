// What is known of the last minutes of a run, and everything that the laws read. Times are milliseconds since the epoch unless they say otherwise.
import type { ClockSpan } from './clock.ts';
import type { Exposition } from './exposition.ts';
import { Truth } from './truth.ts';

/** A stretch of time; `to` is `Infinity` while it lasts. */
export type Span = { readonly from: number; to: number };

/** A process of the exporter, from its `listening` line until it was told to end. */
export type Life = Span & {
  readonly number: number;
  /** When the process was started. */
  readonly startedAt: number;
  /** How much its wall clock was off, and when; with storage, also how much those of the processes before were, whose times it may show. */
  readonly clock: ClockSpan[];
  /** Undefined for a process that keeps nothing. */
  readonly storage?: LifeStorage;
};

/** How a process keeps its state. */
export type LifeStorage = {
  readonly intervalMs: number;
  /** Whether all files are those that the process before wrote. */
  readonly isUntouched: boolean;
  /** Whether the previous file is: the present one may be damaged. */
  readonly isPreviousUntouched?: boolean;
  /** Undefined where there was no good file to start with. */
  readonly restored?: RestoredState | undefined;
};

/** The image of a tag and its last success, in milliseconds since the epoch of the clock that the process had which wrote it. */
export type SavedSuccess = { readonly repoId: string; readonly digest: string; readonly at: number };

export type RestoredState = {
  /** The process that wrote it. */
  readonly life: number;
  /** When the file was written. */
  readonly savedAt: number;
  /** What it has of each tag that was answered. */
  readonly successes: ReadonlyMap<TagName, SavedSuccess>;
  /** What was known then is in it. */
  readonly knownBy: number;
};

export type Scrape = {
  readonly life: number;
  /** The clock by which it says times. Where it is left out, that was never off. */
  readonly clock?: readonly ClockSpan[];
  readonly sentAt: number;
  readonly answeredAt: number;
  readonly mode: string;
  readonly exposition: Exposition;
};

/** What several members show together. */
export function unionOf(scrapes: readonly Scrape[]): Scrape {
  const [first] = scrapes;
  if (first === undefined) throw new Error('expected a scrape');
  return {
    ...first,
    sentAt: Math.min(...scrapes.map(({ sentAt }) => sentAt)),
    answeredAt: Math.max(...scrapes.map(({ answeredAt }) => answeredAt)),
    mode: scrapes
      .map(({ life, sentAt, mode }) => `process ${life} since ${new Date(sentAt).toISOString()}, ${mode}`)
      .join('; '),
    exposition: { ...first.exposition, samples: new Map(scrapes.flatMap(({ exposition }) => [...exposition.samples])) },
  };
}

/** A tag that the file lists: instance, names of the repository, tag, parted by spaces. */
export type TagName = string;

/** A configuration file and when it came into force. */
export type Configuration = {
  /** When the file was written and the exporter was told. */
  readonly toldAt: number;
  /** When the exporter said that it is in force; `Infinity` until then. */
  inForceAt: number;
  /** When the run stopped to wait for that. */
  givenUpAt?: number;
  /** Whether it was written between two processes. */
  readonly isOfStart?: boolean;
  readonly perTag: 'full' | 'problems' | 'none';
  readonly tags: ReadonlySet<TagName>;
  /** Instances with repositories that are discovered. */
  readonly discovers: boolean;
  /** The digests by which it lists tags; none where it lists them by name alone. */
  readonly digests?: ReadonlyMap<TagName, string>;
  /** Requests a second, and requests under way, for each set of credentials. */
  readonly rate: number;
  readonly maxConcurrent: number;
  readonly requestTimeoutMs: number;
  /** Undefined where it says nothing of events. */
  readonly events?: EventsFile;
  /** From the end of a poll to the next, by the status that it found; that of `scanning` holds for `retrying` too. */
  readonly backoffMs: { readonly initial: number; readonly max: number };
  readonly intervalsMs: Readonly<Record<'scanning' | 'complete' | 'failed' | 'not_scanned', number>>;
};

/** What a configuration file says of events. */
export type EventsFile = {
  /** Whether there is a webhook, and whether it wants a signature. */
  readonly webhook: boolean;
  readonly signature: boolean;
  /** The period of the feeds of all instances; undefined without feeds. */
  readonly feedMs: number | undefined;
  /** The interval of complete tags while events are healthy. */
  readonly completeMs: number;
};

/** The kind of a delivery of an event of the registry. */
export const TRUE_EVENT = 'true';

/** An attempt to send one event, or several in one body, to the webhook. */
export type Delivery = {
  /** What is sent: {@link TRUE_EVENT}, else the name of a forgery. */
  readonly kind: string;
  readonly id: string;
  /** Of the only event; undefined for several. */
  readonly tag?: EventTag;
  /** How many events are in the body. */
  readonly count: number;
  /** Undefined where it may be answered in several ways. */
  readonly expected?: Expected;
  readonly sentAt: number;
  /** Infinity while there is no answer. */
  answeredAt: number;
  /** Of the answer; 0 without one. */
  status: number;
};

/** The status of the answer where a signature is checked, and where it is not. */
export type Expected = { readonly signed: number; readonly unsigned: number };

/** What an event is about. */
export type EventTag = {
  readonly instanceId: string;
  readonly repoId: string;
  readonly repoNamespace: string;
  readonly repoName: string;
  readonly tag: string;
  /** When it happened, in milliseconds since the epoch, as the event says it: to the second. */
  readonly happenedAt: number;
  readonly isScan: boolean;
};

/** An event of the simulator's log, and the attempts to send it. */
export type LoggedEvent = EventTag & {
  readonly id: string;
  readonly index: number;
  readonly attempts: readonly Delivery[];
};

/** Something that the exporter fetched as a certificate. */
export type CertificateFetch = { readonly life: number; readonly url: string; readonly at: number };

/** From then on the file has another token of events. */
export type TokenWrite = { readonly token: string; readonly at: number };

/** A line of the simulator's log, as far as it is read here. */
export type ApiRequest = {
  readonly index: number;
  readonly arrivedAtMs: number;
  readonly arrivedMonotonicMs: number;
  readonly action: string;
  readonly accessKeyId: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly code: string;
  readonly fault: string | null;
  /** For how long the answer asked to wait. */
  readonly retryAfterMs: number | null;
  readonly finishedAtMs: number | null;
  readonly finishedMonotonicMs: number | null;
};

/** A request to the API as the exporter's process wrote it to a connection. */
export type WireRequest = {
  readonly life: number;
  /** Unique within the life. */
  readonly id: number;
  readonly accessKeyId: string;
  /** The operation, and the instance, repository, tag and digest that it is about, parted by spaces. */
  readonly subject: string;
  /** When this program learned of it. */
  readonly at: number;
  /** It was written between these, on the monotonic clock: there is more than microseconds between them where the process was stopped meanwhile. */
  readonly fromMs: number;
  readonly toMs: number;
  /** When its last byte was read, or its connection was gone, on the monotonic clock; `Infinity` while it is under way. */
  overMs: number;
  /** Whether its answer was read to the end. */
  isAnswered: boolean;
};

/** A request to the exporter, and whether it was answered as it should. */
export type Probe = { readonly path: string; readonly sentAt: number; readonly tookMs: number; readonly ok: boolean };

/** A time without faults. */
export type Calm = {
  readonly from: number;
  readonly to: number;
  /** When everything that was shown was the truth; `Infinity` where that did not happen. */
  readonly equalAt: number;
  /** What differed to the end. */
  readonly differences: readonly string[];
  /** The life that it ended in, and what the process held then; undefined where there was no scrape. */
  readonly rest?: Rest | undefined;
};

/** What a process held once everything was calm. */
export type Rest = {
  readonly life: number;
  readonly residentBytes: number;
  readonly openFiles: number;
  /** Of event loop handles, requests and other resources (sockets, timers), by type. */
  readonly resources: ReadonlyMap<string, number>;
};

/** A process that was told to end by SIGTERM; its exit status is undefined where it did not end by itself. */
export type End = { readonly sentAt: number; readonly tookMs: number; readonly status: number | undefined };

/** From now on the secret files of a set of credentials hold another key, or nothing that the API accepts, or something that it accepts again. */
export type KeyWrite = { readonly set: string; readonly keyId: string; readonly isGood: boolean; readonly at: number };

/** A process of several that ended or stood still without warning: what it learned shortly before may be lost. */
export type Loss = { readonly life: number; readonly at: number };

export type RunRecord = {
  /** How many exporters there are at the same time. */
  readonly members: number;
  /** Times in which repositories may move from one member to another. */
  readonly moves: Span[];
  readonly losses: Loss[];
  /** Times in which Redis may not have what members have written. */
  readonly redisFaults: Span[];
  /** The record is complete from then on; minus infinity until something was dropped. */
  keptFrom: number;
  readonly lives: Life[];
  readonly scrapes: Scrape[];
  readonly configurations: Configuration[];
  readonly truth: Truth;
  requests: readonly ApiRequest[];
  /** In the order in which they were written. */
  readonly wire: WireRequest[];
  /** When the system's monotonic clock was 0. */
  readonly monotonicZeroAt: number;
  /** Times in which the simulator's loop stood still, on its monotonic clock. */
  readonly simulatorStalls: Span[];
  /** Times in which the exporter waited for a processor, or this program's own loop stood still; with `life` only that process was stopped. */
  readonly pauses: (Span & { readonly life?: number | undefined })[];
  readonly probes: Probe[];
  readonly calms: Calm[];
  readonly ends: End[];
  readonly keyWrites: KeyWrite[];
  /** In the order in which they happened. */
  events: readonly LoggedEvent[];
  /** What this program itself has sent to the webhook. */
  readonly forgeries: Delivery[];
  readonly certificateFetches: CertificateFetch[];
  readonly tokenWrites: TokenWrite[];
  /** Times in which nothing could be written to the directory of the state. */
  readonly blocks: Span[];
  /** When the oldest state was written that a start may use; infinity where there is none. */
  stateFrom: number;
  /** When each tag was last answered, as the last scrape showed that is no longer in the record. */
  readonly lastSuccesses: Map<TagName, number>;
};

export function emptyRecord(members = 1): RunRecord {
  return {
    members,
    moves: [],
    losses: [],
    redisFaults: [],
    keptFrom: Number.NEGATIVE_INFINITY,
    lives: [],
    scrapes: [],
    configurations: [],
    truth: new Truth(),
    requests: [],
    wire: [],
    monotonicZeroAt: performance.timeOrigin + performance.now() - Number(process.hrtime.bigint()) / 1e6,
    simulatorStalls: [],
    pauses: [],
    probes: [],
    calms: [],
    ends: [],
    keyWrites: [],
    events: [],
    forgeries: [],
    certificateFetches: [],
    tokenWrites: [],
    blocks: [],
    stateFrom: Number.POSITIVE_INFINITY,
    lastSuccesses: new Map(),
  };
}

/**
 * Until when it is known what did not happen: while the run goes on, to the end of what is judged, which has settled; at last, until the last
 * probe was sent.
 */
export function recordedTo({ probes }: RunRecord, judgedTo = Number.POSITIVE_INFINITY): number {
  if (Number.isFinite(judgedTo)) return judgedTo;
  return probes.reduce((latest, { sentAt }) => Math.max(latest, sentAt), 0);
}

/** The entries of a list by what a function gives for each, in their order. */
export function grouped<T>(list: readonly T[], keyOf: (entry: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const entry of list) {
    const key = keyOf(entry);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [entry]);
    else group.push(entry);
  }
  return groups;
}

/** How much of a stretch of time lies in others, which may lie in each other. */
export function overlap(spans: readonly Span[], from: number, to: number): number {
  const inside = spans.filter((span) => span.to > from && span.from < to).sort((one, other) => one.from - other.from);
  let [sum, until] = [0, from];
  for (const span of inside) {
    const end = Math.min(to, span.to);
    sum += Math.max(0, end - Math.max(until, span.from));
    until = Math.max(until, end);
  }
  return sum;
}

/** When so many milliseconds outside of some spans have passed, from a time on. */
export function timeAfter(spans: readonly Span[], from: number, ms: number): number {
  let [at, leftMs] = [from, ms];
  for (const span of [...spans].sort((one, other) => one.from - other.from)) {
    const freeMs = Math.max(0, span.from - at);
    if (freeMs >= leftMs) break;
    if (span.to <= at) continue;
    leftMs -= freeMs;
    at = span.to;
  }
  return at + leftMs;
}

/** The time from which on so many milliseconds outside of some spans have passed until `to`. */
export function timeBefore(spans: readonly Span[], to: number, ms: number): number {
  return -timeAfter(
    spans.map((span) => ({ from: -span.to, to: -span.from })),
    -to,
    ms,
  );
}

/** Whether another configuration may have come into force between two times. */
export function isToldBetween(configurations: readonly Configuration[], from: number, to: number): boolean {
  return configurations.some(({ toldAt }, index) => {
    const settledAt = Math.min(...configurations.slice(index).map(({ inForceAt }) => inForceAt));
    return toldAt <= to && settledAt >= from;
  });
}

/** The times at which a configuration may have been in force that is not of a kind. */
export function spansWithout(
  configurations: readonly Configuration[],
  isOfKind: (configuration: Configuration) => boolean,
): Span[] {
  return configurations.flatMap((configuration, index) =>
    isOfKind(configuration)
      ? []
      : [{ from: configuration.toldAt, to: configurations[index + 1]?.inForceAt ?? Number.POSITIVE_INFINITY }],
  );
}
