// The signature ACS3-HMAC-SHA256: the text that is signed, and the check of a signature.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

const ALGORITHM = 'ACS3-HMAC-SHA256';

/** A request as it arrived, with header names in lower case and the query decoded. */
export type SignedRequest = {
  readonly method: string;
  readonly path: string;
  readonly query: readonly (readonly [string, string])[];
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly body: Buffer;
};

/** The parts of the Authorization header. */
export type Authorization = {
  readonly accessKeyId: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
};

/** The parts of an Authorization header; undefined when the header has another form or algorithm. */
export function parseAuthorization(header: string): Authorization | undefined {
  const match = /^ACS3-HMAC-SHA256\s+Credential=([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]+)$/.exec(
    header,
  );
  const [, accessKeyId, signedHeaders, signature] = match ?? [];
  if (accessKeyId === undefined || signedHeaders === undefined || signature === undefined) return undefined;
  return { accessKeyId, signedHeaders: signedHeaders.split(';'), signature };
}

/**
 * Whether the request was signed with `secret`. Names of parameters may also be signed without percent-encoding, as the official SDK signs
 * them.
 */
export function isSignedWith(secret: string, request: SignedRequest, authorization: Authorization): boolean {
  return [encode, unencoded].some((encodeName) => {
    const toSign = stringToSign(canonicalRequest(request, authorization.signedHeaders, encodeName));
    const expected = createHmac('sha256', secret).update(toSign).digest();
    const given = Buffer.from(authorization.signature, 'hex');
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}

/** The canonical form of a request with its signed headers. */
export function canonicalRequest(
  { method, path, query, headers, body }: SignedRequest,
  signedHeaders: readonly string[],
  encodeName = encode,
): string {
  const names = signedHeaders.map((name) => name.toLowerCase()).sort();
  const lines = names.map((name) => `${name}:${canonicalValue(headers.get(name))}\n`);
  return [
    method,
    canonicalPath(path),
    canonicalQuery(query, encodeName),
    lines.join(''),
    names.join(';'),
    sha256(body),
  ].join('\n');
}

/** The text that is signed. */
export function stringToSign(canonical: string): string {
  return `${ALGORITHM}\n${sha256(canonical)}`;
}

function canonicalQuery(query: SignedRequest['query'], encodeName: (text: string) => string): string {
  return [...query]
    .sort(([a, x], [b, y]) => compare(a, b) || compare(x, y))
    .map(([name, value]) => `${encodeName(name)}=${encode(value)}`)
    .join('&');
}

function canonicalPath(path: string): string {
  return path.replaceAll('+', '%20').replaceAll('*', '%2A').replaceAll('%7E', '~');
}

function canonicalValue(values: readonly string[] = []): string {
  return values
    .map((value) => value.trim())
    .sort()
    .join(',');
}

/** Percent-encodes all but the unreserved characters of RFC 3986. */
export function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function unencoded(text: string): string {
  return text;
}

/** Compares names in the order of a canonical request: by UTF-16 units. */
export function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
