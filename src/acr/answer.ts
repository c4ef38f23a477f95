// Reads an answer of the API: its body, or its error. It reads the bytes from the wire instead of the result of the SDK, so that an answer
// has the same meaning with either package.
import type { Redactor } from '../util/redactor.ts';
import { type ErrorCodeLimiter, OTHER_CODE } from './error-code-limiter.ts';
import { ApiError, kindOfAnswer } from './errors.ts';
import type { Reply } from './http-transport.ts';
import { messageText, withoutSentSecrets } from './message-text.ts';

/** The JSON object of a successful answer. */
export type AnswerBody = Readonly<Record<string, unknown>>;

export type AnswerContext = { readonly errorCodes: ErrorCodeLimiter; readonly redactor: Redactor };

/** The body of a successful answer. Throws an {@link ApiError} for any other answer. */
export function readAnswer(reply: Reply, context: AnswerContext): AnswerBody {
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
export function requestIdOf(reply: Reply, body: AnswerBody | undefined, redactor: Redactor): string {
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
  const unlisted = admitted === OTHER_CODE && code !== undefined ? ` ${messageTextOf(reply, code, redactor, 80)}` : '';
  const said = body?.Message ?? body?.message;
  const reason =
    typeof said === 'string' && said !== '' ? said : body ? 'no message' : describeBody(reply.body, reply.flaw);
  return new ApiError({
    code: admitted,
    kind: kindOfAnswer(code, reply.status),
    message: messageTextOf(reply, `HTTP ${reply.status}${unlisted}: ${reason}`, redactor),
    requestId: requestIdOf(reply, body, redactor),
    retryAfterMs: retryAfterMs(reply),
  });
}

/** The {@link ApiError} of an answer that is not as the API documents it. */
export function invalidResponse(
  reply: Reply,
  body: AnswerBody | undefined,
  reason: string,
  { redactor }: AnswerContext,
): ApiError {
  return new ApiError({
    code: 'InvalidResponse',
    kind: 'transport',
    message: messageTextOf(reply, `HTTP ${reply.status}: ${reason}`, redactor),
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
export function isObject(value: unknown): value is AnswerBody {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The error code in a body; undefined for success or no code. */
function apiCode(body: AnswerBody): string | undefined {
  const code = body.Code ?? body.code;
  return typeof code === 'string' && code !== '' && code !== 'success' ? code : undefined;
}

/** Whether a body says that the request succeeded. One that does not may come from another server than the API. */
export function saysSuccess(body: AnswerBody): boolean {
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
export function messageTextOf(reply: Reply, text: string, redactor: Redactor, longest?: number): string {
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
