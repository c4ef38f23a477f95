// Reads an answer of the API: its fields, checked for their types, or its error. It reads the bytes from the wire instead of the result of the
// SDK, so that an answer has the same meaning with either package.
import type { Redactor } from '../util/redactor.ts';
import { ApiError } from './api-error.ts';
import { type ErrorCodeLimiter, OTHER_CODE } from './error-code-limiter.ts';
import { kindOfAnswer } from './error-codes.ts';
import type { Reply } from './http-transport.ts';
import { messageText, withoutSentSecrets } from './safe-text.ts';

/** Longer than any name or id in ACR. A longer one is not cut: it could become another's name. */
const MAX_NAME_LENGTH = 255;

/** A text with a visible character. A cheap check: a list may have ten thousand texts, and only shown ones are cleaned. */
const VISIBLE = /[^\p{C}\p{Z}]/u;

/** How much of a text an error message quotes. */
const MAX_QUOTE_LENGTH = 60;

/** The JSON object of a successful answer. */
type AnswerBody = Readonly<Record<string, unknown>>;

export type AnswerContext = { readonly errorCodes: ErrorCodeLimiter; readonly redactor: Redactor };

/** The fields of a successful answer. Throws an {@link ApiError} for any other answer. */
export function readAnswer(reply: Reply, context: AnswerContext): AnswerFields {
  return new AnswerFields(reply, successfulBody(reply, context), context);
}

function successfulBody(reply: Reply, context: AnswerContext): AnswerBody {
  const body = parseObject(reply.body);
  const code = body && apiCode(body);
  if (reply.status >= 400) throw answeredError(reply, body, code, context);
  if (reply.flaw !== undefined) throw invalidResponse(reply, body, `the body ${reply.flaw}`, context);
  if (!body) {
    throw invalidResponse(reply, body, `expected a JSON object, found ${describeBody(reply.body)}`, context);
  }
  if (isTrue(body.IsSuccess)) return body;
  if (code !== undefined) throw answeredError(reply, body, code, context);
  if (isFalse(body.IsSuccess)) throw invalidResponse(reply, body, 'IsSuccess is false without a Code', context);
  return body;
}

/** Alibaba Cloud's id of the request; empty if there is none, or it has unusual characters, or repeats a secret of the request. */
function requestIdOf(reply: Reply, body: AnswerBody | undefined, redactor: Redactor): string {
  const id = body?.RequestId ?? body?.requestId ?? reply.headers['x-acs-request-id'];
  if (typeof id !== 'string' || !/^[\w.:-]{1,64}$/.test(id)) return '';
  return redactor.redact(id) === id && withoutSentSecrets(id, reply.sent()) === id ? id : '';
}

/** The error of an answer, with the API's code; without one, with the HTTP status. */
function answeredError(
  reply: Reply,
  body: AnswerBody | undefined,
  code: string | undefined,
  { errorCodes, redactor }: AnswerContext,
): ApiError {
  const admitted = code === undefined ? `HttpStatus_${reply.status}` : admittedCode(reply, code, errorCodes);
  const unlisted = admitted === OTHER_CODE && code !== undefined ? ` ${safeTextOf(reply, code, redactor, 80)}` : '';
  const said = body?.Message ?? body?.message;
  const reason =
    typeof said === 'string' && said !== '' ? said : body ? 'no message' : describeBody(reply.body, reply.flaw);
  return new ApiError({
    code: admitted,
    kind: kindOfAnswer(code, reply.status),
    message: safeTextOf(reply, `HTTP ${reply.status}${unlisted}: ${reason}`, redactor),
    requestId: requestIdOf(reply, body, redactor),
    retryAfterMs: retryAfterMs(reply),
  });
}

/** The {@link ApiError} of an answer that is not as the API documents it. */
function invalidResponse(
  reply: Reply,
  body: AnswerBody | undefined,
  reason: string,
  { redactor }: AnswerContext,
): ApiError {
  return new ApiError({
    code: 'InvalidResponse',
    kind: 'transport',
    message: safeTextOf(reply, `HTTP ${reply.status}: ${reason}`, redactor),
    requestId: requestIdOf(reply, body, redactor),
    retryAfterMs: retryAfterMs(reply),
  });
}

