// The two forms of a digest: `sha256:` and 64 hexadecimal digits, or the digits alone. The real API shows both.

const ALGORITHM = 'sha256:';

/** In which form the scan operations take a digest: any, one of the two, or none at all. */
export const DIGEST_FORMS = ['any', 'bare', 'prefixed', 'none'] as const;
export type DigestForm = (typeof DIGEST_FORMS)[number];

/** What the scan operations say to a digest in a form that they do not take: that there is no such scan, or `InvalidParameter`. */
export const OTHER_DIGESTS_ANSWERS = ['not_found', 'refused'] as const;

/** In which form lists show digests. */
export const LISTED_DIGEST_FORMS = ['bare', 'prefixed'] as const;
export type ListedDigestForm = (typeof LISTED_DIGEST_FORMS)[number];

/** The digits alone. */
export function bare(digest: string): string {
  return digest.startsWith(ALGORITHM) ? digest.slice(ALGORITHM.length) : digest;
}

/** Whether scan operations that take this form find anything by this digest. */
export function isTaken(digest: string, form: DigestForm): boolean {
  if (form === 'any') return true;
  return form === (digest.startsWith(ALGORITHM) ? 'prefixed' : 'bare');
}

/** The digest as a list shows it. */
export function listed(digest: string, form: ListedDigestForm): string {
  return form === 'bare' ? bare(digest) : `${ALGORITHM}${bare(digest)}`;
}
