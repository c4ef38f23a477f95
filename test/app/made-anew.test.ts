// A repository is deleted, and another one is made under its names: nothing that the page shows of the new one is of the old one.
import test, { type ExecutionContext } from 'ava';
import {
  type ConfigurationInput,
  configurationFor,
  instanceAt,
  LATEST,
  startExporter,
  startSimulator,
} from '../helpers/exporter.ts';
import type { ParsedPage } from '../helpers/exposition.ts';
import { lastSuccess, since, status, success } from '../helpers/tag-series.ts';

const NAMES = { namespace: 'shop', name: 'api' };
const OLD = { ...NAMES, id: 'crr-old', tags: [{ tag: 'latest', status: 'COMPLETE' }] };
const NEW = { ...NAMES, id: 'crr-new', tags: [{ tag: 'latest', status: 'FAILED' }] };
const DIGEST = `sha256:${'ab'.repeat(32)}`;

function repositoryIdsOf({ families }: ParsedPage): (string | undefined)[] {
  return (families.get('acr_scan_tag_info')?.samples ?? []).map(({ labels }) => labels.repo_id);
}

function vulnerabilitiesOf(page: ParsedPage): number | undefined {
  return page.value('acr_scan_tag_vulnerabilities', { ...LATEST, severity: 'high' });
}

/** Every counter, and every part of a histogram, by name and labels. */
function countsOf({ families }: ParsedPage): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { type, samples } of families.values()) {
    if (type !== 'counter' && type !== 'histogram') continue;
    for (const { name, labels, value } of samples) counts.set(JSON.stringify([name, labels]), value);
  }
  return counts;
}

function isFresh(t: ExecutionContext, page: ParsedPage, before: ParsedPage): void {
  t.deepEqual(repositoryIdsOf(page), ['crr-new']);
  t.is(status(page, LATEST, 'unknown'), 1);
  t.is(status(page, LATEST, 'complete'), undefined);
  t.true(since(page, LATEST) > since(before, LATEST));
  t.is(lastSuccess(page, LATEST), Number.NaN);
  t.is(vulnerabilitiesOf(page), undefined);
  t.is(page.value('acr_scan_vulnerabilities', { instance_id: 'cri-1', ...shown(NAMES), severity: 'high' }), undefined);
  const counts = countsOf(page);
  const fallen = [...countsOf(before)].filter(([series, value]) => (counts.get(series) ?? Number.NaN) < value);
  t.deepEqual(fallen, []);
}

const shown = ({ namespace, name }: typeof NAMES) => ({ repo_namespace: namespace, repo_name: name });

/** The old repository is shown with all that its scan found; polls of the new one fail, so that nothing hides what is left of the old one. */
async function startComplete(t: ExecutionContext, instance: ConfigurationInput, more: ConfigurationInput = {}) {
  const simulator = await startSimulator(t, {
    instances: [{ id: 'cri-1', repositories: [OLD] }],
    faults: [{ repository: 'crr-new', operation: 'GetRepoTagScanStatus', error: { code: 'SystemError' } }],
  });
  const configuration = (parts: ConfigurationInput) =>
    configurationFor(simulator.address, {
      vulnerabilities: true,
      discovery_interval: '300ms',
      ...more,
      instances: [instanceAt(simulator.address, parts)],
    });
  const exporter = await startExporter(t, configuration(instance));
  const before = await exporter.until('what the scan found is known', (page) => vulnerabilitiesOf(page) !== undefined);
  t.is(status(before, LATEST, 'complete'), 1);
  return { simulator, configuration, ...exporter, before };
}

const BY_NAMES = { repositories: [{ ...NAMES, tags: ['latest'] }] };
const isNew = (page: ParsedPage) => repositoryIdsOf(page).includes('crr-new');

