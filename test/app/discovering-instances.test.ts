// Several instances that are discovered at once, by the real scheduler, limiter, credentials and client: each on its own.
import test from 'ava';
import { configurationFor, KEY, startExporter, startSimulator } from '../helpers/exporter.ts';
import type { ParsedPage } from '../helpers/exposition.ts';

const OWN = { access_key_id: 'LTAI-own', access_key_secret: 'own-secret' };
/** By the file, the first two share a key, and the third has its own. */
const IDS = ['cri-1', 'cri-2', 'cri-3'];

test('several instances are discovered at once, each by its own rules and credentials, and a failure of one disturbs none of the others', async (t) => {
  // The same ids and names in all of them.
  const repositories = ['api', 'web'].map((name) => {
    return { namespace: 'shop', name, id: `crr-${name}`, tags: [{ count: 150, name: 'v{n}', status: 'COMPLETE' }] };
  });
  const simulator = await startSimulator(t, {
    keys: [KEY, OWN],
    instances: IDS.map((id) => ({ id, repositories })),
    faults: [{ instance: 'cri-2', operation: 'ListRepoTag', repository: 'crr-web', error: { code: 'SystemError' } }],
  });
  const instance = (id: string, parts: object) => {
    return { id, region: 'cn-hangzhou', endpoint: `http://${simulator.address}`, ...parts };
  };
  const configuration = configurationFor(simulator.address, {
    rate_limit: { requests_per_second: 1_000, max_concurrent: 4 },
    intervals: { scanning: '1h', complete: '1h', failed: '1h' },
    discovery_interval: '300ms',
    backoff: { initial: '10ms', max: '10ms' },
    instances: [
      instance('cri-1', { discover: [{ repositories: ['api'] }] }),
      instance('cri-2', { discover: [{}] }),
      instance('cri-3', { discover: [{ newest: 7 }], credentials: { type: 'access_key', ...OWN } }),
    ],
  });
  const { until } = await startExporter(t, configuration, { logLevel: 'info' });
  const failing = await until('the tags of all are found, and one fails', (page) => {
    return tagsOf(page).join() === '150,150,14' && ['cri-1', 'cri-3'].every((id) => succeeded(page, id) !== undefined);
  });
  t.is(succeeded(failing, 'cri-2'), undefined);

  simulator.deleteTag('cri-1', 'crr-api', 'v1');
  simulator.pushTag('cri-3', 'crr-api', 'new');
  const changed = await until('what changed shows', (page) => {
    return tagsOf(page).join() === '149,150,14' && namesOf(page, 'cri-3').includes('api:new');
  });
  t.false(namesOf(changed, 'cri-1').includes('api:v1'));
  t.true(namesOf(changed, 'cri-2').includes('api:v1'), 'the same tag of another instance stays');
  t.false(namesOf(changed, 'cri-2').includes('api:new'));

  simulator.setFaults([]);
  const healed = await until('the failing one succeeds', (page) => tagsOf(page).join() === '149,300,14');
  t.deepEqual(
    IDS.map((id) => healed.value('acr_discovery_tags', { instance_id: id })),
    [149, 300, 14],
  );
  const keys = new Map(IDS.map((id) => [id, new Set<string>()]));
  for (const { parameters, accessKeyId } of simulator.requests())
    keys.get(parameters.InstanceId ?? '')?.add(accessKeyId);
  t.deepEqual(
    [...keys.values()].map((each) => [...each].join()),
    [KEY.access_key_id, KEY.access_key_id, OWN.access_key_id],
  );
});

/** When the last run that listed everything ended. */
function succeeded(page: ParsedPage, instance_id: string): number | undefined {
  return page.value('acr_discovery_last_success_timestamp_seconds', { instance_id });
}

/** The watched tags of an instance as `REPOSITORY:TAG`. */
function namesOf(page: ParsedPage, instanceId: string): string[] {
  const samples = page.families.get('acr_scan_tag_status')?.samples ?? [];
  return samples
    .filter(({ labels }) => labels.instance_id === instanceId)
    .map(({ labels }) => `${labels.repo_name}:${labels.tag}`);
}

/** How many tags of each instance are watched. */
function tagsOf(page: ParsedPage): number[] {
  return IDS.map((id) => namesOf(page, id).length);
}