function parseObject(bytes: Buffer): AnswerBody | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString());
    return isObject(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Whether a value is a JSON object. */
function isObject(value: unknown): value is AnswerBody {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The error code in a body; undefined for success or no code. */
function apiCode(body: AnswerBody): string | undefined {
  const code = body.Code ?? body.code;
  return typeof code === 'string' && code !== '' && code !== 'success' ? code : undefined;
}

/** Whether a body says that the request succeeded. One that does not may come from another server than the API. */
function saysSuccess(body: AnswerBody): boolean {
  return isTrue(body.IsSuccess) || (body.Code ?? body.code) === 'success';
}

function isTrue(value: unknown): boolean {
  return value === true || value === 'true';
}

function isFalse(value: unknown): boolean {
  return value === false || value === 'false';
}

/** Describes a body that is no JSON object, without a quote. */
function describeBody(bytes: Buffer, flaw?: string): string {
  if (flaw !== undefined) return `a body that ${flaw}`;
  if (bytes.length === 0) return 'an empty body';
  const first = bytes.toString('utf8', 0, 64).trimStart();
  return first.startsWith('<') ? `${bytes.length} bytes of markup` : `${bytes.length} bytes of something else`;
}

/** A text of the answer, made safe for messages: without secrets and without those of the request, cut to `longest` UTF-16 units. */
function safeTextOf(reply: Reply, text: string, redactor: Redactor, longest?: number): string {
  return messageText(withoutSentSecrets(text, reply.sent()), redactor, longest);
}

/** The code as a label: `other` if it repeats a secret of the request. */
function admittedCode(reply: Reply, code: string, errorCodes: ErrorCodeLimiter): string {
  return withoutSentSecrets(code, reply.sent()) === code ? errorCodes.admit(code) : OTHER_CODE;
}

/** `x-acs-retry-after` in milliseconds; undefined unless it is a number. */
function retryAfterMs(reply: Reply): number | undefined {
  const header = reply.headers['x-acs-retry-after'];
  return typeof header === 'string' && /^\d{1,15}(?:\.\d+)?$/.test(header) ? Number(header) : undefined;
}

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
      throw this.#invalid(`expected a text in ${this.#path}${field}, found ${this.#describe(value)}`);
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
    return safeTextOf(this.#reply, text, this.#context.redactor, longest);
  }

  /** A whole number of at least 0. */
  count(field: string): number {
    const value = this.#object[field];
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
    throw this.#invalid(
      `expected a whole number of at least 0 in ${this.#path}${field}, found ${this.#describe(value)}`,
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
      throw this.#invalid(`expected a list in ${this.#path}${field}, found ${this.#describe(value)}`);
    return value.map((item: unknown, index) => {
      const path = `${this.#path}${field}[${index}]`;
      if (!isObject(item)) throw this.#invalid(`expected an object in ${path}, found ${this.#describe(item)}`);
      return read(new AnswerFields(this.#reply, this.#answer, this.#context, item, `${path}.`));
    });
  }

  /** The objects in a list that may be missing. */
  optionalList<Item>(field: string, read: (item: AnswerFields) => Item): readonly Item[] {
    const value = this.#object[field];
    return value === undefined || value === null ? [] : this.list(field, read);
  }

  /** Describes a value for a message. Lists and objects are not read, because they may be nested very deep. */
  #describe(value: unknown): string {
    if (Array.isArray(value)) return 'a list';
    if (isObject(value)) return 'an object';
    if (typeof value === 'string') return JSON.stringify(this.shown(value, MAX_QUOTE_LENGTH));
    return value === undefined ? 'none' : String(value);
  }

  #invalid(reason: string) {
    return invalidResponse(this.#reply, this.#answer, reason, this.#context);
  }
}
