// The fields of a successful answer, each read as what the API promises it to be.
import {
  type AnswerBody,
  type AnswerContext,
  invalidResponse,
  isObject,
  requestIdOf,
  saysSuccess,
  shownOf,
} from './answer.ts';
import type { Reply } from './http-transport.ts';

/** Longer than any name or id in ACR; a cut one would be another's. */
const LONGEST_NAME = 255;

/** A list may have some ten thousand texts: what shows them takes its time, and is left for those that are shown. */
const VISIBLE = /[^\p{C}\p{Z}]/u;

/** How much of a text is quoted in a message. */
const LONGEST_SHOWN = 60;

/** Reads fields of one object in an answer. What is not as promised throws the `ApiError` `InvalidResponse`. */
export class AnswerFields {
  readonly #reply: Reply;
  readonly #answer: AnswerBody;
  readonly #context: AnswerContext;
  readonly #object: AnswerBody;
  /** Of the object in the answer, for messages: empty, or such as `Images[3].` */
  readonly #path: string;

  constructor(reply: Reply, answer: AnswerBody, context: AnswerContext, object = answer, path = '') {
    this.#reply = reply;
    this.#answer = answer;
    this.#context = context;
    this.#object = object;
    this.#path = path;
  }

  get requestId(): string {
    return requestIdOf(this.#reply, this.#answer, this.#context.redactor);
  }

  /** Whether the answer says in so many words that the request succeeded. */
  get saysSuccess(): boolean {
    return saysSuccess(this.#answer);
  }

  /** A text that is not empty, and not longer than a name in ACR unless more is allowed. */
  text(field: string, longest = LONGEST_NAME): string {
    const value = this.#object[field];
    if (typeof value !== 'string' || !VISIBLE.test(value)) {
      throw this.#invalid(`expected a text in ${this.#path}${field}, found ${this.#found(value)}`);
    }
    if (value.length > longest) {
      const length = `expected at most ${longest} characters in ${this.#path}${field}, found ${value.length}`;
      throw this.#invalid(length);
    }
    return value;
  }

  /** A text where there is one, else empty. */
  optionalText(field: string, longest = LONGEST_NAME): string {
    const value = this.#object[field];
    return value === undefined || value === null || value === '' ? '' : this.text(field, longest);
  }

  /** A text of any length, empty where there is none. */
  anyText(field: string): string {
    const value = this.#object[field];
    return typeof value === 'string' ? value : '';
  }

  /** A text of this answer as it may be shown, cut to `longest` UTF-16 units. */
  shown(text: string, longest: number): string {
    return shownOf(this.#reply, text, this.#context.redactor, longest);
  }

  /** A whole number of at least 0. */
  count(field: string): number {
    const value = this.#object[field];
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
    throw this.#invalid(`expected a whole number of at least 0 in ${this.#path}${field}, found ${this.#found(value)}`);
  }

  /** A whole number of at least 0, which lists give as text too; undefined where there is nothing of that kind. */
  optionalCount(field: string): number | undefined {
    const value = this.#object[field];
    const number = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
    return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : undefined;
  }

  /** The objects in a list, each as `read` reads it. No list at all is an empty one where the answer counts 0. */
  list<Item>(field: string, read: (item: AnswerFields) => Item): readonly Item[] {
    const value = this.#object[field];
    if ((value === undefined || value === null) && this.optionalCount('TotalCount') === 0) return [];
    if (!Array.isArray(value))
      throw this.#invalid(`expected a list in ${this.#path}${field}, found ${this.#found(value)}`);
    return value.map((item: unknown, index) => {
      const path = `${this.#path}${field}[${index}]`;
      if (!isObject(item)) throw this.#invalid(`expected an object in ${path}, found ${this.#found(item)}`);
      return read(new AnswerFields(this.#reply, this.#answer, this.#context, item, `${path}.`));
    });
  }

  /** A value by its kind, and a short text of it where it has one. A list may be nested as deep as the answer is long: it is not walked. */
  #found(value: unknown): string {
    if (Array.isArray(value)) return 'a list';
    if (isObject(value)) return 'an object';
    if (typeof value === 'string') return JSON.stringify(this.shown(value, LONGEST_SHOWN));
    return value === undefined ? 'none' : String(value);
  }

  #invalid(reason: string) {
    return invalidResponse(this.#reply, this.#answer, reason, this.#context);
  }
}
