// Signature v2 of EventBridge: what is signed, and whether the signature is right.
import { type KeyObject, verify } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

export const TOKEN_HEADER = 'x-eventbridge-signature-token';
const SIGNATURE_HEADER = 'x-eventbridge-signature-v2';
const TIME_HEADER = 'x-eventbridge-signature-timestamp';
const METHOD_HEADER = 'x-eventbridge-hash-method';
const VERSION_HEADER = 'x-eventbridge-signature-version';
const URL_HEADER = 'x-eventbridge-signature-url';

/** In the order in which they are signed. */
const SIGNED_HEADERS = [TIME_HEADER, METHOD_HEADER, VERSION_HEADER, URL_HEADER, TOKEN_HEADER];

/** How old a signature may be, or how far ahead of the clock. */
const MAX_AGE_MS = 60_000;

export type EventRequest = {
  readonly headers: IncomingHttpHeaders;
  /** The URLs to which it may have been sent. */
  readonly urls: readonly string[];
  readonly body: Buffer;
};

/** The headers of a signature, each of the documented form. */
export type Signature = { readonly certificateUrl: string; readonly value: Buffer };

/** The signature of a request, not yet compared; or what is wrong with its headers. */
export function readSignature(headers: IncomingHttpHeaders, nowMs: number): Signature | string {
  for (const name of [...SIGNED_HEADERS, SIGNATURE_HEADER]) if (!headers[name]) return `no ${name}`;
  if (headers[METHOD_HEADER] !== 'SHA256') return `${METHOD_HEADER} is not SHA256`;
  if (headers[VERSION_HEADER] !== '1.0') return `${VERSION_HEADER} is not 1.0`;
  const time = String(headers[TIME_HEADER]);
  if (!/^\d{1,15}$/.test(time)) return `${TIME_HEADER} is no time in milliseconds`;
  const ageMs = nowMs - Number(time);
  if (Math.abs(ageMs) > MAX_AGE_MS)
    return `signed ${Math.round(Math.abs(ageMs) / 1_000)} s ${ageMs > 0 ? 'ago' : 'ahead of the clock'}`;
  const value = String(headers[SIGNATURE_HEADER]);
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(value)) return `${SIGNATURE_HEADER} is not base64`;
  return { certificateUrl: String(headers[URL_HEADER]), value: Buffer.from(value, 'base64') };
}

/** Whether the signature is that of the key over the request. */
export function isSignedBy(key: KeyObject, signature: Signature, request: EventRequest): boolean {
  return stringsToSign(request).some((text) => verify('RSA-SHA256', text, key, signature.value));
}

/**
 * What the signature may be of: the URL of the target, the headers, and the body. The documentation has the body last; the sample of Alibaba
 * Cloud adds the end of a line.
 */
function stringsToSign({ headers, urls, body }: EventRequest): readonly Buffer[] {
  const lines = SIGNED_HEADERS.map((name) => `${name}: ${headers[name]}\n`).join('');
  return urls.flatMap((each) => {
    const text = Buffer.concat([Buffer.from(`${each}\n${lines}`), body]);
    return [text, Buffer.concat([text, Buffer.from('\n')])];
  });
}
