// Tells of failed requests without repeating itself: an outage of hours is one line for each subject and every ten minutes.
import type { ApiError } from '../acr/api.ts';
import type { Clock } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';

/** The same error of the same subject is no news for this long. */
const REPEAT_AFTER_MS = 600_000;

/** What was last said of a subject that keeps failing, and how often it has failed in the same way since. */
type Told = { readonly code: string; readonly atMs: number; repeats: number };

/** What the log says of requests of one kind: the events, and the fields that say what a request was about. */
export type FailureWords<Subject> = {
  readonly failed: string;
  readonly answered: string;
  readonly fields: (subject: Subject) => Readonly<Record<string, string | undefined>>;
};

export type Failure = Pick<ApiError, 'code' | 'message' | 'requestId'>;

/** One for each kind of request. */
export class FailureLog<Subject extends object> {
  readonly #words: FailureWords<Subject>;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #told = new WeakMap<Subject, Told>();

  constructor(words: FailureWords<Subject>, logger: Logger, clock: Clock) {
    this.#words = words;
    this.#logger = logger;
    this.#clock = clock;
  }

  /** A request failed: logged when the code is another one than last time, or ten minutes have passed. */
  failed(subject: Subject, { code, message, requestId }: Failure): void {
    const told = this.#told.get(subject);
    const nowMs = this.#clock.monotonic();
    if (told?.code === code && nowMs - told.atMs < REPEAT_AFTER_MS) {
      told.repeats += 1;
      return;
    }
    const repeats = told?.code === code ? told.repeats + 1 : told?.repeats || undefined;
    this.#logger.warn(this.#words.failed, {
      ...this.#words.fields(subject),
      code,
      error: message,
      request_id: requestId || undefined,
      repeats,
    });
    this.#told.set(subject, { code, atMs: nowMs, repeats: 0 });
  }

  /** A request was answered: logged when something else was said last. */
  answered(subject: Subject): void {
    const told = this.#told.get(subject);
    if (told === undefined) return;
    this.#told.delete(subject);
    const fields = { ...this.#words.fields(subject), code: told.code, repeats: told.repeats || undefined };
    this.#logger.info(this.#words.answered, fields);
  }
}
