// Decides on the step after a request that finds no scan: the same request with another image name, a GetRepoTag, or a verdict. Pure
// functions. One poll takes at most five requests.

import { formOf, type ImageName, inForm } from '../model/digest.ts';
import { hadScan, type ScanStatus } from '../model/scan.ts';

/** The requests of one poll or one summary so far. Immutable. */
export type Attempts = {
  /** The image names of the requests so far, with the last one. */
  readonly asked: readonly ImageName[];
  /** Those of them that the API does not accept. Such an answer says nothing about a scan. */
  readonly refused: readonly ImageName[];
  /** Whether an answer was a success without a scan. Then the tag exists. */
  readonly wasAnswered: boolean;
  /** The answer of GetRepoTag, if it was sent. `other`: the tag has another digest; `unknown`: the answer does not say whether it exists. */
  readonly tag: TagVerdict | undefined;
  /** Whether the last request for a scan was sent after that answer. An earlier one may be older than the tag. */
  readonly askedSince: boolean;
};

export type TagVerdict = 'same' | 'other' | 'gone' | 'unknown';

/** What else is known about the tag and its instance. */
export type Evidence = {
  /** As listed; empty if there is none. */
  readonly digest: string;
  /** Whether discovery says that the tag has this digest. */
  readonly isPresentDigest: boolean;
  /** The image name that has found scans in the instance, if any. */
  readonly works: ImageName | undefined;
  /** Image names that the instance does not accept. */
  readonly refused: ReadonlySet<ImageName>;
  /** The status of the tag before the poll. */
  readonly before: ScanStatus;
  /** Whether a list or GetRepoTag has shown the tag lately, and no later answer contradicts it. */
  readonly exists: boolean;
};

/** The next step: another request, or the end with a verdict. */
export type Step =
  | { readonly ask: 'scan'; readonly by: ImageName }
  | { readonly ask: 'tag' }
  | { readonly ask: undefined; readonly verdict: 'not_scanned' | 'failed' | 'found' | 'replaced' };

/** The image name of a poll's first request: the one that works, else the digest as listed. `random` is in [0, 1). */
export function firstName(evidence: Evidence, random: number): ImageName {
  const { digest, works, refused, before } = evidence;
  if (digest === '') return 'tag';
  if (works !== undefined && !refused.has(works)) return works;
  const all = usableNames(evidence);
  // While no name has ever found a scan, each poll tries a random one: that needs no further requests, and finds the first scan.
  const turn = before === 'not_scanned' ? Math.floor(random * all.length) : 0;
  return all[turn] ?? 'tag';
}

/**
 * The step after an answer that there is no such scan, or that this form of digest is not accepted. `replaced`: the digest is that of a former
 * image of a discovered tag, so the answer says nothing about the tag.
 */
export function afterNoScan(attempts: Attempts, evidence: Evidence): Step {
  const { isPresentDigest, before } = evidence;
  const exists = attempts.wasAnswered || evidence.exists || attempts.tag === 'same' || attempts.tag === 'other';
  // A scan that is gone was of an image that is gone: the tag was deleted, or pushed again since the last run of discovery.
  const mayBeReplaced = isPresentDigest && hadScan(before);
  if (attempts.tag === 'gone') return { ask: undefined, verdict: 'failed' };
  if (attempts.tag === 'other' && isPresentDigest) return { ask: undefined, verdict: 'replaced' };
  if ((!exists || mayBeReplaced) && attempts.tag === undefined) return { ask: 'tag' };
  const by = isFinal(attempts, evidence) ? undefined : untried(attempts, evidence);
  if (by !== undefined) return { ask: 'scan', by };
  const last = attempts.asked.at(-1);
  // The tag may have been pushed between the two answers.
  const isOlder = !attempts.wasAnswered && !evidence.exists && exists && !attempts.askedSince;
  if (isOlder && last !== undefined && !isOnlyRefused(attempts)) return { ask: 'scan', by: last };
  return { ask: undefined, verdict: exists && !isOnlyRefused(attempts) ? 'not_scanned' : 'failed' };
}

/**
 * The step after an answer with a scan. A scan that was found without the digest may belong to another image.
 *
 * @param status of the scan; undefined for a summary
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
 * The image name that works, after a scan was found.
 *
 * A digest that finds a scan works. A scan that is found without the digest may have started a moment ago. So the tag alone counts as working
 * only if the tag had a scan before, which the digest should have found, and never replaces a digest that has worked.
 */
export function workingName({ asked }: Attempts, { digest, works, before }: Evidence): ImageName | undefined {
  const by = asked.at(-1);
  if (digest === '' || by === undefined) return works;
  if (by !== 'tag') return by;
  return works ?? (hadScan(before) ? 'tag' : undefined);
}

/** The digest of a request; undefined for a request without one. */
export function digestFor(digest: string, by: ImageName): string | undefined {
  return by === 'tag' ? undefined : inForm(digest, by);
}

/** Whether no answer says whether there is a scan. */
function isOnlyRefused({ asked, refused }: Attempts): boolean {
  return asked.length === refused.length;
}

/** An answer that there is no scan is final if the instance is known to accept this image name, or if all names were tried before. */
function isFinal(attempts: Attempts, { digest, works, before }: Evidence): boolean {
  const { asked } = attempts;
  if (digest === '') return true;
  if (isOnlyRefused(attempts)) return false;
  if (hadScan(before)) return false;
  return works === asked[0] || (works === undefined && before === 'not_scanned');
}

function untried(attempts: Attempts, evidence: Evidence): ImageName | undefined {
  const { asked, tag } = attempts;
  const { works } = evidence;
  // If a form of digest works, the tag alone could name another image.
  const mayLeaveOut = (works === undefined || works === 'tag' || isOnlyRefused(attempts)) && tag !== 'other';
  return usableNames(evidence).find((each) => !asked.includes(each) && (each !== 'tag' || mayLeaveOut));
}

function usableNames({ digest, refused }: Evidence): readonly ImageName[] {
  return imageNamesOf(digest).filter((name) => !refused.has(name));
}

/** The listed form, the other form, then the tag alone. */
function imageNamesOf(digest: string): readonly ImageName[] {
  const form = formOf(digest);
  if (form === undefined) return ['prefixed', 'tag'];
  return form === 'bare' ? ['bare', 'prefixed', 'tag'] : ['prefixed', 'bare', 'tag'];
}
