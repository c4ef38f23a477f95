// Another configuration while everything runs: what is in both files keeps what is known of it.
import test, { type ExecutionContext } from 'ava';
import { largestExcess } from '../helpers/arrivals.ts';
import { eventually } from '../helpers/eventually.ts';
import {
  type ConfigurationInput,
  configurationFor,
  type ExporterOptions,
  instanceAt,
  KEY,
  LATEST,
  type RunningSimulator,
  startExporter,
  startSimulator,
  tagLabels,
} from '../helpers/exporter.ts';
import type { ParsedPage } from '../helpers/exposition.ts';
import { ManualClock } from '../helpers/manual-clock.ts';
import { lastSuccess, POLL, paused, since, status, success } from '../helpers/tag-series.ts';

const LONG = { scanning: '1h', complete: '1h', failed: '1h' };
const REPOSITORY = { namespace: 'shop', name: 'api', id: 'crr-1' };
const DIGESTS = ['a', 'b'].map((digit) => `sha256:${digit.repeat(64)}`);
const RELOADED = 'acr_scan_exporter_config_last_reload_successful';
const RELOADED_AT = 'acr_scan_exporter_config_last_reload_success_timestamp_seconds';

const SCENARIO = {
  instances: ['cri-1', 'cri-2'].map((id) => ({
    id,
    repositories: [{ ...REPOSITORY, tags: ['one', 'two', 'three'].map((tag) => ({ tag, status: 'COMPLETE' })) }],
  })),
};

/** Watches these tags of `cri-1`; nothing is polled twice within an hour. */
function watching(address: string, tags: readonly unknown[], parts: ConfigurationInput = {}): ConfigurationInput {
  const instances = [instanceAt(address, { repositories: [{ ...REPOSITORY, tags }] })];
  return configurationFor(address, { instances, intervals: LONG, ...parts });
}

/** Watches the tags `one` and `two`, both answered. */
async function startTwo(t: ExecutionContext, options: ExporterOptions = {}) {
  const simulator = await startSimulator(t, SCENARIO);
  const exporter = await startExporter(t, watching(simulator.address, ['one', 'two']), options);
  const before = await exporter.until('both are answered', (page) =>
    ['one', 'two'].every((tag) => answered(page, tag)),
  );
  return { simulator, ...exporter, before };
}

function answered(page: ParsedPage, tag: string): boolean {
  return success(page, tagLabels(tag)) === 1;
}

function pollsOf(simulator: RunningSimulator, tag: string) {
  return simulator.requests().filter(({ parameters }) => parameters.Tag === tag);
}

/** Every family that has a series with this label. */
function familiesWith(page: ParsedPage, label: string, value: string): string[] {
  return [...page.families]
    .filter(([, { samples }]) => samples.some(({ labels }) => labels[label] === value))
    .map(([name]) => name);
}

test('a tag that goes is gone from the next scrape, one that comes is polled at once, the others keep what is known', async (t) => {
  const { simulator, app, write, page, until, before } = await startTwo(t);
  write(watching(simulator.address, ['two', 'three']));
  t.deepEqual(await app.reload(), { problems: [] });
  const next = await page();
  t.deepEqual(familiesWith(next, 'tag', 'one'), []);
  t.is(status(next, tagLabels('two'), 'complete'), 1);
  const after = await until('the new one is answered', (page) => answered(page, 'three'));
  t.is(since(after, tagLabels('two')), since(before, tagLabels('two')));
  t.is(lastSuccess(after, tagLabels('two')), lastSuccess(before, tagLabels('two')));
  t.is(pollsOf(simulator, 'two').length, 1);
  t.is(
    after.value('acr_scan_tags', {
      instance_id: 'cri-1',
      repo_namespace: 'shop',
      repo_name: 'api',
      status: 'complete',
    }),
    2,
  );
  t.is(after.value(RELOADED), 1);
  t.true((after.value(RELOADED_AT) ?? 0) > (before.value(RELOADED_AT) ?? 0));
});

