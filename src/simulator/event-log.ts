// The log of events: what happened in the registry, what was recorded, and what became of each delivery. It holds no secrets.
import { TYPE_PREFIX } from './event-settings.ts';
import { RecentEntries } from './recent-entries.ts';
import type { SimulatedEvent } from './simulated-event.ts';

/** Times are milliseconds since the epoch. */
export type DeliveryAttempt = {
  readonly sentAtMs: number;
  /** When the answer came or the attempt failed; null while under way. */
  endedAtMs: number | null;
  /** The HTTP status of the answer; null without one. */
  httpStatus: number | null;
  /** Why there was no answer, as a code: `ECONNREFUSED`, `TimeoutError`, …; null when there was one. */
  error: string | null;
};

export type LoggedDelivery = { readonly attempts: DeliveryAttempt[] };

export type LoggedEvent = {
  /** 0 for the first event since events are watched. */
  readonly index: number;
  /** The `id` of the CloudEvent. */
  readonly id: string;
  /** `cr:Artifact:ScanCompleted` or `cr:Artifact:PushCompleted`. */
  readonly type: string;
  readonly instanceId: string;
  readonly repoId: string;
  readonly repoNamespace: string;
  readonly repoName: string;
  readonly tag: string;
  /** How the scan ended, `COMPLETE` or `FAILED`; null for a push. */
  readonly status: string | null;
  readonly happenedAtMs: number;
  /** The ids of its records in the event center. */
  recordIds: readonly string[];
  /** Whether it was never sent, because of `loss`. */
  isLost: boolean;
  /** Its deliveries: none where nothing is sent or it is lost, two where it is doubled. */
  readonly deliveries: LoggedDelivery[];
};

const LOG_CAPACITY = 200_000;

/** Keeps the last {@link LOG_CAPACITY} events. */
export class EventLog {
  readonly #entries = new RecentEntries<LoggedEvent>(LOG_CAPACITY);

  get total(): number {
    return this.#entries.total;
  }

  get first(): number {
    return this.#entries.first;
  }

  /** Adds an event. The caller fills in what becomes of it. */
  add({ id, type, repository, tag, status, elapsedMs }: SimulatedEvent, startedAtMs: number): LoggedEvent {
    const entry: LoggedEvent = {
      index: this.total,
      id,
      type: `${TYPE_PREFIX}${type}`,
      instanceId: repository.instanceId,
      repoId: repository.id,
      repoNamespace: repository.namespace,
      repoName: repository.name,
      tag: tag.tag,
      status: status ?? null,
      happenedAtMs: Math.floor(startedAtMs + elapsedMs),
      recordIds: [],
      isLost: false,
      deliveries: [],
    };
    this.#entries.add(entry);
    return entry;
  }

  /** At most `limit` events from index `since` on, oldest first. */
  page(since: number, limit: number): LoggedEvent[] {
    return this.#entries.page(since, limit).map(copyOf);
  }
}

function copyOf(entry: LoggedEvent): LoggedEvent {
  const deliveries = entry.deliveries.map(({ attempts }) => ({ attempts: attempts.map((each) => ({ ...each })) }));
  return { ...entry, deliveries };
}
