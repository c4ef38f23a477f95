// The two forms of an image digest, `sha256:` with 64 hexadecimal digits and the digits alone. Both mean the same digest.

const ALGORITHM = 'sha256:';
const DIGITS = /^[0-9a-f]{64}$/;

export type DigestForm = 'bare' | 'prefixed';

/** How a request names an image: by its digest in one of two forms, or only by its tag. */
export const IMAGE_NAMES = ['bare', 'prefixed', 'tag'] as const;
export type ImageName = (typeof IMAGE_NAMES)[number];

/** The form of a digest; undefined for a text that is no SHA-256 digest. */
export function formOf(digest: string): DigestForm | undefined {
  if (DIGITS.test(digest)) return 'bare';
  return digest.startsWith(ALGORITHM) && DIGITS.test(digest.slice(ALGORITHM.length)) ? 'prefixed' : undefined;
}

/** The digest in the given form. A text that is no SHA-256 digest is returned as it is. */
export function inForm(digest: string, form: DigestForm): string {
  const found = formOf(digest);
  if (found === undefined || found === form) return digest;
  return form === 'prefixed' ? `${ALGORITHM}${digest}` : digest.slice(ALGORITHM.length);
}

/** The digest as it is shown: with `sha256:`. */
export function shownDigest(digest: string): string {
  return digest.startsWith(ALGORITHM) ? digest : inForm(digest, 'prefixed');
}

export function isSameDigest(one: string, other: string): boolean {
  return one === other || shownDigest(one) === shownDigest(other);
}