test('one line says what a reload has added and removed', async (t) => {
  const { simulator, app, write, log } = await startTwo(t);
  const second = instanceAt(simulator.address, { id: 'cri-2', repositories: [{ ...REPOSITORY, tags: ['three'] }] });
  const first = instanceAt(simulator.address, { repositories: [{ ...REPOSITORY, tags: ['two'] }] });
  write(configurationFor(simulator.address, { instances: [first, second] }));
  await app.reload();
  const changed =
    'tags=2 tags_added=1 tags_removed=1 repositories=2 repositories_added=1 repositories_removed=0 instances=2 instances_added=1 instances_removed=0';
  t.true(
    log.some((line) => line.endsWith(`msg="configuration reloaded" ${changed}\n`)),
    log.join(''),
  );
});

test('an invalid file changes only the metric of the last reload, until there is a valid one', async (t) => {
  const { simulator, app, write, page, before, log } = await startTwo(t);
  write('instances: 5\nintervalls: {}\n');
  const { problems } = await app.reload();
  t.is(problems.length, 2);
  t.true(
    problems.every((problem) => /config\.yml:[12]:\d+: \w+: expected .*, found /.test(problem)),
    problems.join(),
  );
  const kept = await page();
  t.is(kept.value(RELOADED), 0);
  t.is(kept.value(RELOADED_AT), before.value(RELOADED_AT));
  t.true(answered(kept, 'one') && answered(kept, 'two'));
  t.is(log.filter((line) => line.includes('level=error')).length, 2);
  write(watching(simulator.address, ['one', 'two']));
  t.deepEqual(await app.reload(), { problems: [] });
  t.is((await page()).value(RELOADED), 1);
});

test('over HTTP a reload answers 200 when the file is in force, and 500 with the problems when it is not', async (t) => {
  const { simulator, write, url, page } = await startTwo(t, { enableLifecycle: true });
  write(watching(simulator.address, ['two']));
  for (const method of ['POST', 'PUT']) t.is((await fetch(`${url}/-/reload`, { method })).status, 200);
  t.deepEqual(familiesWith(await page(), 'tag', 'one'), []);
  write('instances: []\n');
  const refused = await fetch(`${url}/-/reload`, { method: 'POST' });
  t.is(refused.status, 500);
  t.regex(await refused.text(), /config\.yml:1:\d+: instances: expected a list of at least one instance/);
  t.is((await page()).value(RELOADED), 0);
  t.is((await fetch(`${url}/-/reload`)).status, 405);
});

test('over HTTP a reload is refused with 403 unless it is allowed', async (t) => {
  const { simulator, write, url, page } = await startTwo(t);
  write(watching(simulator.address, ['two']));
  t.is((await fetch(`${url}/-/reload`, { method: 'POST' })).status, 403);
  t.true(answered(await page(), 'one'));
});

test('a tag whose digest changes starts anew', async (t) => {
  const simulator = await startSimulator(t, {
    instances: [
      {
        id: 'cri-1',
        repositories: [{ ...REPOSITORY, tags: [{ tag: 'one', status: 'COMPLETE', digest: DIGESTS[1] ?? '' }] }],
      },
    ],
  });
  const config = (digest: string | undefined) => watching(simulator.address, [{ tag: 'one', digest }]);
  const { app, write, page, until } = await startExporter(t, config(DIGESTS[1]));
  const before = await until('it is answered', (page) => answered(page, 'one'));
  simulator.setFaults([{ hang: 'before_head' }]);
  write(config(DIGESTS[0]));
  t.deepEqual(await app.reload(), { problems: [] });
  const anew = await page();
  t.is(status(anew, tagLabels('one'), 'unknown'), 1);
  t.is(success(anew, tagLabels('one')), undefined);
  t.true(since(anew, tagLabels('one')) > since(before, tagLabels('one')));
  await eventually('it is asked with the new digest', () => pollsOf(simulator, 'one')[1]);
  t.deepEqual(
    pollsOf(simulator, 'one').map(({ parameters }) => parameters.Digest),
    DIGESTS.toReversed(),
  );
});

