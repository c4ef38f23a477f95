// Discovery of a large registry against the real simulator: what it finds, how soon it sees changes, and what it takes of the quota.
import test, { type ExecutionContext } from 'ava';
import type { LoggedRequest } from '../../src/simulator/request-log.ts';
import type { TagTruth } from '../../src/simulator/truth.ts';
import { largestExcess } from '../helpers/arrivals.ts';
import {
  type ConfigurationInput,
  configurationFor,
  type RunningSimulator,
  startExporter,
  startSimulator,
} from '../helpers/exporter.ts';
import type { ParsedPage } from '../helpers/exposition.ts';

const REPOSITORIES = 300;
const NEWEST = 20;
const INTERVAL_SECONDS = 4;
const SUCCESS = 'acr_discovery_last_success_timestamp_seconds';
const INSTANCE = { instance_id: 'cri-1' };

/** 300 repositories of 40 tags each: releases, candidates and branches, pushed at different times. */
function registry() {
  return Array.from({ length: REPOSITORIES }, (_, index) => ({
    namespace: `team-${index % 7}`,
    name: `app-${index}`,
    id: `crr-${index}`,
    tags: [
      { count: 30, name: 'v{n}', status: 'COMPLETE', age: { min: '1d', max: '90d' } },
      { count: 6, name: 'v9.{n}-rc1', status: 'COMPLETE', age: { min: '1m', max: '1d' } },
      { count: 4, name: 'branch-{n}', status: 'COMPLETE', age: { min: '1m', max: '90d' } },
    ],
  }));
}

function discovering(address: string, parts: ConfigurationInput): ConfigurationInput {
  const rule = { namespaces: ['team-*'], tags: ['v*'], exclude_tags: ['*-rc*'], newest: NEWEST };
  return configurationFor(address, {
    instances: [{ id: 'cri-1', region: 'cn-hangzhou', endpoint: `http://${address}`, discover: [rule] }],
    intervals: { scanning: '1h', complete: '1h', failed: '1h' },
    discovery_interval: `${INTERVAL_SECONDS}s`,
    ...parts,
  });
}

/** By a plain reading of the rule, from what the simulator says it has. */
function expectedTags(simulator: RunningSimulator): string[] {
  const byRepository = new Map<string, TagTruth[]>();
  for (const truth of simulator.state()) {
    if (!truth.tag.startsWith('v') || truth.tag.includes('-rc')) continue;
    byRepository.set(truth.repoId, [...(byRepository.get(truth.repoId) ?? []), truth]);
  }
  return [...byRepository.values()]
    .flatMap((truths) => truths.sort((one, other) => other.imageUpdateMs - one.imageUpdateMs).slice(0, NEWEST))
    .map(({ repoNamespace, repoName, tag }) => `${repoNamespace}/${repoName}:${tag}`)
    .sort();
}

function shownTags(page: ParsedPage): string[] {
  const samples = page.families.get('acr_scan_tag_status')?.samples ?? [];
  return samples.map(({ labels }) => `${labels.repo_namespace}/${labels.repo_name}:${labels.tag}`).sort();
}

const isDiscovery = ({ action }: LoggedRequest) => action === 'ListRepository' || action === 'ListRepoTag';

/** With one request at a time they arrive in the order in which they were started. */
function keepsItsShare(t: ExecutionContext, requests: readonly LoggedRequest[]): void {
  const firstPoll = requests.findIndex((request) => !isDiscovery(request));
  const busy = requests.slice(firstPoll);
  for (let start = 0; start + 3 <= busy.length; start++) {
    const window = busy.slice(start, start + 3);
    if (window.filter(isDiscovery).length > 1)
      t.fail(`requests ${start} to ${start + 2}: ${window.map(({ action }) => action)}`);
  }
}

/** How long passes took, from pages that are taken often enough to see each of them end. */
class PassLengths {
  readonly #sums: number[] = [0];

  see(page: ParsedPage): void {
    const sum = page.value('acr_discovery_duration_seconds_sum') ?? 0;
    if (sum > (this.#sums.at(-1) ?? 0)) this.#sums.push(sum);
  }

  longest(): number {
    return Math.max(...this.#sums.slice(1).map((sum, index) => sum - (this.#sums[index] ?? 0)));
  }
}

test('the first pass finds exactly what the rules say, with no more than a third of the requests, and changes show within an interval and a pass', async (t) => {
  const simulator = await startSimulator(t, { instances: [{ id: 'cri-1', repositories: registry() }] });
  const rate = 250;
  const rateLimit = { requests_per_second: rate, max_concurrent: 1 };
  const { until } = await startExporter(t, discovering(simulator.address, { rate_limit: rateLimit }), {
    logLevel: 'info',
  });
  const first = await until('the first pass has ended', (page) => page.value(SUCCESS, INSTANCE) !== undefined);
  const expected = expectedTags(simulator);
  t.is(expected.length, REPOSITORIES * NEWEST);
  t.deepEqual(shownTags(first), expected);
  t.is(first.value('acr_discovery_tags', INSTANCE), REPOSITORIES * NEWEST);
  const requests = simulator.requests();
  t.true(requests.filter((request) => !isDiscovery(request)).length > REPOSITORIES, 'tags were polled meanwhile');
  keepsItsShare(t, requests);
  t.true(largestExcess(requests, rate) <= 2, `${largestExcess(requests, rate)} over the rate`);

  const lengths = new PassLengths();
  lengths.see(first);
  const changedAtMs = performance.now();
  const digest = `sha256:${'cd'.repeat(32)}`;
  const moved = simulator.state().find(({ repoId, tag }) => repoId === 'crr-250' && tag === 'v1');
  simulator.pushTag('cri-1', 'crr-7', 'v100');
  simulator.pushTag('cri-1', 'crr-250', 'v1', { digest });
  const gone = expected.find((name) => name.startsWith('team-3/app-10:'))?.split(':')[1] ?? '';
  simulator.deleteTag('cri-1', 'crr-10', gone);
  const changed = await until('the push, the push of a known tag and the deletion show', (page) => {
    lengths.see(page);
    const shown = new Set(shownTags(page));
    const infos = page.families.get('acr_scan_tag_info')?.samples ?? [];
    return (
      shown.has('team-0/app-7:v100') &&
      !shown.has(`team-3/app-10:${gone}`) &&
      infos.some(({ labels }) => labels.repo_name === 'app-250' && labels.tag === 'v1' && labels.digest === digest)
    );
  });
  const seconds = (performance.now() - changedAtMs) / 1_000;
  t.true(seconds <= INTERVAL_SECONDS + lengths.longest() + 1, `${seconds} s, a pass takes ${lengths.longest()} s`);
  t.deepEqual(shownTags(changed), expectedTags(simulator));
  t.not(moved?.digest, digest);
});
