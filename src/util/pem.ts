// Checks certificates in PEM.
import { X509Certificate } from 'node:crypto';

const CERTIFICATES = /-----BEGIN CERTIFICATE-----[\s\S]*?(?:-----END CERTIFICATE-----|$)/g;

/** What was expected of a PEM file, and what was found. */
export type PemMistake = { readonly expected: string; readonly found: string };

/** What is wrong with a file of one or more certificates in PEM; undefined if nothing is. */
export function mistakeInCertificates(pem: Buffer | string): PemMistake | undefined {
  const expected = 'a certificate in PEM';
  const blocks = pem.toString('latin1').match(CERTIFICATES) ?? [];
  if (blocks.length === 0) return { expected, found: 'none' };
  try {
    for (const block of blocks) new X509Certificate(block);
    return undefined;
  } catch {
    return { expected, found: 'one that cannot be read' };
  }
}
