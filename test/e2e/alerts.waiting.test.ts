// The whole chain, all of it real: simulator, exporter, Prometheus with the shipped rules, Alertmanager with the shipped routing, a receiver.
// Everything runs at a fiftieth of its time: half an hour takes 36 s.
import test, { type ExecutionContext } from 'ava';
import type { Alertmanager } from './helpers/alertmanager.ts';
import { Chain } from './helpers/chain.ts';
import { until } from './helpers/until.ts';

/** Half an hour, and time for a slow machine. */
const HALF_AN_HOUR_MS = 36_000 + 40_000;
/** For what is to be seen within minutes: a minute takes 1.2 s, but the exporter's own times are not shortened. */
const SOON_MS = 60_000;

test('what goes wrong arrives as a notification, and so does its end; an exporter that is killed silences the rest', async (t) => {
  t.timeout(8 * 60_000);
  const chain = await Chain.start(t);
  await troublesArrive(t, chain);
  await endsArrive(t, chain);
  await killingSilencesTheRest(t, chain);
});

const SCANS = { job: 'acr-scan-exporter', instance_id: 'cri-scans', repo_namespace: 'shop', repo_name: 'api' };
const TROUBLES = {
  failed: { alertname: 'AcrScanFailed', severity: 'warning', ...SCANS, tag: 'broken' },
  refused: {
    alertname: 'AcrCredentialsRefused',
    severity: 'critical',
    job: 'acr-scan-exporter',
    instance_id: 'cri-refused',
    credentials: 'cri-refused',
  },
  throttled: {
    alertname: 'AcrApiThrottled',
    severity: 'warning',
    job: 'acr-scan-exporter',
    credentials: 'cri-throttled',
  },
  stuck: { alertname: 'AcrScanStuck', severity: 'warning', ...SCANS, tag: 'stuck' },
} as const;
const DOWN = { alertname: 'AcrExporterDown', severity: 'critical', job: 'acr-scan-exporter' };
const TEXTS = {
  failed: /^The scan of shop\/api:broken failed\.$/,
  refused: /^ACR instance cri-refused refuses the credentials cri-refused, nothing is polled with them\.$/,
  throttled: /^The ACR API keeps throttling the credentials cri-throttled\.$/,
  stuck: /^The scan of shop\/api:stuck has been under way for more than 36s\.$/,
} as const;

async function troublesArrive(t: ExecutionContext, { alertmanager }: Chain): Promise<void> {
  for (const trouble of ['failed', 'refused', 'throttled', 'stuck'] as const) {
    const labels = TROUBLES[trouble];
    const { receiver, annotations } = await alertmanager.notified('firing', labels, HALF_AN_HOUR_MS);
    t.is(receiver, labels.severity === 'critical' ? 'acr-critical' : 'acr-warning');
    t.regex(annotations.summary ?? '', TEXTS[trouble]);
    t.true((annotations.description ?? '').length > 50);
    t.true(annotations.runbook_url?.endsWith(`/docs/runbook.md#${labels.alertname.toLowerCase()}`));
  }
  // What follows from the refusal is known, and not told.
  t.is((await alertmanager.inhibited('AcrScanUnknown', HALF_AN_HOUR_MS)).labels.instance_id, 'cri-refused');
  t.deepEqual(
    namesOf(alertmanager),
    Object.values(TROUBLES)
      .map(({ alertname }) => alertname)
      .sort(),
  );
}

async function endsArrive(t: ExecutionContext, chain: Chain): Promise<void> {
  await chain.setFaults(['stuck', 'broken'].map((tag) => ({ tag, status: 'COMPLETE' })));
  chain.giveSecret();
  for (const labels of Object.values(TROUBLES)) await chain.alertmanager.notified('resolved', labels, 2 * SOON_MS);
  await until('no alert any more', SOON_MS, async () => (await chain.prometheus.firing()).length === 0 || undefined);
  t.deepEqual(
    namesOf(chain.alertmanager),
    Object.values(TROUBLES)
      .map(({ alertname }) => alertname)
      .sort(),
  );
}

async function killingSilencesTheRest(t: ExecutionContext, chain: Chain): Promise<void> {
  const { alertmanager, prometheus } = chain;
  const told = alertmanager.notifications.length;
  await chain.setFaults([{ tag: 'stuck', status: 'COMPLETE' }]);
  await alertmanager.notified('firing', TROUBLES.failed, SOON_MS, told);
  await chain.killExporter();
  const before = alertmanager.notifications.length;
  const downs = ['cri-scans', 'cri-refused', 'cri-throttled'].map((id) => ({ ...DOWN, instance_id: id }));
  for (const down of downs) {
    const { receiver, annotations } = await alertmanager.notified('firing', down, SOON_MS, before);
    t.is(receiver, 'acr-critical');
    t.is(
      annotations.summary,
      `ACR instance ${down.instance_id} is not watched: its acr-scan-exporter (job acr-scan-exporter) does not answer Prometheus.`,
    );
  }
  // What failed when it was last seen is kept, and not told again.
  t.is((await alertmanager.inhibited('AcrScanFailed', SOON_MS)).labels.tag, 'broken');
  await until('only what is kept', SOON_MS, async () => (await prometheus.firing()).length === 4 || undefined);
  t.deepEqual(await prometheus.firing(), [...downs.map(({ alertname }) => alertname), 'AcrScanFailed']);
  await chain.restartExporter();
  for (const down of downs) await alertmanager.notified('resolved', down, SOON_MS, before);
  t.deepEqual(
    alertmanager.notifications.slice(before).filter(({ labels }) => labels.alertname !== 'AcrExporterDown'),
    [],
  );
}

/** The alerts that were told of so far, each once. */
function namesOf({ notifications }: Alertmanager): readonly string[] {
  return [...new Set(notifications.map(({ labels }) => labels.alertname ?? ''))].sort();
}
