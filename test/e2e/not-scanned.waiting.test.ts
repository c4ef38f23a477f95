// A registry as discovery finds it where scanning was switched on late: most images were never scanned. At a fiftieth of the rules' time.
import test from 'ava';
import { configurationFor, instanceAt, startExporter, startSimulator } from '../helpers/exporter.ts';
import type { ParsedPage } from '../helpers/exposition.ts';
import { prometheusConfig } from './helpers/chain.ts';
import { temporaryDirectory } from './helpers/exporter.ts';
import { Prometheus } from './helpers/prometheus.ts';
import { until } from './helpers/until.ts';

const TAGS = 2_000;
const SCANNED = 800;
/** Each way in which the API may say that there was no scan. */
const ANSWERS = ['absent', 'empty', 'null', 'error', 'business_error'] as const;
const NOWHERE = '127.0.0.1:1';

/** An hour takes 72 s; the rest is for a slow machine. */
const AN_HOUR_MS = 72_000 + 60_000;

function tagsOf(page: ParsedPage, status: string): number {
  const samples = page.families.get('acr_scan_tags')?.samples ?? [];
  return samples.filter(({ labels }) => labels.status === status).reduce((sum, { value }) => sum + value, 0);
}

test('of 2,000 images of which most were never scanned there is one alert, and no error', async (t) => {
  t.timeout(5 * 60_000);
  const isScanned = (index: number) => index % 5 < 2;
  const tags = Array.from({ length: TAGS }, (_, index) => ({
    tag: `v${index}`,
    ...(isScanned(index)
      ? { status: 'COMPLETE' as const }
      : { status: 'NOT_SCANNED' as const, not_scanned: ANSWERS[Math.floor(index / 5) % ANSWERS.length] ?? 'absent' }),
  }));
  const simulator = await startSimulator(t, {
    instances: [{ id: 'cri-1', repositories: [{ namespace: 'shop', name: 'api', id: 'crr-1', tags }] }],
    // Findings would give an alert, too.
    scan: { vulnerabilities: { clean_share: 1 } },
  });
  const often = '40s';
  const exporter = await startExporter(
    t,
    configurationFor(simulator.address, {
      rate_limit: { requests_per_second: 200, max_concurrent: 16 },
      discovery_interval: '10s',
      intervals: { scanning: often, complete: often, failed: often, not_scanned: often },
      instances: [instanceAt(simulator.address, { repositories: undefined, discover: [{ namespaces: ['*'] }] })],
    }),
  );
  // First polls take half a minute here, which would be 25 minutes of the rules' time.
  await exporter.until(
    'an answer for every tag',
    (page) => tagsOf(page, 'unknown') === 0 && tagsOf(page, 'complete') === SCANNED,
  );
  const prometheus = await Prometheus.startWith(
    t,
    prometheusConfig(temporaryDirectory(t), new URL(exporter.url).host, NOWHERE),
  );
  await until('an alert', AN_HOUR_MS, async () => (await prometheus.firing()).length > 0 || undefined);

  const fired = await prometheus.query('max_over_time(ALERTS{alertstate="firing"}[5m])');
  t.deepEqual(
    fired.map(({ metric: { alertname, instance_id, repo_namespace, repo_name } }) => ({
      alertname,
      instance_id,
      repository: `${repo_namespace}/${repo_name}`,
    })),
    [{ alertname: 'AcrImageNotScanned', instance_id: 'cri-1', repository: 'shop/api' }],
  );
  t.is(await prometheus.value('sum(acr_api_request_errors_total)'), 0);
  t.true((await prometheus.value('sum(acr_api_requests_total)')) > TAGS);
  t.is(await prometheus.value('min(acr_scan_tag_poll_success)'), 1);
  const shown = await prometheus.query('acr_scan_tags > 0');
  t.deepEqual(Object.fromEntries(shown.map(({ metric, value }) => [metric.status, value])), {
    complete: SCANNED,
    not_scanned: TAGS - SCANNED,
  });
});
