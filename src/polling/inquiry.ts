// What a request that finds no scan leads to: the same question in another way, whether the tag exists, or a verdict. Pure; each step is
// one request, and there are at most five.

import { type DigestForm, formOf, inForm } from '../model/digest.ts';
import { hadScan, type ScanStatus } from '../model/scan.ts';

/** How a request names an image: by its digest in one of two forms, or by its tag alone. */
export type Naming = DigestForm | 'tag';

/** What was asked for one poll or one summary, and what came of it. Immutable. */
export type Inquiry = {
  /** In which ways, the last one included. */
  readonly asked: readonly Naming[];
  /** Which of these the API does not take: its answers say nothing of a scan. */
  readonly refused: readonly Naming[];
  /** Whether an answer was a success without a scan: then the tag exists. */
  readonly wasAnswered: boolean;
  /** What GetRepoTag said of the tag, if it was asked: `other` is a tag of another digest, `untold` that it could not be asked. */
  readonly tag: TagVerdict | undefined;
  /** Whether the last request for a scan was sent after that answer: an earlier one may be older than the tag. */
  readonly askedSince: boolean;
};

export type TagVerdict = 'same' | 'other' | 'gone' | 'untold';

/** What else is known. */
export type Evidence = {
  /** As listed; empty where the image is named by its tag alone. */
  readonly digest: string;
  /** Whether a listing says that the tag has this digest. */
  readonly isPresentDigest: boolean;
  /** The naming by which the instance has found scans, if any. */
  readonly works: Naming | undefined;
  /** Namings that the instance does not take. */
  readonly refused: ReadonlySet<Naming>;
  /** The tag's status before. */
  readonly before: ScanStatus;
  /** Whether a listing or GetRepoTag has shown the tag lately, and nothing since says otherwise. */
  readonly exists: boolean;
};

/** What comes next: another request, or the end. */
export type Step =
  | { readonly ask: 'scan'; readonly by: Naming }
  | { readonly ask: 'tag' }
  | { readonly ask: undefined; readonly verdict: 'not_scanned' | 'failed' | 'found' };

/** The naming of a poll's first request: the one that works, else the digest as listed. `random` is in [0, 1). */
export function firstNaming(evidence: Evidence, random: number): Naming {
  const { digest, works, refused, before } = evidence;
  if (digest === '') return 'tag';
  if (works !== undefined && !refused.has(works)) return works;
  const all = takenNamings(evidence);
  // Where nothing was ever found in any way, each poll tries one of them: that costs nothing more, and finds the first scan.
  const turn = before === 'not_scanned' ? Math.floor(random * all.length) : 0;
  return all[turn] ?? 'tag';
}

/** After an answer that there is no such scan, or that the API does not take a digest in this form. */
export function afterNoScan(inquiry: Inquiry, evidence: Evidence): Step {
  const exists = inquiry.wasAnswered || evidence.exists || inquiry.tag === 'same' || inquiry.tag === 'other';
  if (inquiry.tag === 'gone') return { ask: undefined, verdict: 'failed' };
  if (!exists && inquiry.tag === undefined) return { ask: 'tag' };
  const by = isBelieved(inquiry, evidence) ? undefined : untried(inquiry, evidence);
  if (by !== undefined) return { ask: 'scan', by };
  const last = inquiry.asked.at(-1);
  // The tag may have been pushed between the two answers.
  const isOlder = !inquiry.wasAnswered && !evidence.exists && exists && !inquiry.askedSince;
  if (isOlder && last !== undefined && !isOnlyRefused(inquiry)) return { ask: 'scan', by: last };
  return { ask: undefined, verdict: exists && !isOnlyRefused(inquiry) ? 'not_scanned' : 'failed' };
}

/**
 * After an answer with a scan: one that was found by the tag alone may be that of another image.
 *
 * @param status of the scan; undefined where the answer has none
 */
export function afterScan(inquiry: Inquiry, { digest, isPresentDigest, before }: Evidence, status?: ScanStatus): Step {
  const isDoubtful = digest !== '' && inquiry.asked.at(-1) === 'tag' && !isPresentDigest && status !== before;
  if (isDoubtful && inquiry.tag === undefined) return { ask: 'tag' };
  return { ask: undefined, verdict: isDoubtful && inquiry.tag === 'other' ? 'not_scanned' : 'found' };
}

/**
 * The naming that is known to work after a scan was found.
 *
 * A digest that was found by works. Without it a scan may be found that began a moment ago; so that counts only for a tag that had a scan
 * before, which the digest should have found, and never against a digest that has worked.
 */
export function learnt({ asked }: Inquiry, { digest, works, before }: Evidence): Naming | undefined {
  const by = asked.at(-1);
  if (digest === '' || by === undefined) return works;
  if (by !== 'tag') return by;
  return works ?? (hadScan(before) ? 'tag' : undefined);
}

/** The digest of a request; undefined where it has none. */
export function digestFor(digest: string, by: Naming): string | undefined {
  return by === 'tag' ? undefined : inForm(digest, by);
}

/** Whether nothing was said of a scan, be it that there is none. */
function isOnlyRefused({ asked, refused }: Inquiry): boolean {
  return asked.length === refused.length;
}

/** An answer of no scan holds where digests are known to be taken in this way, or where all ways were tried before. */
function isBelieved(inquiry: Inquiry, { digest, works, before }: Evidence): boolean {
  const { asked } = inquiry;
  if (digest === '') return true;
  if (isOnlyRefused(inquiry)) return false;
  if (hadScan(before)) return false;
  return works === asked[0] || (works === undefined && before === 'not_scanned');
}

function untried(inquiry: Inquiry, evidence: Evidence): Naming | undefined {
  const { asked, tag } = inquiry;
  const { works } = evidence;
  // Digests that work in some form need not be left out, and without its digest another image would be asked for.
  const mayLeaveOut = (works === undefined || works === 'tag' || isOnlyRefused(inquiry)) && tag !== 'other';
  return takenNamings(evidence).find((each) => !asked.includes(each) && (each !== 'tag' || mayLeaveOut));
}

function takenNamings({ digest, refused }: Evidence): readonly Naming[] {
  return namingsOf(digest).filter((naming) => !refused.has(naming));
}

/** As listed, in the other form, without the digest. */
function namingsOf(digest: string): readonly Naming[] {
  const form = formOf(digest);
  if (form === undefined) return ['prefixed', 'tag'];
  return form === 'bare' ? ['bare', 'prefixed', 'tag'] : ['prefixed', 'bare', 'tag'];
}
