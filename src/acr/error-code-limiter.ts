// Limits the values of the `code` label: codes come from the API, and each new one creates new series.
import type { Redactor } from '../util/redactor.ts';

const MAX_CODES = 100;
const CODE = /^[A-Za-z0-9._-]{1,64}$/;

/** The label value for every code that is not admitted. */
export const OTHER_CODE = 'other';

/** The API codes so far, in the whole process. */
export class ErrorCodeLimiter {
  readonly #codes = new Set<string>();
  readonly #redactor: Redactor;

  constructor(redactor: Redactor) {
    this.#redactor = redactor;
  }

  /** The code itself, or `other` if it is too long, has unusual characters, contains a secret, or exceeds the number of codes. */
  admit(code: string): string {
    if (!CODE.test(code) || this.#redactor.redact(code) !== code) return OTHER_CODE;
    if (this.#codes.has(code)) return code;
    if (this.#codes.size >= MAX_CODES) return OTHER_CODE;
    this.#codes.add(code);
    return code;
  }
}
