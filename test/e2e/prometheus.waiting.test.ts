// A real Prometheus scrapes the demo for a minute: every scrape succeeds, and what it stored is what was true in the simulator.
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { TagTruth, Truth } from '../../src/simulator/truth.ts';
import { startDemo, truthOf } from './helpers/demo.ts';
import { Prometheus, type QueryResult } from './helpers/prometheus.ts';

const WATCHED_MS = 60_000;
/** The truth is looked up this often: a wait of this long says nothing of when anything is ready. */
const LOOK_EVERY_MS = 5_000;
const WINDOW = `[${WATCHED_MS / 1000}s]`;
/** The longest interval of config/demo.yml, and time for the scheduler after a second or two of throttling. */
const SEEN_WITHIN_MS = 30_000 + 5_000;
/** The API's word, and that of the label. */
const SCANNED: Readonly<Record<string, string>> = {
  SCANNING: 'scanning',
  RETRYING: 'retrying',
  COMPLETE: 'complete',
  FAILED: 'failed',
  NOT_SCANNED: 'not_scanned',
};
/** So many tags are listed; what discovery finds beside them comes and goes. */
const TAGS = 40;
const LISTED = '{repo_name!~"web-frontend|web-cache|gateway"}';

type Moment = { readonly atMs: number; readonly truth: Truth };

const REPOSITORY = 'instance_id, repo_namespace, repo_name';
/** Repositories whose sums are not what their tags say: one result for each that is wrong. */
const WRONG_SUMS = `sum by (${REPOSITORY}, status) (acr_scan_tags) > 0
  unless sum by (${REPOSITORY}, status) (acr_scan_tags) == count by (${REPOSITORY}, status) (acr_scan_tag_status)`;
/** What a dashboard asks: failed scans by image. */
const FAILED_IMAGES = `acr_scan_tag_status{status="failed"} * on (${REPOSITORY}, tag) group_left (image) acr_scan_tag_info`;

const keyOf = (instance = '', namespace = '', repository = '', tag = '') =>
  JSON.stringify([instance, namespace, repository, tag]);
const keyOfSeries = ({ metric }: QueryResult) =>
  keyOf(metric.instance_id, metric.repo_namespace, metric.repo_name, metric.tag);
const keyOfTruth = ({ instanceId, repoNamespace, repoName, tag }: TagTruth) =>
  keyOf(instanceId, repoNamespace, repoName, tag);

test('Prometheus scrapes the demo for a minute without an error and stores the truth', async (t) => {
  t.timeout(3 * WATCHED_MS);
  const demo = await startDemo(t);
  const prometheus = await Prometheus.start(t, demo.metricsUrl);
  const moments: Moment[] = [];
  for (const endMs = performance.now() + WATCHED_MS; performance.now() < endMs; ) {
    await sleep(LOOK_EVERY_MS);
    moments.push({ atMs: Date.now(), truth: await truthOf(demo) });
  }
  await assertScrapesSucceeded(t, prometheus);
  const compared = [];
  for (const moment of moments) compared.push(...(await compareStatuses(t, prometheus, moment)));
  t.log(`${compared.length} statuses compared`);
  t.true(compared.length > TAGS);
  for (const status of ['SCANNING', 'COMPLETE', 'FAILED', 'NOT_SCANNED']) t.true(compared.includes(status), status);
  await assertQueriesOfUsersWork(t, prometheus);
});

async function assertScrapesSucceeded(t: ExecutionContext, prometheus: Prometheus): Promise<void> {
  t.deepEqual(await prometheus.targets(), [{ health: 'up', lastError: '' }]);
  t.deepEqual(prometheus.warnings(), []);
  t.is(await prometheus.value(`min_over_time(up${WINDOW})`), 1);
  t.true((await prometheus.value(`count_over_time(up${WINDOW})`)) >= WATCHED_MS / 1000 - 2);
  t.true((await prometheus.value(`min_over_time(scrape_samples_scraped${WINDOW})`)) > 5 * TAGS);
  for (const extreme of ['min', 'max']) {
    t.is(
      await prometheus.value(`${extreme}_over_time(sum(acr_scan_tags${LISTED})[55s:1s])`),
      TAGS,
      `${extreme} of listed tags`,
    );
  }
}

/** Compares what Prometheus knew at a moment with what was true, and returns the true statuses that were compared. */
async function compareStatuses(
  t: ExecutionContext,
  prometheus: Prometheus,
  { atMs, truth }: Moment,
): Promise<string[]> {
  const series = await prometheus.query('acr_scan_tag_status', atMs);
  const stored = new Map(series.map((each) => [keyOfSeries(each), each.metric.status]));
  t.is(stored.size, series.length, 'one status a tag');
  t.true(series.length >= TAGS);
  t.deepEqual(await prometheus.query(WRONG_SUMS, atMs), []);
  // After an error the last known status stays, however old.
  const answered = new Set((await prometheus.query('acr_scan_tag_poll_success == 1', atMs)).map(keyOfSeries));
  const settled = truth.tags.filter(
    (tag) => truth.elapsedMs - tag.sinceMs > SEEN_WITHIN_MS && answered.has(keyOfTruth(tag)),
  );
  for (const tag of settled) t.is(stored.get(keyOfTruth(tag)), SCANNED[tag.status], `${keyOfTruth(tag)} at ${atMs}`);
  return settled.map(({ status }) => status);
}

async function assertQueriesOfUsersWork(t: ExecutionContext, prometheus: Prometheus): Promise<void> {
  t.true((await prometheus.value('sum(acr_discovery_tags)')) > 0);
  t.true((await prometheus.value('sum(acr_scan_vulnerabilities)')) > 0);
  const failed = await prometheus.query(FAILED_IMAGES);
  t.true(failed.length > 0);
  for (const { metric } of failed)
    t.regex(metric.image ?? '', /^demo-registry\.cn-hangzhou\.cr\.aliyuncs\.com\/\w+\/[\w-]+:\S+$/);
  t.deepEqual(
    await prometheus.query('acr_scan_tags{repo_namespace=""}'),
    [],
    'series from before the lookups are gone',
  );
}
