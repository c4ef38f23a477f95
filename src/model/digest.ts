// Digests of images in their two forms: 64 hexadecimal digits alone, or with the name of the algorithm before them. Both are one digest.

const ALGORITHM = 'sha256:';
const DIGITS = /^[0-9a-f]{64}$/;

export type DigestForm = 'bare' | 'prefixed';

/** The form of a digest; undefined for a text that is no SHA-256 digest, of which there is only the one that it has. */
export function formOf(digest: string): DigestForm | undefined {
  if (DIGITS.test(digest)) return 'bare';
  return digest.startsWith(ALGORITHM) && DIGITS.test(digest.slice(ALGORITHM.length)) ? 'prefixed' : undefined;
}

/** The digest in another form, or in the one that it has. */
export function inForm(digest: string, form: DigestForm): string {
  const found = formOf(digest);
  if (found === undefined || found === form) return digest;
  return form === 'prefixed' ? `${ALGORITHM}${digest}` : digest.slice(ALGORITHM.length);
}

/** As it is shown: with the name of the algorithm. */
export function shownDigest(digest: string): string {
  return inForm(digest, 'prefixed');
}

export function isSameDigest(one: string, other: string): boolean {
  return one === other || shownDigest(one) === shownDigest(other);
}