test('a repository under another name keeps what is known of its tags', async (t) => {
  const { simulator, app, write, page, before } = await startTwo(t);
  const renamed = { ...REPOSITORY, name: 'backend', tags: ['one', 'two'] };
  write(watching(simulator.address, [], { instances: [instanceAt(simulator.address, { repositories: [renamed] })] }));
  t.deepEqual(await app.reload(), { problems: [] });
  const after = await page();
  t.deepEqual(familiesWith(after, 'repo_name', 'api'), []);
  t.is(since(after, { ...tagLabels('one'), repo_name: 'backend' }), since(before, tagLabels('one')));
  t.is(pollsOf(simulator, 'one').length, 1);
});

test('an instance that comes is polled, and one that goes takes all its series along', async (t) => {
  const { simulator, app, write, page, until } = await startTwo(t);
  const second = instanceAt(simulator.address, { id: 'cri-2', repositories: [{ ...REPOSITORY, tags: ['one'] }] });
  const both = {
    instances: [instanceAt(simulator.address, { repositories: [{ ...REPOSITORY, tags: ['one'] }] }), second],
  };
  write(watching(simulator.address, [], both));
  t.deepEqual(await app.reload(), { problems: [] });
  const polled = await until(
    'the new one is polled',
    (page) => success(page, { ...tagLabels('one'), instance_id: 'cri-2' }) === 1,
  );
  t.is(polled.value('acr_api_requests_total', { ...POLL, instance_id: 'cri-2' }), 1);
  t.is(polled.value('acr_api_request_errors_total', { ...POLL, instance_id: 'cri-2', code: 'NoPrivilege' }), 0);
  write(watching(simulator.address, [], { instances: [second] }));
  t.deepEqual(await app.reload(), { problems: [] });
  t.deepEqual(familiesWith(await page(), 'instance_id', 'cri-1'), []);
  write(watching(simulator.address, [], both));
  t.deepEqual(await app.reload(), { problems: [] });
  const back = await until('it is back', (page) => success(page, tagLabels('one')) === 1);
  t.is(back.value('acr_api_requests_total', POLL), 1, 'it counts from the start');
});

test('an instance that gets credentials of its own moves to a scheduler of its own, and back', async (t) => {
  const { simulator, app, write, page, until } = await startTwo(t);
  const own = { access_key_id: 'LTAI-own', access_key_secret: 'own-secret' };
  simulator.setKeys([KEY, own]);
  const repositories = [{ ...REPOSITORY, tags: ['one', 'two', 'three'] }];
  const credentials = { type: 'access_key', ...own };
  write(watching(simulator.address, [], { instances: [instanceAt(simulator.address, { repositories, credentials })] }));
  t.deepEqual(await app.reload(), { problems: [] });
  await until('the new tag is answered', (page) => answered(page, 'three'));
  t.deepEqual(
    pollsOf(simulator, 'three').map(({ accessKeyId }) => accessKeyId),
    ['LTAI-own'],
  );
  const moved = await page();
  t.not(familiesWith(moved, 'credentials', 'cri-1').length, 0);
  t.deepEqual(familiesWith(moved, 'credentials', 'default'), []);
  write(watching(simulator.address, ['one', 'two']));
  t.deepEqual(await app.reload(), { problems: [] });
  t.deepEqual(familiesWith(await page(), 'credentials', 'cri-1'), []);
  t.is(pollsOf(simulator, 'one').length, 1);
});

