// Sets of credentials that come and go, over the real scheduler, limiter, credentials and SDK; the quota that they use is measured.
import test, { type ExecutionContext } from 'ava';
import { type Clock, systemClock } from '../../src/util/clock.ts';
import { COMPONENTS } from '../../src/util/internal-errors.ts';
import { largestExcess } from '../helpers/arrivals.ts';
import {
  type ConfigurationInput,
  configurationFor,
  instanceAt,
  KEY,
  startExporter,
  startSimulator,
} from '../helpers/exporter.ts';
import type { ParsedPage } from '../helpers/exposition.ts';
import { SECOND_KEY } from '../helpers/two-sets.ts';

const WRONG = { type: 'access_key', access_key_id: SECOND_KEY.access_key_id, access_key_secret: 'mistyped' };
const RIGHT = { type: 'access_key', ...SECOND_KEY };

/** Two instances with so many tags each, of which the second may have credentials of its own. */
async function start(t: ExecutionContext, size: number, limits: ConfigurationInput = {}) {
  const names = Array.from({ length: size }, (_, index) => `v${index}`);
  const tags = names.map((tag) => ({ tag, status: 'COMPLETE' }));
  const repository = { namespace: 'shop', name: 'api', id: 'crr-1', tags };
  const simulator = await startSimulator(t, {
    instances: ['cri-1', 'cri-2'].map((id) => ({ id, repositories: [repository] })),
    keys: [KEY, SECOND_KEY],
  });
  const repositories = [{ namespace: 'shop', name: 'api', id: 'crr-1', tags: names }];
  const first = instanceAt(simulator.address, { repositories });
  const second = (credentials: ConfigurationInput) =>
    instanceAt(simulator.address, { id: 'cri-2', repositories, credentials });
  const only = configurationFor(simulator.address, { ...limits, instances: [first] });
  const both = (credentials: ConfigurationInput) =>
    configurationFor(simulator.address, { ...limits, instances: [first, second(credentials)] });
  return { simulator, only, both };
}

function answered(page: ParsedPage, instanceId: string): number {
  const { samples = [] } = page.families.get('acr_scan_tag_poll_success') ?? {};
  return samples.filter(({ labels, value }) => labels.instance_id === instanceId && value === 1).length;
}

test('an instance whose own credentials are refused is polled when it comes back with the right secret', async (t) => {
  const { both, only } = await start(t, 12);
  const { app, write, page, until, url, log } = await startExporter(t, both(WRONG));
  await until(
    'the refusal shows',
    (shown) => shown.value('acr_scheduler_paused', { credentials: 'cri-2', reason: 'refused' }) === 1,
  );
  write(only);
  t.deepEqual(await app.reload(), { problems: [] });
  const without = await page();
  t.is(without.value('acr_scheduler_running', { credentials: 'cri-2' }), undefined);
  // What was under way ends meanwhile, and the loop of the set has nothing more to do.
  await until('polls of the first instance', (shown) => answered(shown, 'cri-1') === 12);
  write(both(RIGHT));
  t.deepEqual(await app.reload(), { problems: [] });
  const back = await until('every tag is answered', (shown) => answered(shown, 'cri-2') === 12);
  t.is(back.value('acr_scheduler_running', { credentials: 'cri-2' }), 1);
  t.is((await fetch(`${url}/-/ready`)).status, 200);
  for (const component of COMPONENTS) {
    t.is(back.value('acr_scan_exporter_internal_errors_total', { component }), 0);
  }
  t.false(log.join('').includes('internal error'));
});

test('an instance that is taken out with a backlog under good credentials is polled when it comes back', async (t) => {
  // So many that taking them out lets the event loop turn, and with it the scheduler.
  const limits = { rate_limit: { requests_per_second: 20, max_concurrent: 2 } };
  const { both, only, simulator } = await start(t, 3_000, limits);
  const { app, write, until, log } = await startExporter(t, both(RIGHT));
  for (let round = 0; round < 3; round++) {
    await until('answers', (shown) => answered(shown, 'cri-2') >= 5);
    write(only);
    await app.reload();
    write(both(RIGHT));
    await app.reload();
  }
  await until('answers', (shown) => answered(shown, 'cri-2') >= 5);
  t.false(log.join('').includes('internal error'));
  const sent = simulator.requests().filter(({ accessKeyId }) => accessKeyId === SECOND_KEY.access_key_id);
  const excess = largestExcess(sent, 20);
  t.true(excess <= 2, `a set that comes back has no fresh quota: ${excess} more than rate × T`);
});

