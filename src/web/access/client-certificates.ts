// Checks the certificate of a client after the TLS handshake.
import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { ClientPolicy } from './settings.ts';

/** Why to reject a client, for the log; undefined to accept it. */
export function reasonToReject(socket: TLSSocket, policy: ClientPolicy): string | undefined {
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

/** The subject alternative names of the kinds that exporter-toolkit compares, written as Go writes them. */
export function namesOf({ subjectAltName = '' }: Pick<X509Certificate, 'subjectAltName'>): string[] {
  // Names with commas or quotes are in quotes, as JSON. The entries are read one after the other from the first character, so that text within
  // quotes is not taken for an entry. Text that is no JSON ends the reading.
  const entries = subjectAltName.matchAll(ENTRY);
  return [...entries].flatMap(([, kind = '', written = '']) => {
    if (!COMPARED.includes(kind)) return [];
    const name = written.startsWith('"') ? String(JSON.parse(written)) : written;
    return kind === 'IP Address' ? canonicalAddress(name) : name;
  });
}

/** OpenSSL writes `0:0:0:0:0:0:0:1` for `::1`. */
function canonicalAddress(address: string): string {
  return isIP(address) === 6 ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address;
}