test('other credentials are tried at once where the old ones were refused', async (t) => {
  const simulator = await startSimulator(t);
  const credentials = { type: 'access_key', ...KEY };
  const wrong = { ...credentials, access_key_secret: 'wrong-secret' };
  const clock = new ManualClock(Date.now());
  const configuration = configurationFor(simulator.address, { credentials: wrong });
  const { app, write, until } = await startExporter(t, configuration, { clock });
  await until('they are refused', (page) => paused(page, 'refused') === 1);
  write(configurationFor(simulator.address, { credentials }));
  t.deepEqual(await app.reload(), { problems: [] });
  // The tag backs off for less than a second; a probe is due after 5.
  await clock.advance(1_000);
  const page = await until('it is answered', (page) => success(page, LATEST) === 1);
  t.is(paused(page, 'refused'), 0);
  const refused = simulator.requests().filter(({ code }) => code === 'SignatureDoesNotMatch');
  t.is(refused.length, 1, 'no probe was needed in between');
});

test('another endpoint is asked from then on, and the old one no more', async (t) => {
  const [old, other] = [await startSimulator(t), await startSimulator(t)];
  const { app, write, until } = await startExporter(t, configurationFor(old.address));
  const before = await until('it is answered', (page) => success(page, LATEST) === 1);
  write(configurationFor(other.address));
  t.deepEqual(await app.reload(), { problems: [] });
  const reloadedAtMs = performance.now();
  const after = await until('the other one answers', () => other.requests().length >= 2);
  t.is(since(after, LATEST), since(before, LATEST));
  t.true(old.requests().every(({ arrivedMonotonicMs }) => arrivedMonotonicMs < reloadedAtMs + 400));
});

test('another rate limit and other intervals hold from then on', async (t) => {
  const { simulator, app, write, page, until } = await startTwo(t);
  const rate = { requests_per_second: 50, max_concurrent: 2 };
  const fast = { scanning: '200ms', complete: '200ms', failed: '200ms' };
  write(watching(simulator.address, ['one', 'three'], { rate_limit: rate, intervals: fast }));
  t.deepEqual(await app.reload(), { problems: [] });
  const name = 'acr_scheduler_rate_limit_requests_per_second';
  for (const kind of ['configured', 'current']) t.is((await page()).value(name, { credentials: 'default', kind }), 50);
  await until('the new tag is polled again', () => pollsOf(simulator, 'three').length >= 3);
  await until('the kept tag does not wait for its old interval', () => pollsOf(simulator, 'one').length >= 3);
});

test('a reload in the middle of a lookup neither repeats it nor loses what it finds', async (t) => {
  const simulator = await startSimulator(t, { latency: '1s' });
  const repositories = [{ namespace: 'shop', name: 'api', tags: ['latest'] }];
  const configuration = configurationFor(simulator.address, {
    instances: [instanceAt(simulator.address, { repositories })],
  });
  const { app, until } = await startExporter(t, configuration);
  await eventually('the lookup is under way', () => simulator.requests()[0]);
  t.deepEqual(await app.reload(), { problems: [] });
  t.is(simulator.requests()[0]?.finishedMonotonicMs, null, 'it is still under way');
  await until('its tag is answered', (page) => success(page, LATEST) === 1);
  t.is(simulator.requests().filter(({ action }) => action === 'GetRepository').length, 1);
});

test('the answer for a tag that a reload removed meanwhile is dropped, and one that came back is asked alone', async (t) => {
  const simulator = await startSimulator(t, { ...SCENARIO, latency: '1s' });
  const { app, write, page, until } = await startExporter(t, watching(simulator.address, ['one', 'two']));
  await eventually('both are under way', () => (simulator.requests().length === 2 ? true : undefined));
  for (const tags of [['two'], ['one', 'two']]) {
    write(watching(simulator.address, tags));
    t.deepEqual(await app.reload(), { problems: [] });
    t.is(familiesWith(await page(), 'tag', 'one').length > 0, tags.length === 2);
  }
  await until('it is answered', (page) => answered(page, 'one'));
  const [first, second] = pollsOf(simulator, 'one');
  t.is(pollsOf(simulator, 'one').length, 2);
  t.true((second?.arrivedMonotonicMs ?? 0) >= (first?.finishedMonotonicMs ?? Number.POSITIVE_INFINITY));
});

