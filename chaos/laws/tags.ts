// What a scrape says of each tag, read for the laws.
import { type Labels, samplesOf } from '../exposition.ts';
import type { ApiRequest, Scrape, TagName } from '../record.ts';
import { ANY, type Phase, type Truth, tagKey } from '../truth.ts';

/** Wall clocks of two processes are read to the millisecond, and rounded. */
export const ROUNDING_MS = 3;

export type ShownTag = {
  status: string;
  /** Seconds since the epoch. */
  since?: number;
  lastSuccess?: number;
  success?: number;
  repoId?: string;
  digest?: string;
};

const STATUS_ACTION = 'GetRepoTagScanStatus';
const read = new WeakMap<Scrape, ReadonlyMap<TagName, ShownTag>>();

/** By name; empty where the configuration wants no series per tag. */
export function shownTags(scrape: Scrape): ReadonlyMap<TagName, ShownTag> {
  const before = read.get(scrape);
  if (before !== undefined) return before;
  const tags = new Map<TagName, ShownTag>();
  const { exposition } = scrape;
  for (const [labels] of samplesOf(exposition, 'acr_scan_tag_status'))
    tags.set(nameOf(labels), { status: labels.status ?? '' });
  const fill = (family: string, take: (tag: ShownTag, value: number, labels: Labels) => void) => {
    for (const [labels, value] of samplesOf(exposition, family)) {
      const tag = tags.get(nameOf(labels));
      if (tag !== undefined) take(tag, value, labels);
    }
  };
  fill('acr_scan_tag_status_since_timestamp_seconds', (tag, value) => {
    tag.since = value;
  });
  fill('acr_scan_tag_last_success_timestamp_seconds', (tag, value) => {
    tag.lastSuccess = value;
  });
  fill('acr_scan_tag_poll_success', (tag, value) => {
    tag.success = value;
  });
  fill('acr_scan_tag_info', (tag, _, labels) => {
    tag.repoId = labels.repo_id ?? '';
    tag.digest = labels.digest ?? '';
  });
  read.set(scrape, tags);
  return tags;
}

function nameOf(labels: Labels): TagName {
  return `${labels.instance_id} ${labels.repo_namespace} ${labels.repo_name} ${labels.tag}`;
}

/** The polls of each tag, by instance, id of the repository and tag, in the order of their arrival. */
export function pollsByTag(requests: readonly ApiRequest[]): ReadonlyMap<string, readonly ApiRequest[]> {
  const polls = new Map<string, ApiRequest[]>();
  for (const request of requests) {
    if (request.action !== STATUS_ACTION) continue;
    const { InstanceId = '', RepoId = '', Tag = '' } = request.parameters;
    const key = tagKey(InstanceId, RepoId, Tag);
    const list = polls.get(key);
    if (list === undefined) polls.set(key, [request]);
    else list.push(request);
  }
  return polls;
}

/**
 * The polls of a tag in the order of their arrival: those under the id that is shown beside it. While the exporter shows none, since the
 * repository is gone or was not looked up yet, those under every id that a repository of these names has had.
 */
export function pollsOf(
  polls: ReadonlyMap<string, readonly ApiRequest[]>,
  truth: Truth,
  name: TagName,
  { repoId = '' }: Pick<ShownTag, 'repoId'>,
): readonly ApiRequest[] {
  const [instance = '', namespace = '', repository = '', tag = ''] = name.split(' ');
  if (repoId !== '') return polls.get(tagKey(instance, repoId, tag)) ?? [];
  return truth
    .idsOf(instance, namespace, repository)
    .flatMap((id) => polls.get(tagKey(instance, id, tag)) ?? [])
    .sort((one, other) => one.index - other.index);
}

/** What was true of a tag, in the repository that a poll asked about, while it was under way. */
export function truthDuring(truth: Truth, poll: ApiRequest, until: number): readonly Phase[] {
  const { InstanceId = '', RepoId = '', Tag = '' } = poll.parameters;
  return truth.between(tagKey(InstanceId, RepoId, Tag), poll.arrivedAtMs - ROUNDING_MS, until + ROUNDING_MS);
}

/** Whether a poll asked about an image that, by all that was true meanwhile, the tag has no more. */
export function isOfFormerImage(truth: readonly Phase[], { parameters }: ApiRequest): boolean {
  const asked = bare(parameters.Digest ?? '');
  return asked !== '' && !truth.some(({ digest }) => digest === ANY || bare(digest) === asked);
}

/** A digest without `sha256:`. */
export function bare(digest: string): string {
  return digest.replace(/^sha256:/, '');
}

/** The last that arrived by a time: polls of one tag are never under way together. */
export function lastArrived(polls: readonly ApiRequest[], by: number): ApiRequest | undefined {
  return polls.findLast(({ arrivedAtMs }) => arrivedAtMs <= by);
}

/** Whether an answer is one with a status that is true: one that comes drop by drop is no lie. */
export function isTrueAnswer({ code, fault }: ApiRequest): boolean {
  return code === 'success' && (fault === null || fault === 'drip');
}

/** The time of day, UTC, to the millisecond. */
export function time(ms: number): string {
  return new Date(ms).toISOString().slice(11, 23);
}
