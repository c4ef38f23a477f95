// Decides what follows a request that finds no scan: the same request with the image named in another way, a request whether the tag exists,
// or a verdict. Pure; one poll takes at most five requests.

import { type DigestForm, formOf, inForm } from '../model/digest.ts';
import { isUnderWay, type ScanStatus } from '../model/scan.ts';

/** How a request names an image: by its digest in one of two forms, or by its tag alone. */
export type ImageName = DigestForm | 'tag';

/** The requests of one poll or one summary so far. Immutable. */
export type Attempts = {
  /** The image names that were asked for, the last one included. */
  readonly asked: readonly ImageName[];
  /** Those of them that the API does not accept: its answers say nothing about a scan. */
  readonly refused: readonly ImageName[];
  /** Whether an answer was a success without a scan: then the tag exists. */
  readonly wasAnswered: boolean;
  /** What GetRepoTag answered, if it was asked: `other` is a tag with another digest, `untold` no answer that says whether it exists. */
  readonly tag: TagVerdict | undefined;
  /** Whether the last request for a scan was sent after that answer: an earlier one may be older than the tag. */
  readonly askedSince: boolean;
};

export type TagVerdict = 'same' | 'other' | 'gone' | 'untold';

/** What else is known of the tag and its instance. */
export type Evidence = {
  /** As listed; empty where the image is named by its tag alone. */
  readonly digest: string;
  /** Whether a listing says that the tag has this digest. */
  readonly isPresentDigest: boolean;
  /** The image name by which the instance has found scans, if any. */
  readonly works: ImageName | undefined;
  /** Image names that the instance does not accept. */
  readonly refused: ReadonlySet<ImageName>;
  /** The tag's status before. */
  readonly before: ScanStatus;
  /** Whether a listing or GetRepoTag has shown the tag lately, and nothing since says otherwise. */
  readonly exists: boolean;
};

/** What comes next: another request, or the end. */
export type Step =
  | { readonly ask: 'scan'; readonly by: ImageName }
  | { readonly ask: 'tag' }
  | { readonly ask: undefined; readonly verdict: 'not_scanned' | 'failed' | 'found' };

/** The image name of a poll's first request: the one that works, else the digest as listed. `random` is in [0, 1). */
export function firstName(evidence: Evidence, random: number): ImageName {
  const { digest, works, refused, before } = evidence;
  if (digest === '') return 'tag';
  if (works !== undefined && !refused.has(works)) return works;
  const all = usableNames(evidence);
  // Where nothing was ever found in any way, each poll tries one of them: that costs nothing more, and finds the first scan.
  const turn = before === 'not_scanned' ? Math.floor(random * all.length) : 0;
  return all[turn] ?? 'tag';
}

/** The step after an answer that there is no such scan, or that the API does not accept a digest in this form. */
export function afterNoScan(attempts: Attempts, evidence: Evidence): Step {
  const exists = attempts.wasAnswered || evidence.exists || attempts.tag === 'same' || attempts.tag === 'other';
  if (attempts.tag === 'gone') return { ask: undefined, verdict: 'failed' };
  if (!exists && attempts.tag === undefined) return { ask: 'tag' };
  const by = isBelieved(attempts, evidence) ? undefined : untried(attempts, evidence);
  if (by !== undefined) return { ask: 'scan', by };
  const last = attempts.asked.at(-1);
  // The tag may have been pushed between the two answers.
  const isOlder = !attempts.wasAnswered && !evidence.exists && exists && !attempts.askedSince;
  if (isOlder && last !== undefined && !isOnlyRefused(attempts)) return { ask: 'scan', by: last };
  return { ask: undefined, verdict: exists && !isOnlyRefused(attempts) ? 'not_scanned' : 'failed' };
}

/**
 * The step after an answer with a scan: one that was found by the tag alone may be that of another image.
 *
 * @param status of the scan; undefined where the answer has none
 */
export function afterScan(
  attempts: Attempts,
  { digest, isPresentDigest, before }: Evidence,
  status?: ScanStatus,
): Step {
  const isDoubtful = digest !== '' && attempts.asked.at(-1) === 'tag' && !isPresentDigest && status !== before;
  if (isDoubtful && attempts.tag === undefined) return { ask: 'tag' };
  return { ask: undefined, verdict: isDoubtful && attempts.tag === 'other' ? 'not_scanned' : 'found' };
}

/**
 * The image name that is known to work after a scan was found.
 *
 * A digest that was found by works. Without it a scan may be found that began a moment ago; so that counts only for a tag that had a scan
 * before, which the digest should have found, and never against a digest that has worked.
 */
export function workingName({ asked }: Attempts, { digest, works, before }: Evidence): ImageName | undefined {
  const by = asked.at(-1);
  if (digest === '' || by === undefined) return works;
  if (by !== 'tag') return by;
  return works ?? (hadScan(before) ? 'tag' : undefined);
}

/** The digest of a request; undefined where it has none. */
export function digestFor(digest: string, by: ImageName): string | undefined {
  return by === 'tag' ? undefined : inForm(digest, by);
}

/** Whether no answer said whether there is a scan. */
function isOnlyRefused({ asked, refused }: Attempts): boolean {
  return asked.length === refused.length;
}

/** An answer that there is no scan counts where the instance is known to accept this image name, or where all names were tried before. */
function isBelieved(attempts: Attempts, { digest, works, before }: Evidence): boolean {
  const { asked } = attempts;
  if (digest === '') return true;
  if (isOnlyRefused(attempts)) return false;
  if (hadScan(before)) return false;
  return works === asked[0] || (works === undefined && before === 'not_scanned');
}

function untried(attempts: Attempts, evidence: Evidence): ImageName | undefined {
  const { asked, tag } = attempts;
  const { works } = evidence;
  // Where digests work in some form, the tag alone could name another image.
  const mayLeaveOut = (works === undefined || works === 'tag' || isOnlyRefused(attempts)) && tag !== 'other';
  return usableNames(evidence).find((each) => !asked.includes(each) && (each !== 'tag' || mayLeaveOut));
}

function usableNames({ digest, refused }: Evidence): readonly ImageName[] {
  return imageNamesOf(digest).filter((name) => !refused.has(name));
}

/** As listed, in the other form, without the digest. */
function imageNamesOf(digest: string): readonly ImageName[] {
  const form = formOf(digest);
  if (form === undefined) return ['prefixed', 'tag'];
  return form === 'bare' ? ['bare', 'prefixed', 'tag'] : ['prefixed', 'bare', 'tag'];
}

/** Whether a tag with this status has been seen with a scan. */
export function hadScan(status: ScanStatus): boolean {
  return isUnderWay(status) || status === 'complete' || status === 'failed';
}
