// Each exported status was true when it was asked for.
import type { ApiRequest, RunRecord, Scrape, TagName } from '../record.ts';
import { ANY, bare } from '../truth.ts';
import { Findings, type Law } from './law.ts';
import {
  askedKey,
  deniesScan,
  isHonest,
  isOfStart,
  isTrueAnswer,
  lastArrived,
  type Polls,
  pollsByTag,
  pollsOf,
  ROUNDING_MS,
  type ShownTag,
  shownTags,
  time,
  truthDuring,
} from './tags.ts';

export const statusLaw: Law = {
  name: 'status',
  sentence:
    'each exported status was true at some moment between the sending of the last successful poll and its answer',
  check: (record, judged) => {
    const findings = new Findings(judged);
    const polls = pollsByTag(record);
    for (const scrape of record.scrapes) {
      for (const [name, tag] of shownTags(scrape))
        if (!isOfStart(record, scrape, tag.shownSuccess ?? 0))
          findings.note(scrape.answeredAt, () =>
            wrongInEach(tag, (each) => wrongStatus(record, polls, scrape, name, each)),
          );
    }
    return findings;
  },
};

/** What is wrong with a tag whichever of the times at which it may have been answered is the true one. */
function wrongInEach(tag: ShownTag, wrong: (tag: ShownTag) => string | undefined): string | undefined {
  const { lastSuccess, lastSuccesses = [] } = tag;
  if (lastSuccess === undefined) return wrong(tag);
  if (lastSuccesses.length === 0)
    return `the last success is shown at ${time(lastSuccess * 1_000)}, when the clock was never so`;
  const found = lastSuccesses.map((each) => wrong({ ...tag, lastSuccess: each }));
  return found.includes(undefined) ? undefined : found[0];
}

function wrongStatus(
  record: RunRecord,
  polls: Polls,
  scrape: Scrape,
  name: TagName,
  shown: ShownTag,
): string | undefined {
  const { status, lastSuccess, digest = '' } = shown;
  const ofTag = pollsOf(polls, name, shown);
  const lastSuccessMs = (lastSuccess ?? 0) * 1_000;
  if (status === 'unknown') {
    const isUnknown = ofTag.some(
      ({ fault, finishedAtMs, arrivedAtMs }) =>
        fault === 'status' &&
        arrivedAtMs <= scrape.answeredAt &&
        (finishedAtMs ?? Number.POSITIVE_INFINITY) >= lastSuccessMs - ROUNDING_MS,
    );
    return lastSuccess === undefined || isUnknown
      ? undefined
      : `${name} is shown as unknown, but its last answer, at ${time(lastSuccessMs)}, was none that says so`;
  }
  if (lastSuccess === undefined) return `${name} is shown as ${status}, but was never answered`;
  const poll = lastArrived(ofTag, lastSuccessMs + ROUNDING_MS);
  if (poll === undefined)
    return `${name} is shown as ${status} since an answer at ${time(lastSuccessMs)}, before its first poll`;
  // A denial of the scan of a tag that the registry has shown means that the tag was never scanned, as far as the exporter can know.
  if (status === 'not_scanned' && (deniesScan(poll) || isOfShownTag(record, poll, lastSuccessMs))) return undefined;
  if (!isTrueAnswer(poll)) {
    return `${name} is shown as ${status}, with its last success at ${time(lastSuccessMs)}, but the poll of then, request ${poll.index}, was answered with ${[poll.code, poll.fault].filter(Boolean).join(' by the fault ')}`;
  }
  const until = Math.min(poll.finishedAtMs ?? lastSuccessMs, lastSuccessMs);
  const truth = truthDuring(record.truth, poll, until);
  const asked = bare(poll.parameters.Digest ?? '');
  const isTrue = truth.some((phase) => phase.status === ANY || phase.status.toLowerCase() === status);
  if (isTrue && asked !== '' && digest !== '' && bare(digest) !== asked) {
    return `${name} is shown as ${status} of the image ${bare(digest).slice(0, 8)}, but the poll at ${time(poll.arrivedAtMs)} asked about ${asked.slice(0, 8)}`;
  }
  if (isTrue && digest !== '' && isLater(record, poll, bare(digest), until)) {
    return `${name} is shown as ${status} by a poll at ${time(poll.arrivedAtMs)}, before the push of the image ${bare(digest).slice(0, 8)} that is shown`;
  }
  if (isTrue) return undefined;
  const were = truth.map((phase) => `${phase.status} of ${bare(phase.digest).slice(0, 8)}`).join(', ') || 'nothing';
  return `${name} is shown as ${status} of ${bare(digest).slice(0, 8) || 'any image'} by a poll at ${time(poll.arrivedAtMs)} (request ${poll.index}), when the truth was ${were}`;
}

/** For so long the exporter goes by what the registry has shown, since each look at a tag takes a request. */
const SHOWN_HOLDS_MS = 3_600_000;

/** Whether the registry denied a scan of a tag that was there within the last hour. */
function isOfShownTag({ truth }: RunRecord, poll: ApiRequest, until: number): boolean {
  // Another status takes the place of a status only: an error stays what it is.
  const isDenial = poll.code === 'REPO_TAG_NOT_EXIST' && (isHonest(poll) || poll.fault === 'status');
  return isDenial && truth.wasThere(askedKey(poll), poll.arrivedAtMs - SHOWN_HOLDS_MS, until);
}

/** Whether a tag moved to an image only after a poll of it. A listed image may be older than the one that was polled, never newer. */
function isLater({ truth }: RunRecord, poll: ApiRequest, digest: string, until: number): boolean {
  const key = askedKey(poll);
  const images = (to: number) => truth.between(key, 0, to).map((phase) => bare(phase.digest));
  return !images(until + ROUNDING_MS).includes(digest) && images(Number.POSITIVE_INFINITY).includes(digest);
}