test('a reload neither ends a pause that the API asked for nor gives back the rate', async (t) => {
  const simulator = await startSimulator(t, {
    faults: [{ first: 1, error: { code: 'Throttling.User', retry_after: '6s' } }],
  });
  const clock = new ManualClock(Date.now());
  const { app, write, until, page } = await startExporter(t, configurationFor(simulator.address), { clock });
  await until('it is paused', (page) => paused(page, 'throttled') === 1);
  write(configurationFor(simulator.address, { rate_limit: { requests_per_second: 40, max_concurrent: 8 } }));
  t.deepEqual(await app.reload(), { problems: [] });
  const after = await page();
  t.is(paused(after, 'throttled'), 1);
  t.is(after.value('acr_scheduler_rate_limit_requests_per_second', { credentials: 'default', kind: 'current' }), 20);
  await clock.advance(5_999);
  t.is(paused(await page(), 'throttled'), 1);
  t.is(simulator.requests().length, 1);
  await clock.advance(1);
  await until('it goes on', (page) => success(page, LATEST) === 1);
});

test('reloads that come together take their turns, and the last file is in force', async (t) => {
  let reading = 0;
  let most = 0;
  const { simulator, app, write, page, until } = await startTwo(t, {
    beforeLoading: async () => {
      most = Math.max(most, ++reading);
      await new Promise((resolve) => setImmediate(resolve));
      reading -= 1;
    },
  });
  const results = Array.from({ length: 10 }, () => app.reload());
  write(watching(simulator.address, ['three']));
  results.push(app.reload());
  t.true((await Promise.all(results)).every(({ problems }) => problems.length === 0));
  t.is(most, 1);
  t.deepEqual(familiesWith(await page(), 'tag', 'one'), []);
  await until('the new one is answered', (page) => answered(page, 'three'));
  t.true(largestExcess(simulator.requests(), 100) <= 3);
});

for (const [name, instance] of [
  ['lists', { repositories: [{ ...REPOSITORY, tags: ['one', 'two'] }] }],
  ['discovers', { repositories: undefined, discover: [{ tags: ['one', 'two'] }] }],
] as const) {
  test(`vulnerabilities are asked for, and not shown any more, when a reload says so of tags that it ${name}`, async (t) => {
    const simulator = await startSimulator(t, SCENARIO);
    const asking = (vulnerabilities: boolean) =>
      configurationFor(simulator.address, { vulnerabilities, instances: [instanceAt(simulator.address, instance)] });
    const high = (page: ParsedPage) =>
      ['one', 'two'].map((tag) => page.value('acr_scan_tag_vulnerabilities', { ...tagLabels(tag), severity: 'high' }));
    const { app, write, page, until } = await startExporter(t, asking(false));
    const before = await until('both are answered', (page) => ['one', 'two'].every((tag) => answered(page, tag)));
    t.deepEqual(high(before), [undefined, undefined]);
    write(asking(true));
    t.deepEqual(await app.reload(), { problems: [] });
    const asked = await until('both are asked', (page) => !high(page).includes(undefined));
    t.is(since(asked, tagLabels('one')), since(before, tagLabels('one')), 'what is known of a tag stays');
    write(asking(false));
    t.deepEqual(await app.reload(), { problems: [] });
    t.deepEqual(high(await page()), [undefined, undefined]);
  });
}

