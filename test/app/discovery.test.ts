// Discovery against the real simulator over HTTP: pages that fail or lie, repositories that go, what the page shows of it all.
import test, { type ExecutionContext } from 'ava';
import { type ConfigurationInput, configurationFor, startExporter, startSimulator } from '../helpers/exporter.ts';
import type { ParsedPage } from '../helpers/exposition.ts';

const INSTANCE = { instance_id: 'cri-1' };
const SUCCESS = 'acr_discovery_last_success_timestamp_seconds';

const repository = (name: string, count: number) => ({
  namespace: 'shop',
  name,
  id: `crr-${name}`,
  tags: [{ count, name: 'v{n}', status: 'COMPLETE' }],
});

async function start(
  t: ExecutionContext,
  repositories: ReturnType<typeof repository>[],
  paging: 'tokens' | 'pages' = 'tokens',
) {
  const simulator = await startSimulator(t, { instances: [{ id: 'cri-1', paging, repositories }] });
  const configuration = (parts: ConfigurationInput = {}) =>
    configurationFor(simulator.address, {
      instances: [{ id: 'cri-1', region: 'cn-hangzhou', endpoint: `http://${simulator.address}`, discover: [{}] }],
      rate_limit: { requests_per_second: 1_000, max_concurrent: 8 },
      intervals: { scanning: '1h', complete: '1h', failed: '1h' },
      discovery_interval: '300ms',
      vulnerabilities: true,
      ...parts,
    });
  const exporter = await startExporter(t, configuration(), { logLevel: 'info', enableLifecycle: true });
  /** Puts these parts in force, and gives the next page. */
  const reload = async (parts: ConfigurationInput) => {
    exporter.write(configuration(parts));
    t.is((await fetch(`${exporter.url}/-/reload`, { method: 'POST' })).status, 200);
    return exporter.page();
  };
  /** A page of after a pass that began later than now and succeeded. */
  const afterPass = async () => {
    const before = (await exporter.page()).value(SUCCESS, INSTANCE) ?? 0;
    const ended = (page: ParsedPage) => page.value(SUCCESS, INSTANCE) ?? 0;
    const first = await exporter.until('a pass succeeds', (page) => ended(page) > before);
    return exporter.until('the next pass succeeds', (page) => ended(page) > ended(first));
  };
  return { simulator, exporter, reload, afterPass };
}

function shown(page: ParsedPage): string[] {
  const samples = page.families.get('acr_scan_tag_status')?.samples ?? [];
  return samples.map(({ labels }) => `${labels.repo_name}:${labels.tag}`).sort();
}

const all = (name: string, count: number) => Array.from({ length: count }, (_, index) => `${name}:v${index + 1}`);

test('while page 3 of 5 fails nothing of that repository goes, and the failure is counted; then what is gone goes', async (t) => {
  const { simulator, exporter, afterPass } = await start(t, [repository('api', 450), repository('web', 3)]);
  t.deepEqual(shown(await afterPass()), [...all('api', 450), ...all('web', 3)].sort());
  simulator.setFaults([{ operation: 'ListRepoTag', repository: 'shop/api', page: 3, error: { code: 'NoPrivilege' } }]);
  simulator.deleteTag('cri-1', 'crr-api', 'v7');
  simulator.deleteTag('cri-1', 'crr-web', 'v3');
  const failures = { ...INSTANCE, action: 'ListRepoTag', code: 'NoPrivilege' };
  const failing = await exporter.until(
    'two passes have failed',
    (page) => (page.value('acr_api_request_errors_total', failures) ?? 0) >= 2,
  );
  t.deepEqual(shown(failing), [...all('api', 450), ...all('web', 2)].sort(), 'the other repository is followed');
  simulator.setFaults([]);
  const healed = await afterPass();
  t.deepEqual(shown(healed), [...all('api', 450), ...all('web', 2)].filter((name) => name !== 'api:v7').sort());
});

for (const paging of ['tokens', 'pages'] as const) {
  test(`with ${paging} a pass finds every tag and what goes, and asks for what is listed normally`, async (t) => {
    const { simulator, afterPass } = await start(t, [repository('api', 250)], paging);
    t.deepEqual(shown(await afterPass()), all('api', 250).sort());
    simulator.deleteTag('cri-1', 'crr-api', 'v7');
    t.deepEqual(
      shown(await afterPass()),
      all('api', 250)
        .filter((name) => name !== 'api:v7')
        .sort(),
    );
    const lists = simulator.requests().filter(({ action }) => action === 'ListRepoTag');
    const following = lists.filter(({ parameters }) => parameters.RepoId === 'crr-api' && parameters.PageNo !== '1');
    t.true(following.length >= 4);
    t.true(following.every(({ parameters }) => (parameters.NextToken !== undefined) === (paging === 'tokens')));
    const [repositories] = simulator.requests().filter(({ action }) => action === 'ListRepository');
    t.like(repositories?.parameters, { RepoStatus: 'NORMAL', MaxResults: '100', PageNo: '1', PageSize: '100' });
  });
}

