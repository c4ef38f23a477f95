// Keeps the `code` label from growing without end: codes come from the other side, and each new one makes new series.
import type { Redactor } from '../util/redactor.ts';

const MOST_CODES = 100;
const CODE = /^[A-Za-z0-9._-]{1,64}$/;

/** What stands for every code that is not shown. */
export const OTHER_CODE = 'other';

/** The API codes seen so far, in the whole process. */
export class ErrorCodeLimiter {
  readonly #codes = new Set<string>();
  readonly #redactor: Redactor;

  constructor(redactor: Redactor) {
    this.#redactor = redactor;
  }

  /** The code itself, or `other` when it is too long, has odd characters, holds a secret, or is one code too many. */
  admit(code: string): string {
    if (!CODE.test(code) || this.#redactor.redact(code) !== code) return OTHER_CODE;
    if (this.#codes.has(code)) return code;
    if (this.#codes.size >= MOST_CODES) return OTHER_CODE;
    this.#codes.add(code);
    return code;
  }
}
