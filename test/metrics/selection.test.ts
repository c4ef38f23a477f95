// Parts of the page: families by name, series by instance.
import { gunzipSync } from 'node:zlib';
import test from 'ava';
import { Exposition } from '../../src/metrics/exposition.ts';
import { SelfMetrics } from '../../src/metrics/self-metrics.ts';
import { REPOSITORY_FAMILIES, TAG_FAMILIES } from '../../src/metrics/tag-families.ts';
import type { ExpositionFormat, PageSelection } from '../../src/model/metrics-page.ts';
import type { Repository, Target } from '../../src/model/target.ts';
import { StateStore } from '../../src/state/store.ts';
import { readSelection } from '../../src/web/request.ts';

const NOW_MS = 1_795_480_000_000;

function setUp() {
  const own = new SelfMetrics({
    schedulers: () => [],
    discoveries: () => [],
    events: () => [],
    saves: () => undefined,
    droppedLogLines: () => 0,
    processMetrics: false,
  });
  own.setInstances(['cri-1', 'cri-2']);
  const exposition = new Exposition(own);
  const store = new StateStore(exposition);
  const repositories = new Map<string, Repository>();
  const repositoryOf = (instanceId: string, name: string): Repository => {
    const known = repositories.get(`${instanceId} ${name}`);
    if (known) return known;
    const repository = { instanceId, namespace: 'shop', name, id: '', domain: '', vulnerabilities: true };
    repositories.set(`${instanceId} ${name}`, repository);
    return repository;
  };
  const add = (instanceId: string, name: string, tag: string, onRead = () => {}) => {
    const target: Target = {
      repository: repositoryOf(instanceId, name),
      get tag() {
        onRead();
        return tag;
      },
      digest: '',
      scanTaskId: '',
    };
    return store.add(target, NOW_MS);
  };
  /** The part of the page for a query. */
  const part = async (query: string, format: ExpositionFormat = 'text', gzip = false) => {
    const selection: PageSelection = readSelection(new URLSearchParams(query));
    const { chunks, length, done } = await exposition.scrape({ format, gzip, selection });
    const bytes = Buffer.concat(chunks);
    if (bytes.length !== length) throw new Error(`expected ${length} bytes, found ${bytes.length}`);
    done();
    return (gzip ? gunzipSync(bytes) : bytes).toString();
  };
  return { exposition, store, add, part };
}

/** The names in the TYPE lines. */
function familiesOf(page: string): string[] {
  return [...page.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name ?? '');
}

test('name[] selects whole families by their names, once or several times, of the tags and of the exporter', async (t) => {
  const { add, part } = setUp();
  add('cri-1', 'api', 'v1');
  t.deepEqual(familiesOf(await part('name[]=acr_scan_tags')), ['acr_scan_tags']);
  const several = 'name[]=acr_api_requests_total&name[]=acr_scan_tag_status&name[]=acr_scan_duration_seconds';
  const page = await part(several);
  t.deepEqual(familiesOf(page), ['acr_scan_tag_status', 'acr_scan_duration_seconds', 'acr_api_requests_total']);
  t.true(page.includes('acr_scan_duration_seconds_bucket{instance_id="cri-1",le="15"} 0\n'));
  t.deepEqual(familiesOf(await part(several, 'openmetrics')).at(-1), 'acr_api_requests');
  const every = [...REPOSITORY_FAMILIES, ...TAG_FAMILIES].map(({ name }) => `name[]=${name}`).join('&');
  t.true((await part('')).startsWith(await part(every)));
});

test('a name that no family has, also that of a sample, gives an empty page in every format', async (t) => {
  const { add, part } = setUp();
  add('cri-1', 'api', 'v1');
  for (const name of ['nonsense', '', 'acr_scan_duration_seconds_bucket', 'acr_api_requests', 'ACR_SCAN_TAGS']) {
    t.is(await part(`name[]=${name}`), '', name);
    t.is(await part(`name[]=${name}`, 'openmetrics'), '# EOF\n', name);
    t.is(await part(`name[]=${name}`, 'text', true), '', name);
  }
});

test('instance_id selects the series of instances, and none without that label', async (t) => {
  const { add, part } = setUp();
  // More rows than a block has, of both instances in turn.
  for (let index = 0; index < 100; index++) for (const id of ['cri-1', 'cri-2']) add(id, 'api', `v${index}`);
  const lines = (page: string) => page.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const whole = lines(await part(''));
  for (const gzip of [false, true]) {
    const own = lines(await part('instance_id=cri-1', 'text', gzip));
    t.deepEqual(
      own,
      whole.filter((line) => line.includes('{instance_id="cri-1"')),
    );
    t.is(lines(await part('instance_id=cri-1&name[]=acr_scan_tag_status', 'text', gzip)).length, 100);
  }
  t.is(lines(await part('instance_id=cri-1&instance_id=cri-2&name[]=acr_scan_tag_status')).length, 200);
  t.is(await part('instance_id=cri-9'), '');
  t.is(await part('instance_id='), '');
});

test('a part during a reload is that of the held page', async (t) => {
  const { exposition, add, part, store } = setUp();
  const tag = add('cri-1', 'api', 'v1');
  await exposition.holdDuring(async () => {
    store.remove(tag);
    add('cri-2', 'api', 'v2');
    t.regex(await part('name[]=acr_scan_tag_status'), /tag="v1"/);
    t.regex(await part('instance_id=cri-1'), /tag="v1"/);
    t.notRegex(await part('instance_id=cri-2'), /tag="v2"/);
  });
  t.is(await part('instance_id=cri-1&name[]=acr_scan_tag_status'), '');
  t.regex(await part('instance_id=cri-2'), /tag="v2"/);
});

test('a scrape of sums renders no tag, not even one that has changed, and the next whole scrape renders it', async (t) => {
  const { add, part } = setUp();
  let reads = 0;
  for (let index = 0; index < 200; index++) add('cri-1', 'api', `v${index}`, () => reads++);
  reads = 0;
  t.regex(await part('name[]=acr_scan_tags'), /status="unknown"\} 200\n/);
  t.is(reads, 0);
  const [sums, whole] = await Promise.all([part('name[]=acr_scan_tags'), part('')]);
  t.regex(sums, /status="unknown"\} 200\n/);
  t.is(whole.match(/^acr_scan_tag_status\{/gm)?.length, 200);
  t.true(reads > 0);
});
