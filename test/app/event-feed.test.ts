// The feed of events in the whole exporter, against the simulator.
import test from 'ava';
import { configurationFor, instanceAt, startExporter, startSimulator, tagLabels } from '../helpers/exporter.ts';

const KEY = { instance_id: 'cri-1', type: 'ScanCompleted', channel: 'feed' };
const SLOWLY = { intervals: { scanning: '1h', complete: '1h', failed: '1h', not_scanned: '1h' } };

test('a feed shows the end of a scan long before its tag is due, and a reload without it takes its series along', async (t) => {
  const tags = [
    { tag: 'latest', status: 'SCANNING' },
    { tag: 'quiet', status: 'COMPLETE' },
  ];
  const simulator = await startSimulator(t, {
    instances: [
      {
        id: 'cri-1',
        event_center: { rules: ['scans'] },
        repositories: [{ namespace: 'shop', name: 'api', id: 'crr-1', tags }],
      },
    ],
  });
  const repositories = [{ namespace: 'shop', name: 'api', id: 'crr-1', tags: ['latest', 'quiet'] }];
  const configuration = (parts: object) =>
    configurationFor(simulator.address, {
      ...SLOWLY,
      instances: [instanceAt(simulator.address, { repositories, ...parts })],
    });
  const exporter = await startExporter(t, configuration({ events: { feed: '1s' } }));
  const scanning = { ...tagLabels('latest'), status: 'scanning' };
  const failed = { ...scanning, status: 'failed' };
  await exporter.until('the scan', (each) => each.value('acr_scan_tag_status', scanning) === 1);
  simulator.setTimeline('cri-1', 'crr-1', 'latest', [{ status: 'SCANNING', for: '1s' }, { status: 'FAILED' }]);
  const page = await exporter.until('the end of the scan', (each) => each.value('acr_scan_tag_status', failed) === 1);
  t.is(page.value('acr_events_total', { ...KEY, outcome: 'taken' }), 1);
  t.is(page.value('acr_events_healthy', { instance_id: 'cri-1' }), 1);
  t.is(page.value('acr_events_missed_total', { instance_id: 'cri-1' }), 0);
  t.is(page.value('acr_events_delay_seconds_count', { instance_id: 'cri-1', channel: 'feed' }), 1);
  const polls = (tag: string) =>
    simulator
      .requests()
      .filter(({ action, parameters }) => action === 'GetRepoTagScanStatus' && parameters.Tag === tag);
  t.deepEqual([polls('latest').length, polls('quiet').length], [2, 1]);

  exporter.write(configuration({}));
  t.deepEqual(await exporter.app.reload(), { problems: [] });
  const after = await exporter.page();
  for (const name of ['acr_events_total', 'acr_events_healthy', 'acr_events_missed_total', 'acr_events_delay_seconds'])
    t.is(after.families.get(name)?.samples.length ?? 0, 0, name);
  t.is(after.value('acr_scan_tag_status', failed), 1);
  exporter.write(configuration({ events: { feed: '1s' } }));
  await exporter.app.reload();
  await exporter.until('the feed again', (each) => each.value('acr_events_healthy', { instance_id: 'cri-1' }) === 1);
});

test('an instance without an event rule, or without the right to its records, is polled as without events, and the page says why', async (t) => {
  const error = { code: 'NoPrivilege', http_status: 403 };
  for (const [parts, reason] of [
    [{}, 'no event rule'],
    [{ faults: [{ operation: 'ListEventCenterRecord', error }] }, 'NoPrivilege'],
  ] as const) {
    const simulator = await startSimulator(t, { ...parts, faults: [...('faults' in parts ? parts.faults : [])] });
    const instances = [instanceAt(simulator.address, { events: { feed: '1s' } })];
    const exporter = await startExporter(t, configurationFor(simulator.address, { instances }));
    const complete = { ...tagLabels('latest'), status: 'complete' };
    await exporter.until('an answer', (each) => each.value('acr_scan_tag_status', complete) === 1);
    const polls = () => simulator.requests().filter(({ action }) => action === 'GetRepoTagScanStatus').length;
    const before = polls();
    await exporter.until('more polls', () => polls() > before + 1);
    t.is((await exporter.page()).value('acr_events_healthy', { instance_id: 'cri-1' }), 0);
    const html = await (await fetch(`${exporter.url}/`)).text();
    t.true(html.includes(reason) && html.includes('polled at the usual intervals'), reason);
  }
});
