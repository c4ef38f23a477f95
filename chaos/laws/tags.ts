// What a scrape says of each tag, read for the laws.
import { trueTimes } from '../clock.ts';
import { type Labels, samplesOf } from '../exposition.ts';
import type { ApiRequest, RunRecord, Scrape, TagName } from '../record.ts';
import { type Phase, type Truth, tagKey } from '../truth.ts';
import { REPOSITORIES } from '../world.ts';

/** Wall clocks of two processes are read to the millisecond, and rounded. */
export const ROUNDING_MS = 3;

export type ShownTag = {
  status: string;
  /** Seconds since the epoch, as they are shown. */
  since?: number;
  /** The same on the true clock, latest first: several where the exporter's was set back over that time. */
  sinces?: readonly number[];
  /** Seconds since the epoch on the true clock: the latest of them. */
  lastSuccess?: number;
  lastSuccesses?: readonly number[];
  /** Seconds since the epoch, as they are shown. */
  shownSuccess?: number;
  success?: number;
  /** Why the last poll failed. */
  error?: string;
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
  const truly = (shown: number) => trueSeconds(scrape, shown);
  fill('acr_scan_tag_status_since_timestamp_seconds', (tag, value) => {
    tag.since = value;
    tag.sinces = truly(value);
  });
  fill('acr_scan_tag_last_success_timestamp_seconds', (tag, value) => {
    tag.lastSuccesses = truly(value);
    tag.lastSuccess = tag.lastSuccesses[0] ?? value;
    tag.shownSuccess = value;
  });
  fill('acr_scan_tag_poll_success', (tag, value) => {
    tag.success = value;
  });
  fill('acr_scan_tag_last_error_info', (tag, _, labels) => {
    tag.error = labels.code ?? '';
  });
  fill('acr_scan_tag_info', (tag, _, labels) => {
    tag.repoId = labels.repo_id ?? '';
    tag.digest = labels.digest ?? '';
  });
  read.set(scrape, tags);
  return tags;
}

/** The true times of one that a scrape shows, in seconds since the epoch, latest first. */
export function trueSeconds({ clock, answeredAt }: Scrape, shown: number): readonly number[] {
  if (clock === undefined) return [shown];
  return trueTimes(clock, shown * 1_000, answeredAt).map((ms) => ms / 1_000);
}

/**
 * Whether a time that a scrape shows, in seconds since the epoch, is that of the start of its process or of one before, in place of a later one: a
 * clock that was ahead when the state was saved had shown one. What it truly was is not known then.
 */
export function isOfStart({ lives }: RunRecord, { life: number, clock = [] }: Scrape, shown: number): boolean {
  return lives.some((life) => {
    if (life.number > number || life.storage?.restored === undefined) return false;
    const wasAhead = clock.some(({ from, offsetMs }) => from < life.startedAt && offsetMs > 0);
    return wasAhead && shown * 1_000 >= life.startedAt - ROUNDING_MS && shown * 1_000 <= life.from + ROUNDING_MS;
  });
}

/** Instance, namespace and name of a repository, parted by spaces. One that the file gives by its id goes by that until it is looked up. */
export function repositoryOf({ instance_id, repo_namespace, repo_name }: Labels): string {
  const meant = repo_namespace
    ? undefined
    : REPOSITORIES.find(({ id, isListedById }) => isListedById && id === repo_name);
  return `${instance_id} ${meant?.namespace ?? repo_namespace} ${meant?.name ?? repo_name}`;
}

function nameOf(labels: Labels): TagName {
  return `${repositoryOf(labels)} ${labels.tag}`;
}

/** The name of the tag that a request is about; undefined where no repository with this id is known. */
export function askedTag(truth: Truth, { parameters }: ApiRequest): TagName | undefined {
  const { InstanceId = '', RepoId = '', Tag = '' } = parameters;
  const names = truth.namesOf(InstanceId, RepoId);
  return names === undefined ? undefined : `${names} ${Tag}`;
}

/** The polls of each tag in the order of their arrival, under every id that a repository of its names has had. */
export function pollsByTag({ requests, truth }: Pick<RunRecord, 'requests' | 'truth'>): Polls {
  const polls = new Map<TagName, ApiRequest[]>();
  for (const request of requests) {
    const name = isPoll(request) ? askedTag(truth, request) : undefined;
    if (name === undefined) continue;
    const list = polls.get(name);
    if (list === undefined) polls.set(name, [request]);
    else list.push(request);
  }
  return polls;
}

export type Polls = ReadonlyMap<TagName, readonly ApiRequest[]>;

export function isPoll({ action }: ApiRequest): boolean {
  return action === STATUS_ACTION;
}

/** The key of the tag, in the repository that a request asked about. */
export function askedKey({ parameters }: ApiRequest): string {
  const { InstanceId = '', RepoId = '', Tag = '' } = parameters;
  return tagKey(InstanceId, RepoId, Tag);
}

/**
 * The polls of a tag in the order of their arrival: those under the id that is shown beside it. While the exporter shows none, since the
 * repository is gone or was not looked up yet, those under every id that a repository of these names has had.
 */
export function pollsOf(polls: Polls, name: TagName, { repoId = '' }: Pick<ShownTag, 'repoId'>): readonly ApiRequest[] {
  return (polls.get(name) ?? []).filter(({ parameters }) => repoId === '' || parameters.RepoId === repoId);
}

/** What was true of a tag, or of the image that a poll asked about, in the repository that it asked about, while it was under way. */
export function truthDuring(truth: Truth, poll: ApiRequest, until: number): readonly Phase[] {
  const { Digest = '' } = poll.parameters;
  const [from, to] = [poll.arrivedAtMs - ROUNDING_MS, until + ROUNDING_MS];
  return Digest === '' ? truth.between(askedKey(poll), from, to) : truth.ofImage(askedKey(poll), Digest, from, to);
}

/** The last that arrived by a time: polls of one tag are never under way together. */
export function lastArrived(polls: readonly ApiRequest[], by: number): ApiRequest | undefined {
  return polls.findLast(({ arrivedAtMs }) => arrivedAtMs <= by);
}

/** Whether a fault said of a scan that there is none. */
export function deniesScan({ code, fault }: ApiRequest): boolean {
  return fault === 'business_error' && code === 'REPO_TAG_NOT_EXIST';
}

/** Whether an answer has a status that is true. */
export function isTrueAnswer(request: ApiRequest): boolean {
  return request.code === 'success' && isHonest(request);
}

/** Whether no fault has changed what an answer says: one that comes drop by drop is no lie. */
export function isHonest({ fault }: ApiRequest): boolean {
  return fault === null || fault === 'drip';
}

/** The time of day, UTC, to the millisecond. */
export function time(ms: number): string {
  return new Date(ms).toISOString().slice(11, 23);
}
