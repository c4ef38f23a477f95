// A self-signed X.509 certificate in PEM, in the least form that programs accept. Node reads certificates but does not make them.
import { type KeyObject, sign } from 'node:crypto';

const INTEGER = 0x02;
const BIT_STRING = 0x03;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
const SEQUENCE = 0x30;
const SET = 0x31;
const SHORT_FORM = 0x80;
const LINE_LENGTH = 64;

/** The object identifier 1.2.840.113549.1.1.11, sha256WithRSAEncryption, and the parameter NULL. */
const SHA256_WITH_RSA = Buffer.from('06092a864886f70d01010b0500', 'hex');
/** The object identifier 2.5.4.3, commonName. */
const COMMON_NAME = Buffer.from('0603550403', 'hex');

/** A certificate of an RSA key, valid from 2020 to 2049. */
export function selfSignedCertificate(name: string, keys: { publicKey: KeyObject; privateKey: KeyObject }): string {
  const algorithm = der(SEQUENCE, SHA256_WITH_RSA);
  const subject = der(SEQUENCE, der(SET, der(SEQUENCE, COMMON_NAME, der(UTF8_STRING, Buffer.from(name)))));
  const validity = der(SEQUENCE, utcTime('200101000000Z'), utcTime('491231235959Z'));
  const key = keys.publicKey.export({ type: 'spki', format: 'der' });
  const signed = der(SEQUENCE, der(INTEGER, Buffer.of(1)), algorithm, subject, validity, subject, key);
  const signature = der(BIT_STRING, Buffer.of(0), sign('sha256', signed, keys.privateKey));
  const base64 = der(SEQUENCE, signed, algorithm, signature).toString('base64');
  const lines = base64.match(new RegExp(`.{1,${LINE_LENGTH}}`, 'g')) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

function utcTime(written: string): Buffer {
  return der(UTC_TIME, Buffer.from(written));
}

/** A value in DER: its kind, its length, its parts. */
function der(kind: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.of(kind), lengthOf(content), content]);
}

/** A length of up to 65,535. */
function lengthOf({ length }: Buffer): Buffer {
  if (length < SHORT_FORM) return Buffer.of(length);
  return length < 2 ** 8 ? Buffer.of(SHORT_FORM + 1, length) : Buffer.of(SHORT_FORM + 2, length >> 8, length & 0xff);
}
