// What Node says when a connection fails, as the error codes of the exporter.
import type { Redactor } from '../util/redactor.ts';
import { ApiError } from './errors.ts';
import { shownText } from './shown-text.ts';

/** The codes of OpenSSL's certificate checks have no common prefix; EPROTO is a peer that does not speak TLS. */
const TLS =
  /^(?:ERR_(?:TLS|SSL|OSSL)_|CERT_|CRL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERROR_IN_C|HOSTNAME_MISMATCH|INVALID_(?:CA|PURPOSE)|PATH_LENGTH_|CA_|EE_|EPROTO$)/;

/** In the order in which they decide when several attempts to connect failed differently. */
const CODES = [
  ['ConnectionRefused', /^ECONNREFUSED$/],
  ['ConnectionReset', /^(?:ECONNRESET|EPIPE)$/],
  ['DnsFailure', /^(?:ENOTFOUND|EAI_)/],
  ['TlsFailure', TLS],
] as const;

/** The error of a request that got no whole answer, whatever was thrown. */
export function networkFailure(error: unknown, redactor: Redactor): ApiError {
  const errors = attempts(error);
  const found = CODES.find(([, pattern]) => errors.some((attempt) => pattern.test(nodeCode(attempt))));
  const texts = errors.map((attempt) => (attempt instanceof Error ? withoutUrl(attempt.message) : ''));
  const message = shownText([...new Set(texts)].filter((text) => text !== '').join('; '), redactor);
  return new ApiError({
    code: found?.[0] ?? 'NetworkError',
    kind: 'transport',
    message: message === '' ? 'the request failed without a reason' : message,
  });
}

/** A host with several addresses fails with one error for each. */
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
