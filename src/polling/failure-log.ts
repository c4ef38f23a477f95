// Tells of failed requests by outage rather than by request: what fails with the same code in the same instance is one line after a
// second, one every ten minutes while it lasts, and one when it is over. Which tags are concerned stands at the level debug.
import type { ApiError } from '../acr/api.ts';
import type { Clock } from '../util/clock.ts';
import { formatDuration } from '../util/duration.ts';
import type { LogFields, Logger } from '../util/logger.ts';

/** What fails together shows within this. */
const TOLD_AFTER_MS = 1_000;
const TOLD_AGAIN_AFTER_MS = 600_000;
/** An outage that comes back soon is told only when it stays: a request that fails now and then is no news each time. */
const RETURNED_TOLD_AFTER_MS = 60_000;

/** What the log says of requests of one kind. */
export type FailureWords<Subject> = {
  readonly action: string;
  /** Events of the requests together: `polls fail`, and `polls no longer fail`. */
  readonly begun: string;
  readonly over: string;
  /** The event of a single request, at the level debug. */
  readonly failed: string;
  /** The field that says how many subjects are concerned. */
  readonly counted: 'tags' | 'repositories' | 'instances';
  readonly instanceOf: (subject: Subject) => string;
  /** Names one subject within its instance, as people write it. */
  readonly nameOf: (subject: Subject) => string;
  /** False for what is not asked any more: such a subject is never answered. */
  readonly isWatched: (subject: Subject) => boolean;
};

export type Failure = Pick<ApiError, 'code' | 'message' | 'requestId'>;

export type FailureLogOptions = {
  readonly logger: Logger;
  readonly clock: Clock;
  /** Aborted when nothing is to be told any more. */
  readonly stopping: AbortSignal;
};

/** Everything that fails with one code in one instance. */
type Outage<Subject> = {
  readonly key: string;
  readonly instanceId: string;
  readonly sinceMs: number;
  readonly failing: Set<Subject>;
  readonly over: AbortController;
  /** The most that failed at the same time. */
  most: number;
  isTold: boolean;
  latest: Failure;
  /** One that fails, with its own error; undefined when it has been answered, until another one fails. */
  example: { readonly subject: Subject; readonly failure: Failure } | undefined;
};

/** One for each kind of request. */
export class FailureLog<Subject extends object> {
  readonly #words: FailureWords<Subject>;
  readonly #options: FailureLogOptions;
  readonly #outages = new Map<string, Outage<Subject>>();
  readonly #outageOf = new WeakMap<Subject, Outage<Subject>>();
  /** When an outage was last told of, by key. */
  readonly #toldMs = new Map<string, number>();

  constructor(words: FailureWords<Subject>, options: FailureLogOptions) {
    this.#words = words;
    this.#options = options;
  }

  /** A request for the subject failed. */
  failed(subject: Subject, failure: Failure): void {
    const { instanceOf, nameOf, failed } = this.#words;
    const instanceId = instanceOf(subject);
    const key = JSON.stringify([instanceId, failure.code]);
    const before = this.#outageOf.get(subject);
    const outage = this.#outages.get(key) ?? this.#begin(key, instanceId, failure);
    outage.latest = failure;
    if (outage.example === undefined || outage.example.subject === subject) outage.example = { subject, failure };
    if (before === outage && outage.failing.has(subject)) return;
    if (before !== undefined && before !== outage) this.#leave(before, subject);
    outage.failing.add(subject);
    outage.most = Math.max(outage.most, outage.failing.size);
    this.#outageOf.set(subject, outage);
    this.#options.logger.debug(failed, { instance_id: instanceId, subject: nameOf(subject), ...fieldsOf(failure) });
  }

  /** A request for the subject was answered. */
  answered(subject: Subject): void {
    const outage = this.#outageOf.get(subject);
    if (outage === undefined) return;
    this.#outageOf.delete(subject);
    this.#leave(outage, subject);
  }

  #begin(key: string, instanceId: string, latest: Failure): Outage<Subject> {
    const outage: Outage<Subject> = {
      key,
      instanceId,
      sinceMs: this.#options.clock.monotonic(),
      failing: new Set(),
      over: new AbortController(),
      most: 0,
      isTold: false,
      latest,
      example: undefined,
    };
    this.#outages.set(key, outage);
    void this.#follow(outage);
    return outage;
  }

  #leave(outage: Outage<Subject>, subject: Subject): void {
    this.#remove(outage, subject);
    if (outage.failing.size === 0) this.#end(outage);
  }

  #remove(outage: Outage<Subject>, subject: Subject): void {
    outage.failing.delete(subject);
    if (outage.example?.subject === subject) outage.example = undefined;
  }

  #end(outage: Outage<Subject>): void {
    if (outage.over.signal.aborted) return;
    outage.over.abort();
    this.#outages.delete(outage.key);
    if (!outage.isTold) return;
    const { over, action, counted } = this.#words;
    const { instanceId, most, latest } = outage;
    this.#options.logger.info(over, {
      instance_id: instanceId,
      action,
      code: latest.code,
      [counted]: most,
      lasted: this.#ageOf(outage),
    });
  }

  /** Tells of an outage until it is over. */
  async #follow(outage: Outage<Subject>): Promise<void> {
    const { clock, stopping } = this.#options;
    const { signal } = outage.over;
    const until = AbortSignal.any([signal, stopping]);
    for (let delayMs = this.#firstDelayMs(outage.key); ; delayMs = TOLD_AGAIN_AFTER_MS) {
      await clock.sleep(delayMs, until);
      if (until.aborted) return;
      for (const subject of outage.failing) if (!this.#words.isWatched(subject)) this.#remove(outage, subject);
      if (outage.failing.size === 0) this.#end(outage);
      else this.#tell(outage);
    }
  }

  #firstDelayMs(key: string): number {
    const nowMs = this.#options.clock.monotonic();
    for (const [each, toldMs] of this.#toldMs) if (nowMs - toldMs >= TOLD_AGAIN_AFTER_MS) this.#toldMs.delete(each);
    return this.#toldMs.has(key) ? RETURNED_TOLD_AFTER_MS : TOLD_AFTER_MS;
  }

  #tell(outage: Outage<Subject>): void {
    const { begun, action, counted, nameOf } = this.#words;
    const { key, instanceId, failing, latest, isTold, example } = outage;
    const [first] = failing;
    const subject = example?.subject ?? first;
    this.#options.logger.warn(begun, {
      instance_id: instanceId,
      action,
      [counted]: failing.size,
      example: subject && nameOf(subject),
      ...(example === undefined ? { code: latest.code } : fieldsOf(example.failure)),
      lasting: isTold ? this.#ageOf(outage) : undefined,
    });
    outage.isTold = true;
    this.#toldMs.set(key, this.#options.clock.monotonic());
  }

  #ageOf({ sinceMs }: Outage<Subject>): string {
    const seconds = Math.round((this.#options.clock.monotonic() - sinceMs) / 1_000);
    return formatDuration(1_000 * seconds);
  }
}

function fieldsOf({ code, message, requestId }: Failure): LogFields {
  return { code, error: message, request_id: requestId || undefined };
}