test('metrics.per_tag of a reload holds from the next scrape, and nothing that is known is lost by it', async (t) => {
  const tags = [
    { tag: 'good', status: 'COMPLETE' as const },
    { tag: 'bad', status: 'FAILED' as const },
  ];
  const simulator = await startSimulator(t, {
    instances: [{ id: 'cri-1', repositories: [{ ...REPOSITORY, tags }] }],
  });
  const showing = (per_tag: string) => watching(simulator.address, ['good', 'bad'], { metrics: { per_tag } });
  const { write, url, page, until } = await startExporter(t, showing('full'), { enableLifecycle: true });
  const full = await until('both are answered', (page) => answered(page, 'good') && answered(page, 'bad'));
  const isShown = (page: ParsedPage) => ['good', 'bad'].map((tag) => familiesWith(page, 'tag', tag).length > 0);
  const repository = { instance_id: 'cri-1', repo_namespace: 'shop', repo_name: 'api' };
  const counts = (page: ParsedPage) =>
    ['complete', 'failed'].map((status) => page.value('acr_scan_tags', { ...repository, status }));
  for (const [per_tag, expected] of [
    ['problems', [false, true]],
    ['none', [false, false]],
    ['problems', [false, true]],
    ['full', [true, true]],
    ['none', [false, false]],
    ['full', [true, true]],
  ] as const) {
    write(showing(per_tag));
    t.is((await fetch(`${url}/-/reload`, { method: 'POST' })).status, 200);
    const next = await page();
    t.deepEqual(isShown(next), expected, per_tag);
    t.deepEqual(counts(next), [1, 1], per_tag);
  }
  const last = await page();
  for (const tag of ['good', 'bad']) {
    t.deepEqual(familiesWith(last, 'tag', tag), familiesWith(full, 'tag', tag));
    t.is(since(last, tagLabels(tag)), since(full, tagLabels(tag)));
    t.is(lastSuccess(last, tagLabels(tag)), lastSuccess(full, tagLabels(tag)));
    t.is(pollsOf(simulator, tag).length, 1);
  }
});

test('an error of our own code in a reload is counted and logged, and the next reload works', async (t) => {
  const simulator = await startSimulator(t, SCENARIO);
  let isBroken = true;
  const { app, page, log } = await startExporter(t, watching(simulator.address, ['one']), {
    beforeLoading: async () => {
      if (isBroken) throw new TypeError('of our own');
    },
  });
  const errors = async () => (await page()).value('acr_scan_exporter_internal_errors_total', { component: 'reload' });
  t.is(await errors(), 0);
  t.deepEqual(await app.reload(), { problems: ['TypeError: of our own'] });
  t.is(await errors(), 1);
  t.is((await page()).value(RELOADED), 0);
  t.regex(log.join(''), /level=error msg="internal error" component=reload error="TypeError: of our own"/);
  isBroken = false;
  t.deepEqual(await app.reload(), { problems: [] });
  t.is((await page()).value(RELOADED), 1);
});

test('a reload that an error of the exporter itself stops leaves the old file in force', async (t) => {
  let isBroken = false;
  const random = () => {
    if (isBroken) throw new RangeError('a defect');
    return 0;
  };
  const { simulator, app, write, page, until, before, log } = await startTwo(t, { random });
  isBroken = true;
  // The last that a reload does is to bring polls forward, which takes a random number.
  write(watching(simulator.address, ['two', 'three'], { intervals: { ...LONG, complete: '30m' } }));
  const { problems } = await app.reload();
  t.is(problems.length, 1);
  t.true(log.some((line) => line.includes('a defect')));
  const after = await page();
  t.deepEqual(tagsOn(after), ['one', 'two']);
  t.is(since(after, tagLabels('two')), since(before, tagLabels('two')));
  t.is(after.value(RELOADED), 0);
  t.is(after.value(RELOADED_AT), before.value(RELOADED_AT));
  isBroken = false;
  await until('the tag that was taken out and put back is answered', (next) => answered(next, 'one'));
  t.deepEqual(await app.reload(), { problems: [] });
  t.deepEqual(tagsOn(await page()), ['three', 'two']);
});

function tagsOn({ families }: ParsedPage): string[] {
  return (families.get('acr_scan_tag_status')?.samples ?? []).map(({ labels }) => labels.tag ?? '').sort();
}
