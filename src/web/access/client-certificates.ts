// Whether a client that finished the TLS handshake may go on.
import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { ClientPolicy } from './settings.ts';

/** What is to be said against a client, or undefined. */
export function objectionTo(socket: TLSSocket, policy: ClientPolicy): string | undefined {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return policy.isRequired ? 'no certificate' : undefined;
  if (policy.isVerified && !socket.authorized) return String(socket.authorizationError);
  const { allowedNames } = policy;
  if (allowedNames && !namesOf(certificate).some((name) => allowedNames.has(name)))
    return 'a certificate without an allowed name';
  return undefined;
}

/** `DNS:a.test` or `DNS:"a, \\"b\\""`. */
const ENTRY = /([^:,"]+):("(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[\da-f]{4}))*"|[^,"]*)(?:, |$)/giuy;

const COMPARED = ['DNS', 'email', 'IP Address', 'URI'];

/** The subject alternative names of the kinds that the toolkit compares, written as Go writes them. */
export function namesOf({ subjectAltName = '' }: Pick<X509Certificate, 'subjectAltName'>): string[] {
  // Names with commas or quotes, which could pass for several, are in quotes: those are JSON. One entry after the other is read, from the
  // first character on, so that nothing within quotes is taken for an entry. What is no JSON ends the reading.
  const entries = subjectAltName.matchAll(ENTRY);
  return [...entries].flatMap(([, kind = '', written = '']) => {
    if (!COMPARED.includes(kind)) return [];
    const name = written.startsWith('"') ? String(JSON.parse(written)) : written;
    return kind === 'IP Address' ? canonicalAddress(name) : name;
  });
}

/** OpenSSL writes `0:0:0:0:0:0:0:1` where everybody else writes `::1`. */
function canonicalAddress(address: string): string {
  return isIP(address) === 6 ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address;
}
