// Reads the fields of a successful answer, and checks their types.
import {
  type AnswerBody,
  type AnswerContext,
  invalidResponse,
  isObject,
  messageTextOf,
  requestIdOf,
  saysSuccess,
} from './answer.ts';
import type { Reply } from './http-transport.ts';

/** Longer than any name or id in ACR. A longer one is not cut: it could become another's name. */
const MAX_NAME_LENGTH = 255;

/** A text with a visible character. A cheap check: a list may have ten thousand texts, and only shown ones are cleaned. */
const VISIBLE = /[^\p{C}\p{Z}]/u;

/** How much of a text an error message quotes. */
const MAX_QUOTE_LENGTH = 60;

/** Reads the fields of one object in an answer. Throws the `ApiError` `InvalidResponse` for a missing or wrong field. */
export class AnswerFields {
  readonly #reply: Reply;
  readonly #answer: AnswerBody;
  readonly #context: AnswerContext;
  readonly #object: AnswerBody;
  /** The place of the object in the answer, for messages: empty, or such as `Images[3].` */
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

  /** Whether the answer says explicitly that the request succeeded. */
  get saysSuccess(): boolean {
    return saysSuccess(this.#answer);
  }

  /** A text that is not empty and has at most `longest` characters. */
  text(field: string, longest = MAX_NAME_LENGTH): string {
    const value = this.#object[field];
    if (typeof value !== 'string' || !VISIBLE.test(value)) {
      throw this.#invalid(`expected a text in ${this.#path}${field}, found ${this.#provider(value)}`);
    }
    if (value.length > longest) {
      const length = `expected at most ${longest} characters in ${this.#path}${field}, found ${value.length}`;
      throw this.#invalid(length);
    }
    return value;
  }

  /** A text; empty if the field is missing or empty. */
  optionalText(field: string, longest = MAX_NAME_LENGTH): string {
    const value = this.#object[field];
    return value === undefined || value === null || value === '' ? '' : this.text(field, longest);
  }

  /** A text of any length; empty if the field has none. */
  anyText(field: string): string {
    const value = this.#object[field];
    return typeof value === 'string' ? value : '';
  }

  /** A text of this answer, made safe for messages and labels, cut to `longest` UTF-16 units. */
  shown(text: string, longest: number): string {
    return messageTextOf(this.#reply, text, this.#context.redactor, longest);
  }

  /** A whole number of at least 0. */
  count(field: string): number {
    const value = this.#object[field];
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
    throw this.#invalid(
      `expected a whole number of at least 0 in ${this.#path}${field}, found ${this.#provider(value)}`,
    );
  }

  /** A whole number of at least 0, as a number or (in lists) a text; undefined for anything else. */
  optionalCount(field: string): number | undefined {
    const value = this.#object[field];
    const number = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
    return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : undefined;
  }

  /** The objects in a list, read by `read`. A missing list is empty if TotalCount is 0. */
  list<Item>(field: string, read: (item: AnswerFields) => Item): readonly Item[] {
    const value = this.#object[field];
    if ((value === undefined || value === null) && this.optionalCount('TotalCount') === 0) return [];
    if (!Array.isArray(value))
      throw this.#invalid(`expected a list in ${this.#path}${field}, found ${this.#provider(value)}`);
    return value.map((item: unknown, index) => {
      const path = `${this.#path}${field}[${index}]`;
      if (!isObject(item)) throw this.#invalid(`expected an object in ${path}, found ${this.#provider(item)}`);
      return read(new AnswerFields(this.#reply, this.#answer, this.#context, item, `${path}.`));
    });
  }

  /** Describes a value for a message. Lists and objects are not read, because they may be nested very deep. */
  #provider(value: unknown): string {
    if (Array.isArray(value)) return 'a list';
    if (isObject(value)) return 'an object';
    if (typeof value === 'string') return JSON.stringify(this.shown(value, MAX_QUOTE_LENGTH));
    return value === undefined ? 'none' : String(value);
  }

  #invalid(reason: string) {
    return invalidResponse(this.#reply, this.#answer, reason, this.#context);
  }
}
