// What an answer of the API says: its body, or the error that it is. Read from the wire and not from what the SDK makes of
// it, so that the same answer means the same whichever package sent the request.
import type { Redactor } from '../util/redactor.ts';
import { withoutEchoes } from './echoes.ts';
import { type ErrorCodeLimiter, OTHER_CODE } from './error-code-limiter.ts';
import { ApiError, kindOfAnswer } from './errors.ts';
import type { Reply } from './http-transport.ts';
import { shownText } from './shown-text.ts';

/** The JSON object of a successful answer. */
export type AnswerBody = Readonly<Record<string, unknown>>;

export type AnswerContext = { readonly errorCodes: ErrorCodeLimiter; readonly redactor: Redactor };

/** The body of an answer that says success. Throws the {@link ApiError} of any other. */
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

/** Alibaba Cloud's id of the request; empty where there is none, or one with odd characters, or with something of the request. */
export function requestIdOf(reply: Reply, body: AnswerBody | undefined, redactor: Redactor): string {
  const id = body?.RequestId ?? body?.requestId ?? reply.headers['x-acs-request-id'];
  if (typeof id !== 'string' || !/^[\w.:-]{1,64}$/.test(id)) return '';
  return redactor.redact(id) === id && withoutEchoes(id, reply.sent()) === id ? id : '';
}

/** The API's code, or where it has none the HTTP status. */
function answeredError(
  reply: Reply,
  body: AnswerBody | undefined,
  code: string | undefined,
  { errorCodes, redactor }: AnswerContext,
): ApiError {
  const admitted = code === undefined ? `HttpStatus_${reply.status}` : admittedCode(reply, code, errorCodes);
  const unlisted = admitted === OTHER_CODE && code !== undefined ? ` ${shownOf(reply, code, redactor, 80)}` : '';
  const said = body?.Message ?? body?.message;
  const reason =
    typeof said === 'string' && said !== '' ? said : body ? 'no message' : describeBody(reply.body, reply.flaw);
  return new ApiError({
    code: admitted,
    kind: kindOfAnswer(code, reply.status),
    message: shownOf(reply, `HTTP ${reply.status}${unlisted}: ${reason}`, redactor),
    requestId: requestIdOf(reply, body, redactor),
    retryAfterMs: retryAfterMs(reply),
  });
}

/** The {@link ApiError} of an answer that is not what the API promises. */
export function invalidResponse(
  reply: Reply,
  body: AnswerBody | undefined,
  reason: string,
  { redactor }: AnswerContext,
): ApiError {
  return new ApiError({
    code: 'InvalidResponse',
    kind: 'transport',
    message: shownOf(reply, `HTTP ${reply.status}: ${reason}`, redactor),
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

/** The error code in a body; undefined for success and where there is none. */
function apiCode(body: AnswerBody): string | undefined {
  const code = body.Code ?? body.code;
  return typeof code === 'string' && code !== '' && code !== 'success' ? code : undefined;
}

/** Whether a body says that the request succeeded; one that says nothing of that may come from something else than the API. */
export function saysSuccess(body: AnswerBody): boolean {
  return isTrue(body.IsSuccess) || (body.Code ?? body.code) === 'success';
}

function isTrue(value: unknown): boolean {
  return value === true || value === 'true';
}

function isFalse(value: unknown): boolean {
  return value === false || value === 'false';
}

/** What the body is instead of a JSON object, without quoting a byte of it. */
function describeBody(bytes: Buffer, flaw?: string): string {
  if (flaw !== undefined) return `a body that ${flaw}`;
  if (bytes.length === 0) return 'an empty body';
  const first = bytes.toString('utf8', 0, 64).trimStart();
  return first.startsWith('<') ? `${bytes.length} bytes of markup` : `${bytes.length} bytes of something else`;
}

/** A text of the answer, fit to be shown: without secrets and what it gives back of the request, cut to `longest` UTF-16 units. */
export function shownOf(reply: Reply, text: string, redactor: Redactor, longest?: number): string {
  return shownText(withoutEchoes(text, reply.sent()), redactor, longest);
}

/** The code as a label: `other` where it holds something of the request. */
function admittedCode(reply: Reply, code: string, errorCodes: ErrorCodeLimiter): string {
  return withoutEchoes(code, reply.sent()) === code ? errorCodes.admit(code) : OTHER_CODE;
}

/** `x-acs-retry-after` in milliseconds; undefined unless it is a number. */
function retryAfterMs(reply: Reply): number | undefined {
  const header = reply.headers['x-acs-retry-after'];
  return typeof header === 'string' && /^\d{1,15}(?:\.\d+)?$/.test(header) ? Number(header) : undefined;
}
