// The error of a failed request: from answers of the API, from the network, and for missing credentials.
import type { Redactor } from '../util/redactor.ts';
import { ProxyError } from './connections/proxy-error.ts';
import { messageText } from './safe-text.ts';

/**
 * What a failure means for the scheduler: `throttled` lowers the rate of the credentials, `refused` pauses them. `denied` and `answered` mean
 * that the credentials are accepted but this request failed. `transport` says nothing about the credentials.
 */
export type ApiErrorKind = 'throttled' | 'refused' | 'denied' | 'answered' | 'transport';

export type ApiErrorDetails = {
  /** The value of the `code` label: the API's own code or one of ours. */
  readonly code: string;
  readonly kind: ApiErrorKind;
  /** For people: what was expected and what was found. Without secrets. */
  readonly message: string;
  /** Alibaba Cloud's id of the request, empty when there is none. */
  readonly requestId?: string;
  /** From `x-acs-retry-after`, in milliseconds. Any error may have it. */
  readonly retryAfterMs?: number | undefined;
};

/** A request to the API that failed. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: string;
  readonly kind: ApiErrorKind;
  readonly requestId: string;
  readonly retryAfterMs: number | undefined;

  constructor({ code, kind, message, requestId = '', retryAfterMs }: ApiErrorDetails) {
    super(message);
    this.code = code;
    this.kind = kind;
    this.requestId = requestId;
    this.retryAfterMs = retryAfterMs;
  }
}

/**
 * A request that failed before the first byte of an answer, on a connection that was used before: the peer had closed it while it was idle. The
 * request can be sent once more on a new connection.
 */
export class StaleConnection extends ApiError {
  constructor() {
    const message = 'the peer closed the idle connection before a byte of an answer';
    super({ code: 'ConnectionReset', kind: 'transport', message });
  }
}

/** The code of every failure of a proxy. */
export const PROXY_FAILURE = 'ProxyFailure';

/** The error of a request that was not sent because there are no credentials. */
export function credentialsUnavailable(message: string): ApiError {
  return new ApiError({ code: 'CredentialsUnavailable', kind: 'refused', message });
}

/** The codes of OpenSSL's certificate checks have no common prefix. EPROTO comes from a peer without TLS. */
const TLS =
  /^(?:ERR_(?:TLS|SSL|OSSL)_|CERT_|CRL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERROR_IN_C|HOSTNAME_MISMATCH|INVALID_(?:CA|PURPOSE)|PATH_LENGTH_|CA_|EE_|EPROTO$)/;

/** If several attempts to connect failed with different codes, the first of these decides. */
const CODES = [
  ['ConnectionRefused', /^ECONNREFUSED$/],
  ['ConnectionReset', /^(?:ECONNRESET|EPIPE)$/],
  ['DnsFailure', /^(?:ENOTFOUND|EAI_)/],
  ['TlsFailure', TLS],
] as const;

/** The error of a request without a complete answer, from any thrown value. */
export function networkFailure(error: unknown, redactor: Redactor): ApiError {
  if (error instanceof ProxyError) return proxyFailure(error, redactor);
  const errors = attempts(error);
  const found = CODES.find(([, pattern]) => errors.some((attempt) => pattern.test(nodeCode(attempt))));
  const message = textOf(errors, redactor);
  return new ApiError({
    code: found?.[0] ?? 'NetworkError',
    kind: 'transport',
    message: message === '' ? 'the request failed without a reason' : message,
  });
}

function proxyFailure(error: ProxyError, redactor: Redactor): ApiError {
  const cause = error.cause === undefined ? '' : textOf(attempts(error.cause), redactor);
  const text = [withoutUrl(error.message), cause].filter((part) => part !== '').join(': ');
  return new ApiError({ code: PROXY_FAILURE, kind: 'transport', message: messageText(text, redactor) });
}

/** The messages of all attempts, each once. */
function textOf(errors: readonly unknown[], redactor: Redactor): string {
  const texts = errors.map((attempt) => (attempt instanceof Error ? withoutUrl(attempt.message) : ''));
  return messageText([...new Set(texts)].filter((text) => text !== '').join('; '), redactor);
}

/** A host with several addresses fails with one error for each address. */
function attempts(error: unknown): readonly unknown[] {
  return error instanceof AggregateError && error.errors.length > 0 ? error.errors : [error];
}

function nodeCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** The SDK's HTTP layer appends the method and the whole URL to Node's message. */
function withoutUrl(message: string): string {
  return message.replace(/(?:GET|POST) https?:\/\/.*$/s, '');
}