test('ten sets of credentials come and go without a warning of the runtime', async (t) => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => void warnings.push(warning);
  process.on('warning', onWarning);
  t.teardown(() => process.off('warning', onWarning));
  const ids = Array.from({ length: 10 }, (_, index) => `cri-${index}`);
  const repository = { namespace: 'shop', name: 'api', id: 'crr-1', tags: [{ tag: 'latest', status: 'COMPLETE' }] };
  const instances = ids.map((id) => ({ id, repositories: [repository] }));
  const simulator = await startSimulator(t, { instances });
  const credentials = { type: 'access_key', ...KEY };
  const all = configurationFor(simulator.address, {
    instances: ids.map((id) => instanceAt(simulator.address, { id, credentials })),
  });
  const { app, write, until } = await startExporter(t, all);
  for (let round = 0; round < 3; round++) {
    await until('all are answered', (page) => ids.every((id) => answered(page, id) === 1));
    write(configurationFor(simulator.address));
    await app.reload();
    write(all);
    await app.reload();
  }
  t.deepEqual(warnings, []);
});

test('two instances go on being listed over reloads of an unchanged file at any moment', async (t) => {
  const tags = Array.from({ length: 1_200 }, (_, index) => ({ tag: `v${index}`, status: 'COMPLETE' }));
  const ids = ['cri-1', 'cri-2'];
  const simulator = await startSimulator(t, {
    instances: ids.map((id) => ({ id, repositories: [{ namespace: 'shop', name: 'api', id: 'crr-1', tags }] })),
  });
  const discover = [{ namespaces: ['*'] }];
  const instances = ids.map((id) => instanceAt(simulator.address, { id, repositories: [], discover }));
  const { app, until } = await startExporter(
    t,
    configurationFor(simulator.address, { discovery_interval: '1s', instances }),
  );
  const lists = (id: string) =>
    simulator
      .requests()
      .filter(({ action, parameters }) => action === 'ListRepository' && parameters.InstanceId === id);
  await until('both are listed', () => ids.every((id) => lists(id).length > 0));
  for (let reloads = 0; reloads < 60; reloads++) t.deepEqual(await app.reload(), { problems: [] });
  const before = ids.map((id) => lists(id).length);
  await until('both are listed again', () => ids.every((id, index) => lists(id).length > (before[index] ?? 0)));
});

test('while the scheduler of a set does not run it is not ready, metrics and log say so, and then it goes on', async (t) => {
  const { only } = await start(t, 12, { intervals: { scanning: '1h', complete: '1h', failed: '1h' } });
  let broken = false;
  // Only a scheduler that has nothing to do for long sleeps for so long.
  const clock: Clock = {
    ...systemClock,
    sleep: (ms, signal) =>
      broken && ms > 600_000 ? Promise.reject(new TypeError('no sleep')) : systemClock.sleep(ms, signal),
  };
  const { app, until, url, log } = await startExporter(t, only, { clock });
  const readiness = async () => (await fetch(`${url}/-/ready`)).status;
  await until('every tag is answered', (page) => answered(page, 'cri-1') === 12);
  t.is(await readiness(), 200);
  broken = true;
  await app.reload();
  await until('it does not run', (page) => page.value('acr_scheduler_running', { credentials: 'default' }) === 0);
  t.is(await readiness(), 503);
  broken = false;
  const page = await until(
    'it runs',
    (shown) => shown.value('acr_scheduler_running', { credentials: 'default' }) === 1,
  );
  t.is(await readiness(), 200);
  t.true((page.value('acr_scan_exporter_internal_errors_total', { component: 'scheduler' }) ?? 0) >= 1);
  t.is(log.filter((line) => line.includes('msg="internal error"')).length, 1);
});
