// The schedulers of all sets of credentials over reloads, with the real limiter, credentials and client: what a set has used of its quota
// belongs to the set, whatever the file does to its instances.
import test, { type ExecutionContext } from 'ava';
import { eventually } from '../helpers/eventually.ts';
import {
  type ConfigurationInput,
  configurationFor,
  instanceAt,
  KEY,
  LATEST,
  startExporter,
  startSimulator,
} from '../helpers/exporter.ts';
import type { ParsedPage } from '../helpers/exposition.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import { paused, success } from '../helpers/tag-series.ts';

const OWN = { access_key_id: 'LTAI-own', access_key_secret: 'own-secret' };
const IDS = ['cri-1', 'cri-2', 'cri-3'] as const;

/** Three instances with one tag each. By the file, `cri-1` and `cri-2` share a key, and `cri-3` has its own. */
async function start(t: ExecutionContext) {
  const repository = { namespace: 'shop', name: 'api', id: 'crr-1', tags: [{ tag: 'latest', status: 'COMPLETE' }] };
  const simulator = await startSimulator(t, {
    keys: [KEY, OWN],
    instances: IDS.map((id) => ({ id, repositories: [repository] })),
  });
  const shared = (id: string) => instanceAt(simulator.address, { id });
  const own = (id: string) => instanceAt(simulator.address, { id, credentials: { type: 'access_key', ...OWN } });
  const configuration = (instances: readonly ConfigurationInput[], parts: ConfigurationInput = {}) =>
    configurationFor(simulator.address, { instances, ...parts });
  // Signatures need the wall clock. Time passes only where a test lets it.
  const clock = new ManualClock(Date.now());
  const exporter = await startExporter(t, configuration([shared('cri-1'), shared('cri-2'), own('cri-3')]), { clock });
  const answered = (page: ParsedPage, ...ids: readonly string[]) => ids.every((id) => success(page, tag(id)) === 1);
  /** Lets ten milliseconds pass again and again, the time between two requests of a set, until the page is as wanted. */
  const until = (what: string, wanted: (page: ParsedPage) => boolean) =>
    eventually(what, async () => {
      await clock.advance(10);
      const page = await exporter.page();
      return wanted(page) ? page : undefined;
    });
  await until('all are answered', (page) => answered(page, ...IDS));
  const reload = async (instances: readonly ConfigurationInput[], parts: ConfigurationInput = {}) => {
    exporter.write(configuration(instances, parts));
    t.deepEqual(await exporter.app.reload(), { problems: [] });
    return exporter.page();
  };
  /** The key of each request since the one with this index, by instance. */
  const keysSince = (index: number) => {
    const pairs = simulator.requests().slice(index);
    return new Map(pairs.map(({ parameters, accessKeyId }) => [parameters.InstanceId, accessKeyId]));
  };
  return { simulator, clock, until, shared, own, reload, answered, keysSince };
}

const tag = (instance_id: string) => ({ ...LATEST, instance_id });

function setsOf(page: ParsedPage): string[] {
  return (page.families.get('acr_scheduler_running')?.samples ?? []).map(({ labels }) => labels.credentials ?? '');
}

function rate(page: ParsedPage, credentials: string, kind: 'configured' | 'current'): number | undefined {
  return page.value('acr_scheduler_rate_limit_requests_per_second', { credentials, kind });
}

const throttled = (instance: string) => [
  { instance, first: 1, error: { code: 'Throttling.User', retry_after: '100s' } },
];

test('instances that share credentials are throttled together, others are not', async (t) => {
  const { simulator, clock, until } = await start(t);
  simulator.setFaults(throttled('cri-2'));
  await clock.advance(400);
  const page = await until('it is throttled', (each) => paused(each, 'throttled') === 1);
  t.deepEqual(setsOf(page), ['default', 'cri-3']);
  t.is(paused(page, 'throttled', 'cri-3'), 0);
  t.deepEqual([rate(page, 'default', 'current'), rate(page, 'cri-3', 'current')], [50, 100]);
  const sent = simulator.requests().length;
  await clock.advance(400);
  await until('the others are polled', () => simulator.requests().length > sent);
  t.true(
    simulator
      .requests()
      .slice(sent)
      .every(({ accessKeyId }) => accessKeyId === OWN.access_key_id),
  );
});

test('credentials that a reload takes out and another one brings back have used what they had used', async (t) => {
  const { simulator, clock, until, reload, shared, own, answered } = await start(t);
  simulator.setFaults(throttled('cri-3'));
  await clock.advance(400);
  await until('it is throttled', (page) => paused(page, 'throttled', 'cri-3') === 1);
  const without = await reload([shared('cri-1'), shared('cri-2')]);
  t.deepEqual(setsOf(without), ['default']);
  const back = await reload([shared('cri-1'), shared('cri-2'), own('cri-3')]);
  t.is(paused(back, 'throttled', 'cri-3'), 1);
  t.is(rate(back, 'cri-3', 'current'), 50);
  const ofOwn = () => simulator.requests().filter(({ accessKeyId }) => accessKeyId === OWN.access_key_id).length;
  const sent = ofOwn();
  await clock.advance(90_000);
  t.is(ofOwn(), sent);
  await clock.advance(10_000);
  await until('it goes on', (page) => answered(page, 'cri-3'));
});

test('other limits hold for every set, and leave each the share that throttling has left', async (t) => {
  const { simulator, clock, until, reload, shared, own } = await start(t);
  simulator.setFaults(throttled('cri-3'));
  await clock.advance(400);
  await until('it is throttled', (page) => paused(page, 'throttled', 'cri-3') === 1);
  const limits = { rate_limit: { requests_per_second: 40, max_concurrent: 1 } };
  const page = await reload([shared('cri-1'), shared('cri-2'), own('cri-3')], limits);
  for (const set of ['default', 'cri-3']) t.is(rate(page, set, 'configured'), 40);
  t.deepEqual([rate(page, 'default', 'current'), rate(page, 'cri-3', 'current')], [40, 20]);
  t.is(paused(page, 'throttled', 'cri-3'), 1, 'a reload does not end the pause');
});

test('an instance is asked with the credentials that it has now, whichever it had before', async (t) => {
  const { simulator, clock, until, reload, shared, own, keysSince } = await start(t);
  for (const [instances, sets, keys] of [
    [
      [own('cri-1'), shared('cri-2'), shared('cri-3')],
      ['default', 'cri-1'],
      [OWN, KEY, KEY],
    ],
    [
      [own('cri-1'), own('cri-2'), own('cri-3')],
      ['cri-1', 'cri-2', 'cri-3'],
      [OWN, OWN, OWN],
    ],
    [[shared('cri-1'), shared('cri-2'), shared('cri-3')], ['default'], [KEY, KEY, KEY]],
  ] as const) {
    const page = await reload(instances);
    t.deepEqual(setsOf(page), sets);
    const sent = simulator.requests().length;
    await clock.advance(400);
    await until('all are asked again', () => keysSince(sent).size === 3);
    t.deepEqual(
      IDS.map((id) => keysSince(sent).get(id)),
      keys.map(({ access_key_id }) => access_key_id),
    );
  }
});