for (const total of [0, 7, 100_000]) {
  test(`totals that say ${total} remove and double nothing`, async (t) => {
    const { simulator, afterPass } = await start(t, [repository('api', 250)]);
    await afterPass();
    simulator.setFaults([
      { operation: 'ListRepoTag', total_count: total },
      { operation: 'ListRepository', total_count: total },
    ]);
    await afterPass();
    t.deepEqual(shown(await afterPass()), all('api', 250).sort());
  });
}

test('a repository that is deleted goes, one that comes is found, and an instance without any is no failure', async (t) => {
  const { simulator, afterPass } = await start(t, [repository('api', 2)]);
  t.deepEqual(shown(await afterPass()), all('api', 2));
  simulator.addRepository('cri-1', repository('new', 1));
  t.deepEqual(shown(await afterPass()), [...all('api', 2), ...all('new', 1)]);
  simulator.deleteRepository('cri-1', 'crr-api');
  simulator.deleteRepository('cri-1', 'crr-new');
  const empty = await afterPass();
  t.deepEqual(shown(empty), []);
  t.is(empty.value('acr_discovery_tags', INSTANCE), 0);
  t.false(empty.families.has('acr_scan_vulnerabilities'));
});

test('vulnerabilities on the page are those of the simulator, and vanish with the image they were found in', async (t) => {
  const { simulator, exporter } = await start(t, [repository('api', 5)]);
  const numbersOf = (page: ParsedPage, tag: string) =>
    (page.families.get('acr_scan_tag_vulnerabilities')?.samples ?? [])
      .filter(({ labels }) => labels.tag === tag)
      .map(({ labels, value }) => [labels.severity, value]);
  const page = await exporter.until('all have numbers', (each) => {
    return each.families.get('acr_scan_tag_vulnerabilities')?.samples.length === 20;
  });
  let high = 0;
  for (const { tag, vulnerabilities } of simulator.state()) {
    t.deepEqual(Object.fromEntries(numbersOf(page, tag)), { ...vulnerabilities }, tag);
    high += vulnerabilities?.high ?? 0;
  }
  const api = { ...INSTANCE, repo_namespace: 'shop', repo_name: 'api' };
  t.is(page.value('acr_scan_vulnerabilities', { ...api, severity: 'high' }), high);
  simulator.setFaults([{ operation: 'GetRepoTagScanSummary', error: { code: 'NoPrivilege' } }]);
  simulator.pushTag('cri-1', 'crr-api', 'v1', { digest: `sha256:${'ef'.repeat(32)}` });
  const pushed = await exporter.until(
    'the new image is complete and its numbers cannot be had',
    (each) =>
      (each.value('acr_api_request_errors_total', {
        ...INSTANCE,
        action: 'GetRepoTagScanSummary',
        code: 'NoPrivilege',
      }) ?? 0) > 0,
  );
  t.deepEqual(numbersOf(pushed, 'v1'), []);
  t.is(pushed.value('acr_scan_tag_poll_success', { ...api, tag: 'v1' }), 1, 'that is not the poll’s failure');
  t.is(numbersOf(pushed, 'v2').length, 4);
});

test('max_tags of a reload holds from the next scrape when it is lower, and from the next pass when it is higher', async (t) => {
  const { exporter, reload, afterPass } = await start(t, [repository('api', 6)]);
  const TRUNCATED = 'acr_discovery_truncated';
  t.is((await afterPass()).value(TRUNCATED, INSTANCE), 0);
  const fewer = await reload({ max_tags: 2 });
  t.is(shown(fewer).length, 2);
  t.is(fewer.value(TRUNCATED, INSTANCE), 1);
  t.is(fewer.value('acr_discovery_tags', INSTANCE), 2);
  const aggregate = { ...INSTANCE, repo_namespace: 'shop', repo_name: 'api' };
  const counted = (page: ParsedPage) =>
    ['scanning', 'retrying', 'complete', 'failed', 'not_scanned', 'unknown'].reduce(
      (sum, status) => sum + (page.value('acr_scan_tags', { ...aggregate, status }) ?? 0),
      0,
    );
  t.is(counted(fewer), 2);
  t.is(shown(await afterPass()).length, 2, 'and passes keep to it');
  await reload({ max_tags: 100 });
  const more = await exporter.until('none is left out', (page) => page.value(TRUNCATED, INSTANCE) === 0);
  t.deepEqual(shown(more), all('api', 6));
  t.is(counted(more), 6);
  const told = exporter.log.filter((line) => /more tags were found than|all found tags are watched again/.test(line));
  t.is(told.length, 2, told.join(''));
});
