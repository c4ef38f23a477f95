// The token with which a sender of events proves itself, from a file that is read again when it changes, or from the environment.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { WebhookSettings } from '../../model/events.ts';
import type { Clock } from '../../util/clock.ts';
import type { Logger } from '../../util/logger.ts';
import { ReadFiles } from '../../util/read-files.ts';
import type { Redactor } from '../../util/redactor.ts';
import { describeReadFailure } from '../../util/yaml/read-text.ts';

/** The file is looked at no more often, except when a token is wrong. */
const CHECK_INTERVAL_MS = 1_000;

/** What a header can carry as it is. */
const SENDABLE = /^[\x21-\x7e]+$/;

export type TokenDependencies = {
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly logger: Logger;
  readonly redactor: Redactor;
  readonly env: Readonly<Record<string, string | undefined>>;
};

/** `unavailable`: there is no token to compare with, which the log says. */
export type TokenCheck = 'right' | 'wrong' | 'unavailable';

export class EventToken {
  readonly #source: WebhookSettings['token'];
  readonly #deps: TokenDependencies;
  readonly #key = randomBytes(32);
  #files = new ReadFiles();
  #checkedMs: number;
  /** The code of the token; undefined while there is none. */
  #code: Buffer | undefined;
  /** Why there is none, as it was logged. */
  #missing: string | undefined;

  /** Reads the token. If that fails, the log says so, and it is tried again. */
  constructor(source: WebhookSettings['token'], deps: TokenDependencies) {
    this.#source = source;
    this.#deps = deps;
    this.#checkedMs = deps.clock.monotonic();
    this.#read();
  }

  /** Compares in constant time. */
  check(given: string): TokenCheck {
    const nowMs = this.#deps.clock.monotonic();
    if (nowMs - this.#checkedMs >= CHECK_INTERVAL_MS) this.#refresh();
    // The token may have been changed within the last second.
    if (!this.#matches(given)) this.#refresh();
    if (this.#code === undefined) return 'unavailable';
    return this.#matches(given) ? 'right' : 'wrong';
  }

  #matches(given: string): boolean {
    // Codes have one length, whatever the texts have.
    return this.#code !== undefined && timingSafeEqual(this.#codeOf(given), this.#code);
  }

  #codeOf(text: string): Buffer {
    return createHmac('sha256', this.#key).update(text).digest();
  }

  #refresh(): void {
    this.#checkedMs = this.#deps.clock.monotonic();
    if (this.#source.from === 'env' || this.#files.areUntouched()) return;
    this.#files = new ReadFiles(this.#files);
    this.#read();
  }

  #read(): void {
    const { logger, redactor } = this.#deps;
    const { token, missing } = this.#load();
    if (token !== undefined) redactor.add(token);
    this.#code = token === undefined ? undefined : this.#codeOf(token);
    if (missing === this.#missing) return;
    this.#missing = missing;
    if (missing === undefined) logger.info('events are taken again: their token is there');
    else logger.error('events are not taken: there is no token to compare theirs with', { problem: missing });
  }

  #load(): { readonly token?: string; readonly missing?: string } {
    const source = this.#source;
    const place = source.from === 'env' ? `the environment variable ${source.name}` : `the file ${source.path}`;
    const expected = `events.webhook: expected a token in ${place}`;
    try {
      const text = source.from === 'env' ? this.#deps.env[source.name] : this.#files.read(source.path).toString();
      const token = text?.trim() ?? '';
      if (text === undefined) return { missing: `${expected}, which is not set` };
      if (token === '') return { missing: `${expected}, which is empty` };
      if (SENDABLE.test(token)) return { token };
      return { missing: `${expected}, found one with spaces, line breaks or characters beyond ASCII` };
    } catch (error) {
      return { missing: `${expected}, found ${describeReadFailure(error)}` };
    }
  }
}
