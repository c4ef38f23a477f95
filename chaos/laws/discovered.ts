// What is shown of a repository that is discovered is what its lists said.
import { samplesOf } from '../exposition.ts';
import { type ApiRequest, overlap, type RunRecord, type Scrape, spansWithout } from '../record.ts';
import { DISCOVERED } from '../world.ts';
import { isOfBuild } from './configured.ts';
import { Findings, type Law } from './law.ts';
import { isOfStart, isTrueAnswer, lastArrived, ROUNDING_MS, shownTags, time, trueSeconds } from './tags.ts';

export const discoveredLaw: Law = {
  name: 'discovered',
  sentence:
    'a tag that existed before the last list of the last successful run, and still exists, is shown, and no tag that has not existed since',
  check: (record, judged) => {
    const findings = new Findings(judged);
    const lists = record.requests.filter(isList);
    const lies = record.requests.filter(isFalseList);
    const without = spansWithout(record.configurations, ({ discovers }) => discovers);
    for (const scrape of record.scrapes) {
      if (!findings.isJudged(scrape.answeredAt)) continue;
      const [pass] = samplesOf(scrape.exposition, 'acr_discovery_last_success_timestamp_seconds');
      if (pass === undefined || isOfStart(record, scrape, pass[1])) continue;
      // Where the clock was set back, the earlier of two times: an older list says less.
      const endedAt = trueSeconds(scrape, pass[1]).at(-1);
      const list = endedAt === undefined ? undefined : lastArrived(lists, endedAt * 1_000);
      if (list === undefined || overlap(without, list.arrivedAtMs, scrape.answeredAt) > 0) continue;
      // A pass goes by the lists that it gets, false ones included.
      if (lies.some(({ arrivedAtMs }) => list.arrivedAtMs < arrivedAtMs && arrivedAtMs < scrape.answeredAt)) continue;
      findings.note(scrape.answeredAt, () => difference(record, scrape, list));
    }
    return findings;
  },
};

/** Whether a fault took the place of what a list says, and not of the whole answer. */
function isFalseList({ action, code, fault }: ApiRequest): boolean {
  return (
    (action === 'ListRepository' || action === 'ListRepoTag') &&
    fault !== null &&
    (code === 'success' || fault === 'body')
  );
}

function isList(request: ApiRequest): boolean {
  const { action, parameters } = request;
  return action === 'ListRepoTag' && parameters.RepoId === DISCOVERED.id && isTrueAnswer(request);
}

function difference({ truth }: RunRecord, scrape: Scrape, list: ApiRequest): string | undefined {
  const tags = truth.tagsOf(DISCOVERED.instance, DISCOVERED.id);
  const [from, to] = [list.arrivedAtMs - ROUNDING_MS, scrape.answeredAt + ROUNDING_MS];
  const lasting = tags.filter(({ key }) => truth.lasted(key, from, to)).map(({ tag }) => tag);
  const possible = new Set(tags.filter(({ key }) => truth.between(key, from, to).length > 0).map(({ tag }) => tag));
  const since = `the list at ${time(list.arrivedAtMs)} (request ${list.index})`;
  const count = [...countsOf(scrape)].reduce((sum, [key, value]) => (isOfBuild(`${key} `) ? sum + value : sum), 0);
  if (count < lasting.length || count > possible.size)
    return `${count} discovered tags are counted, but since ${since} there were ${lasting.length} to ${possible.size}`;
  const shown = [...shownTags(scrape).keys()].filter(isOfBuild).map((name) => name.split(' ')[3] ?? '');
  const alien = shown.filter((tag) => !possible.has(tag));
  if (alien.length > 0) return `${alien.join(', ')} are shown, but have not existed since ${since}`;
  const missing = lasting.filter((tag) => !shown.includes(tag));
  return shown.length === count && missing.length > 0
    ? `${missing.join(', ')} exist since before ${since}, but are not shown`
    : undefined;
}

/** By the names of a repository. */
function countsOf({ exposition }: Scrape): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [labels, value] of samplesOf(exposition, 'acr_scan_tags')) {
    const key = `${labels.instance_id} ${labels.repo_namespace} ${labels.repo_name}`;
    counts.set(key, (counts.get(key) ?? 0) + value);
  }
  return counts;
}
