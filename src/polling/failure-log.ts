// Logs outages instead of single failed requests. All failures with the same code in the same instance are one outage: one line after a
// second, one every ten minutes while it lasts (unless its kind is logged once), and one at its end. The failures of single tags are logged at the level debug.
import type { ApiError } from '../acr/api-error.ts';
import type { Clock } from '../util/clock.ts';
import { formatDuration } from '../util/duration.ts';
import type { LogFields, Logger } from '../util/logger.ts';

/** In this time, the requests that are under way fail too, and are counted in the first line. */
const LOGGED_AFTER_MS = 1_000;
const LOGGED_AGAIN_AFTER_MS = 600_000;
/** An outage that comes back soon is logged only if it lasts: a request that fails now and then does not fill the log. */
const RETURNED_LOGGED_AFTER_MS = 60_000;

/** The texts of the log for one kind of request. */
export type FailureTexts<Subject> = {
  readonly action: string;
  /** The messages about an outage, such as `polls fail` and `polls no longer fail`. */
  readonly begun: string;
  readonly over: string;
  /** The message about a single request, at the level debug. */
  readonly failed: string;
  /** The field with the number of subjects whose requests fail. */
  readonly counted: 'tags' | 'repositories' | 'instances';
  /** Set if an outage is not logged again while it lasts. */
  readonly isLoggedOnce?: boolean;
  readonly instanceOf: (subject: Subject) => string;
  /** The name of a subject in its instance, such as `shop/api:v1`. */
  readonly nameOf: (subject: Subject) => string;
  /** False for a subject that is no longer requested: it will never be answered. */
  readonly isWatched: (subject: Subject) => boolean;
};

export type Failure = Pick<ApiError, 'code' | 'message' | 'requestId'>;

export type FailureLogOptions = {
  readonly logger: Logger;
  readonly clock: Clock;
  /** Aborted when nothing more is logged. */
  readonly stopping: AbortSignal;
};

/** All requests that fail with one code in one instance. */
type Outage<Subject> = {
  readonly key: string;
  readonly instanceId: string;
  readonly sinceMs: number;
  readonly failing: Set<Subject>;
  readonly over: AbortController;
  /** The largest number of subjects that failed at the same time. */
  maxFailing: number;
  isLogged: boolean;
  latest: Failure;
  /** A subject that fails, with its own error; undefined after its request was answered, until another one fails. */
  example: { readonly subject: Subject; readonly failure: Failure } | undefined;
};

/** There is one for each kind of request. */
export class FailureLog<Subject extends object> {
  readonly #texts: FailureTexts<Subject>;
  readonly #options: FailureLogOptions;
  readonly #outages = new Map<string, Outage<Subject>>();
  readonly #outageOf = new WeakMap<Subject, Outage<Subject>>();
  /** When an outage was last logged, by key. */
  readonly #loggedMs = new Map<string, number>();

  constructor(texts: FailureTexts<Subject>, options: FailureLogOptions) {
    this.#texts = texts;
    this.#options = options;
  }

  /** A request for the subject failed. */
  failed(subject: Subject, failure: Failure): void {
    const { instanceOf, nameOf, failed } = this.#texts;
    const instanceId = instanceOf(subject);
    const key = JSON.stringify([instanceId, failure.code]);
    const before = this.#outageOf.get(subject);
    const outage = this.#outages.get(key) ?? this.#begin(key, instanceId, failure);
    outage.latest = failure;
    if (outage.example === undefined || outage.example.subject === subject) outage.example = { subject, failure };
    if (before === outage && outage.failing.has(subject)) return;
    if (before !== undefined && before !== outage) this.#leave(before, subject);
    outage.failing.add(subject);
    outage.maxFailing = Math.max(outage.maxFailing, outage.failing.size);
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
      maxFailing: 0,
      isLogged: false,
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
    if (!outage.isLogged) return;
    const { over, action, counted } = this.#texts;
    const { instanceId, maxFailing, latest } = outage;
    this.#options.logger.info(over, {
      instance_id: instanceId,
      action,
      code: latest.code,
      [counted]: maxFailing,
      lasted: this.#ageOf(outage),
    });
  }

  /** Logs an outage until it is over. */
  async #follow(outage: Outage<Subject>): Promise<void> {
    const { clock, stopping } = this.#options;
    const { signal } = outage.over;
    const until = AbortSignal.any([signal, stopping]);
    for (let delayMs = this.#firstDelayMs(outage.key); ; delayMs = LOGGED_AGAIN_AFTER_MS) {
      await clock.sleep(delayMs, until);
      if (until.aborted) return;
      for (const subject of outage.failing) if (!this.#texts.isWatched(subject)) this.#remove(outage, subject);
      if (outage.failing.size === 0) this.#end(outage);
      else if (!outage.isLogged || !this.#texts.isLoggedOnce) this.#log(outage);
    }
  }

  #firstDelayMs(key: string): number {
    const nowMs = this.#options.clock.monotonic();
    for (const [each, loggedMs] of this.#loggedMs)
      if (nowMs - loggedMs >= LOGGED_AGAIN_AFTER_MS) this.#loggedMs.delete(each);
    return this.#loggedMs.has(key) ? RETURNED_LOGGED_AFTER_MS : LOGGED_AFTER_MS;
  }

  #log(outage: Outage<Subject>): void {
    const { begun, action, counted, nameOf } = this.#texts;
    const { key, instanceId, failing, latest, isLogged, example } = outage;
    const [first] = failing;
    const subject = example?.subject ?? first;
    this.#options.logger.warn(begun, {
      instance_id: instanceId,
      action,
      [counted]: failing.size,
      example: subject && nameOf(subject),
      ...(example === undefined ? { code: latest.code } : fieldsOf(example.failure)),
      lasting: isLogged ? this.#ageOf(outage) : undefined,
    });
    outage.isLogged = true;
    this.#loggedMs.set(key, this.#options.clock.monotonic());
  }

  #ageOf({ sinceMs }: Outage<Subject>): string {
    const seconds = Math.round((this.#options.clock.monotonic() - sinceMs) / 1_000);
    return formatDuration(1_000 * seconds);
  }
}

function fieldsOf({ code, message, requestId }: Failure): LogFields {
  return { code, error: message, request_id: requestId || undefined };
}