for (const [how, instance] of [
  ['a lookup of its names', BY_NAMES],
  ['discovery', { repositories: [], discover: [{ namespaces: ['shop'] }] }],
  ['discovery, while it is listed by its names', { ...BY_NAMES, discover: [{ namespaces: ['shop'] }] }],
] as const) {
  test(`a repository whose new id becomes known by ${how} shows nothing of the former one, and then its own`, async (t) => {
    const { simulator, until, before } = await startComplete(t, instance);
    if (how !== 'a lookup of its names') {
      simulator.setFaults([
        { repository: 'crr-new', operation: 'GetRepoTagScanStatus', error: { code: 'SystemError' } },
        { operation: 'GetRepository', error: { code: 'SystemError' } },
      ]);
    }
    simulator.deleteRepository('cri-1', 'crr-old');
    simulator.addRepository('cri-1', NEW);
    const known = await until('the new id is known', isNew);
    isFresh(t, known, before);
    const failing = await until('polls of the new one fail', (page) => success(page, LATEST) === 0);
    isFresh(t, failing, before);
    simulator.setFaults([]);
    const answered = await until('it is answered', (page) => status(page, LATEST, 'failed') === 1);
    t.true(since(answered, LATEST) >= since(known, LATEST));
    t.is(answered.value('acr_scan_duration_seconds_count', { instance_id: 'cri-1' }), 0);
  });
}

test('an id that changes in the file shows nothing of the former one', async (t) => {
  const by = (id: string) => ({ repositories: [{ ...NAMES, id, tags: ['latest'] }] });
  const { simulator, configuration, app, write, page, before } = await startComplete(t, by('crr-old'));
  simulator.deleteRepository('cri-1', 'crr-old');
  simulator.addRepository('cri-1', NEW);
  write(configuration(by('crr-new')));
  t.deepEqual(await app.reload(), { problems: [] });
  isFresh(t, await page(), before);
});

test('a tag that is deleted and pushed again with another image starts anew where discovery sees it', async (t) => {
  const { simulator, until, before } = await startComplete(t, { repositories: [], discover: [{}] });
  simulator.setFaults([{ operation: 'GetRepoTagScanStatus', error: { code: 'SystemError' } }]);
  simulator.deleteTag('cri-1', 'crr-old', 'latest');
  simulator.pushTag('cri-1', 'crr-old', 'latest', { digest: DIGEST });
  const anew = await until('the other image is shown', ({ families }) =>
    (families.get('acr_scan_tag_info')?.samples ?? []).some(({ labels }) => labels.digest === DIGEST),
  );
  t.is(status(anew, LATEST, 'unknown'), 1);
  t.true(since(anew, LATEST) > since(before, LATEST));
  t.is(lastSuccess(anew, LATEST), Number.NaN);
  t.is(vulnerabilitiesOf(anew), undefined);
});

test('an instance that a reload takes out and another one puts back starts anew, also where a poll of before is under way', async (t) => {
  const { simulator, configuration, app, write, page, until, before } = await startComplete(t, BY_NAMES, {
    request_timeout: '1s',
  });
  const other = instanceAt(simulator.address, { id: 'cri-2', ...BY_NAMES });
  simulator.setFaults([{ operation: 'GetRepoTagScanStatus', hang: 'before_head' }]);
  const asked = simulator.requests().length;
  await until('a poll is under way', () => simulator.requests().length > asked);
  write({ ...configuration(BY_NAMES), instances: [other] });
  t.deepEqual(await app.reload(), { problems: [] });
  write(configuration(BY_NAMES));
  t.deepEqual(await app.reload(), { problems: [] });
  const anew = await page();
  t.is(status(anew, LATEST, 'unknown'), 1);
  t.true(since(anew, LATEST) > since(before, LATEST));
  t.is(lastSuccess(anew, LATEST), Number.NaN);
  simulator.setFaults([]);
  simulator.setStatus('cri-1', 'crr-old', 'latest', 'FAILED');
  await until('it is answered', (next) => status(next, LATEST, 'failed') === 1);
});

test('other series for each tag, and back, change nothing of what is known', async (t) => {
  const { configuration, app, write, page, before } = await startComplete(t, BY_NAMES);
  for (const per_tag of ['none', 'problems', 'full']) {
    write({ ...configuration(BY_NAMES), metrics: { per_tag } });
    t.deepEqual(await app.reload(), { problems: [] });
  }
  const after = await page();
  t.is(status(after, LATEST, 'complete'), 1);
  t.is(since(after, LATEST), since(before, LATEST));
  t.true(lastSuccess(after, LATEST) >= lastSuccess(before, LATEST));
  t.is(vulnerabilitiesOf(after), vulnerabilitiesOf(before));
});
