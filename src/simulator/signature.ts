// ACS3-HMAC-SHA256: what is signed, and whether a signature is right.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

export const ALGORITHM = 'ACS3-HMAC-SHA256';

/** A request as it came over the wire: header names in lower case, the query decoded. */
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

/** The header's parts, or undefined when it is none of this algorithm. */
export function parseAuthorization(header: string): Authorization | undefined {
  const match = /^ACS3-HMAC-SHA256\s+Credential=([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]+)$/.exec(
    header,
  );
  const [, accessKeyId, signedHeaders, signature] = match ?? [];
  if (accessKeyId === undefined || signedHeaders === undefined || signature === undefined) return undefined;
  return { accessKeyId, signedHeaders: signedHeaders.split(';'), signature };
}

/**
 * Whether the request was signed with `secret`. Names of parameters may be signed as they are, too: the official SDK does not
 * encode them.
 */
export function isSignedWith(secret: string, request: SignedRequest, authorization: Authorization): boolean {
  return [encode, asIs].some((encodeName) => {
    const toSign = stringToSign(canonicalRequest(request, authorization.signedHeaders, encodeName));
    const expected = createHmac('sha256', secret).update(toSign).digest();
    const given = Buffer.from(authorization.signature, 'hex');
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}

/** The canonical form of a request, over the headers that it says were signed. */
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

/** What the signature is made of. */
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

function asIs(text: string): string {
  return text;
}

/** The order of names in a canonical request: by UTF-16 units. */
export function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
