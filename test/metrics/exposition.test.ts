import { gunzipSync } from 'node:zlib';
import test from 'ava';
import { Exposition, type ScrapeRequest, type SelfFamilies } from '../../src/metrics/exposition.ts';
import type { Repository, Target } from '../../src/model/target.ts';
import { StateStore } from '../../src/state/store.ts';
import { YieldEvery } from '../../src/util/yield-every.ts';
import { parsePage } from '../helpers/exposition.ts';
import { naiveLines } from '../helpers/naive-page.ts';

const NOW_MS = 1_795_480_000_000;
const noOwn: SelfFamilies = { render: async () => '' };
const PLAIN: ScrapeRequest = { format: 'text', gzip: false };

function setUp(own = noOwn) {
  const exposition = new Exposition(own);
  return { exposition, store: new StateStore(exposition) };
}

async function textOf(exposition: Exposition, request = PLAIN): Promise<string> {
  const { chunks, length } = await exposition.scrape(request);
  const bytes = Buffer.concat(chunks);
  if (bytes.length !== length) throw new Error(`expected ${length} bytes, found ${bytes.length}`);
  return (request.gzip ? gunzipSync(bytes) : bytes).toString();
}

function samplesOf(page: string): string[] {
  return page
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .sort();
}

const SHOP: Repository = {
  instanceId: 'cri-1',
  namespace: 'shop',
  name: 'api',
  id: 'crr-1',
  domain: 'r.example.com',
  vulnerabilities: true,
};

function target(tag: string, repository = SHOP): Target {
  return { repository, tag, digest: '', scanTaskId: '' };
}

function moment(seconds: number) {
  return { nowMs: NOW_MS + seconds * 1000, monotonicMs: seconds * 1000 };
}

const COMPLETE = { type: 'answered', status: 'complete', scanService: 'ACR_SCAN_SERVICE' } as const;
const DENIED = {
  type: 'failed',
  error: { code: 'NoPrivilege', message: 'no', requestId: 'R', timeMs: NOW_MS },
} as const;

test('a tag that was never answered has a status, its age and its info, and nothing that is not known', async (t) => {
  const { exposition, store } = setUp();
  store.add(target('v1'), NOW_MS + 7);
  const page = await textOf(exposition);
  t.deepEqual(samplesOf(page), [
    'acr_scan_tag_info{instance_id="cri-1",repo_namespace="shop",repo_name="api",tag="v1",repo_id="crr-1",digest="",scan_service="",image="r.example.com/shop/api:v1"} 1',
    'acr_scan_tag_status_since_timestamp_seconds{instance_id="cri-1",repo_namespace="shop",repo_name="api",tag="v1"} 1795480000.007',
    'acr_scan_tag_status{instance_id="cri-1",repo_namespace="shop",repo_name="api",tag="v1",status="unknown"} 1',
    'acr_scan_tags{instance_id="cri-1",repo_namespace="shop",repo_name="api",status="complete"} 0',
    'acr_scan_tags{instance_id="cri-1",repo_namespace="shop",repo_name="api",status="failed"} 0',
    'acr_scan_tags{instance_id="cri-1",repo_namespace="shop",repo_name="api",status="not_scanned"} 0',
    'acr_scan_tags{instance_id="cri-1",repo_namespace="shop",repo_name="api",status="retrying"} 0',
    'acr_scan_tags{instance_id="cri-1",repo_namespace="shop",repo_name="api",status="scanning"} 0',
    'acr_scan_tags{instance_id="cri-1",repo_namespace="shop",repo_name="api",status="unknown"} 1',
  ]);
  t.deepEqual(
    [...parsePage(page).families.keys()],
    ['acr_scan_tags', 'acr_scan_tag_status', 'acr_scan_tag_status_since_timestamp_seconds', 'acr_scan_tag_info'],
  );
});

test('a digest is shown with the name of its algorithm, in whichever form it came', async (t) => {
  const { exposition, store } = setUp();
  const digits = 'ab'.repeat(32);
  for (const [tag, digest] of Object.entries({ bare: digits, prefixed: `sha256:${digits}` })) {
    store.add({ ...target(tag), digest }, NOW_MS);
  }
  const shown = samplesOf(await textOf(exposition)).filter((line) => line.startsWith('acr_scan_tag_info'));
  t.is(shown.length, 2);
  for (const line of shown) t.true(line.includes(`,digest="sha256:${digits}",`), line);
});

test('an error shows its code and keeps the last status; an answer takes the error away', async (t) => {
  const { exposition, store } = setUp();
  const tag = store.add(target('v1'), NOW_MS);
  const labels = { instance_id: 'cri-1', repo_namespace: 'shop', repo_name: 'api', tag: 'v1' };
  store.apply(tag, COMPLETE, moment(10));
  store.apply(tag, DENIED, moment(20));
  const failed = parsePage(await textOf(exposition));
  t.is(failed.value('acr_scan_tag_status', { ...labels, status: 'complete' }), 1);
  t.is(failed.value('acr_scan_tag_poll_success', labels), 0);
  t.is(failed.value('acr_scan_tag_last_error_info', { ...labels, code: 'NoPrivilege' }), 1);
  t.is(failed.value('acr_scan_tag_last_success_timestamp_seconds', labels), 1_795_480_010);
  t.is(failed.value('acr_scan_tag_status_since_timestamp_seconds', labels), 1_795_480_010);
  store.apply(tag, COMPLETE, moment(30));
  const answered = parsePage(await textOf(exposition));
  t.is(answered.value('acr_scan_tag_poll_success', labels), 1);
  t.false(answered.families.has('acr_scan_tag_last_error_info'));
  t.is(answered.value('acr_scan_tag_last_success_timestamp_seconds', labels), 1_795_480_030);
  t.is(answered.value('acr_scan_tag_status_since_timestamp_seconds', labels), 1_795_480_010);
});

test('the image label is empty unless domain, namespace and name are known', async (t) => {
  const { exposition, store } = setUp();
  store.add(target('a', { ...SHOP, domain: '' }), NOW_MS);
  store.add(target('b', { ...SHOP, namespace: '', name: 'crr-1' }), NOW_MS);
  const infos = parsePage(await textOf(exposition)).families.get('acr_scan_tag_info')?.samples ?? [];
  t.deepEqual(
    infos.map(({ labels }) => labels.image),
    ['', ''],
  );
});

test('names with every kind of awkward character come out as they went in', async (t) => {
  const { exposition, store } = setUp();
  const awkward = [
    'a"b',
    'back\\slash',
    'line\nbreak',
    '\\n',
    '🚀',
    '\r\t\u0000\u0085\u2028',
    'ß'.repeat(255),
    '{},="',
  ];
  for (const text of awkward) store.add(target(text, { ...SHOP, namespace: text, name: text }), NOW_MS);
  const plain = await textOf(exposition);
  const samples = parsePage(plain).families.get('acr_scan_tag_status')?.samples ?? [];
  t.deepEqual(
    samples.map(({ labels }) => [labels.repo_namespace, labels.repo_name, labels.tag]),
    awkward.map((text) => [text, text, text]),
  );
  t.is(await textOf(exposition, { format: 'text', gzip: true }), plain);
});

test('tags that differ in half a surrogate pair only do not become one series', async (t) => {
  const { exposition, store } = setUp();
  for (const text of ['\ud800', '\ud801', '\udc00']) store.add(target(text), NOW_MS);
  t.is(parsePage(await textOf(exposition)).families.get('acr_scan_tag_status')?.samples.length, 3);
});

test('a page without tags has no families but the own ones', async (t) => {
  const { exposition, store } = setUp({
    render: async (format) => `# HELP own o\n# TYPE own gauge\nown{format="${format}"} 1\n`,
  });
  t.is(await textOf(exposition), '# HELP own o\n# TYPE own gauge\nown{format="text"} 1\n');
  const tags = Array.from({ length: 200 }, (_, index) => store.add(target(`v${index}`), NOW_MS));
  t.not(await textOf(exposition), '# HELP own o\n# TYPE own gauge\nown{format="text"} 1\n');
  for (const tag of tags) store.remove(tag);
  for (const gzip of [false, true]) {
    const page = await textOf(exposition, { format: 'openmetrics', gzip });
    t.is(page, '# HELP own o\n# TYPE own gauge\nown{format="openmetrics"} 1\n# EOF\n');
  }
});

test('each format has its content type', async (t) => {
  const { exposition } = setUp();
  t.is((await exposition.scrape(PLAIN)).contentType, 'text/plain; version=0.0.4; charset=utf-8');
  const { contentType } = await exposition.scrape({ format: 'openmetrics', gzip: true });
  t.is(contentType, 'application/openmetrics-text; version=1.0.0; charset=utf-8');
});

test('a page that was handed out does not change when tags do', async (t) => {
  const { exposition, store } = setUp();
  const tags = Array.from({ length: 100 }, (_, index) => store.add(target(`v${index}`), NOW_MS));
  const { chunks } = await exposition.scrape(PLAIN);
  const before = Buffer.concat(chunks);
  for (const tag of tags) store.apply(tag, COMPLETE, moment(5));
  store.remove(tags[3] ?? t.fail());
  await exposition.scrape(PLAIN);
  t.true(before.equals(Buffer.concat(chunks)));
});

test('a page that is being compressed is not overwritten by a scrape that comes meanwhile', async (t) => {
  const { exposition, store } = setUp();
  const tags = Array.from({ length: 10_000 }, (_, index) => store.add(target(`v${index}`), NOW_MS));
  for (const tag of tags) store.apply(tag, COMPLETE, moment(5));
  (await exposition.scrape(PLAIN)).done();
  const before = naiveLines(store);
  const compressing = textOf(exposition, { format: 'text', gzip: true });
  await new Promise((resolve) => setImmediate(resolve));
  for (const tag of tags) store.apply(tag, COMPLETE, moment(65));
  (await exposition.scrape(PLAIN)).done();
  t.deepEqual(samplesOf(await compressing), before);
  t.deepEqual(samplesOf(await textOf(exposition, { format: 'text', gzip: true })), naiveLines(store));
});

test('changes that arrive while a scrape renders are in it or in the next one, whole', async (t) => {
  const { exposition, store } = setUp();
  const tags = Array.from({ length: 20_000 }, (_, index) => store.add(target(`v${index}`), NOW_MS));
  const scraping = exposition.scrape(PLAIN);
  let changes = 0;
  const change = () => {
    for (let index = 0; index < 50; index++) {
      const tag = tags[(changes * 7919 + index * 101) % tags.length];
      if (tag) store.apply(tag, COMPLETE, moment(++changes));
    }
    timer = setImmediate(change);
  };
  let timer = setImmediate(change);
  const first = parsePage(Buffer.concat((await scraping).chunks).toString());
  clearImmediate(timer);
  t.true(changes > 0);
  const statuses = first.families.get('acr_scan_tag_status')?.samples ?? [];
  t.is(statuses.length, 20_000);
  for (const { labels } of statuses) {
    const { status, ...tag } = labels;
    if (status !== 'complete') continue;
    const since = first.value('acr_scan_tag_status_since_timestamp_seconds', tag);
    if (since === undefined || since <= NOW_MS / 1000 || first.value('acr_scan_tag_poll_success', tag) !== 1) {
      t.fail(`${tag.tag} is complete, but its other families are older`);
    }
  }
  t.deepEqual(samplesOf(await textOf(exposition)), naiveLines(store));
});

test('scrapes at the same time, in both formats, plain and compressed, all see the same tags', async (t) => {
  const { exposition, store } = setUp();
  for (let index = 0; index < 3000; index++) store.add(target(`v${index}`), NOW_MS);
  const requests = [false, true, true, false].flatMap((gzip): ScrapeRequest[] => [
    { format: 'text', gzip },
    { format: 'openmetrics', gzip },
  ]);
  const pages = await Promise.all(requests.map((request) => textOf(exposition, request)));
  for (const [index, { format }] of requests.entries()) {
    parsePage(pages[index] ?? '', format);
    t.deepEqual(samplesOf(pages[index] ?? ''), naiveLines(store));
  }
});

test('while held, scrapes see the tags as they were, and after release as they are', async (t) => {
  const { exposition, store } = setUp();
  const removed = Array.from({ length: 100 }, (_, index) => store.add(target(`old${index}`), NOW_MS));
  await exposition.hold();
  const before = naiveLines(store);
  for (const tag of removed) store.remove(tag);
  for (let index = 0; index < 300; index++) store.add(target(`new${index}`), NOW_MS);
  for (const gzip of [false, true]) {
    t.deepEqual(samplesOf(await textOf(exposition, { format: 'text', gzip })), before);
  }
  await exposition.release();
  t.deepEqual(samplesOf(await textOf(exposition)), naiveLines(store));
});

test('a scrape that was under way when a hold began shows nothing of what happens during it', async (t) => {
  const { exposition, store } = setUp();
  const tags = Array.from({ length: 10_000 }, (_, index) => store.add(target(`v${index}`), NOW_MS));
  const before = naiveLines(store);
  const scraping = textOf(exposition);
  await exposition.hold();
  for (const tag of tags) store.apply(tag, COMPLETE, moment(1));
  t.deepEqual(samplesOf(await scraping), before);
  t.deepEqual(samplesOf(await textOf(exposition)), before);
  await exposition.release();
  t.deepEqual(samplesOf(await textOf(exposition)), naiveLines(store));
});

test('own families that cannot be rendered fail their scrape and none after it', async (t) => {
  let broken = true;
  const { exposition, store } = setUp({ render: async () => (broken ? Promise.reject(new Error('broken')) : '') });
  store.add(target('v1'), NOW_MS);
  await t.throwsAsync(exposition.scrape(PLAIN), { message: 'broken' });
  broken = false;
  t.deepEqual(samplesOf(await textOf(exposition)), naiveLines(store));
});

test('a scrape while a release renders what has changed sees the tags as they were, and does not wait for it', async (t) => {
  const { exposition, store } = setUp();
  for (let index = 0; index < 100; index++) store.add(target(`old${index}`), NOW_MS);
  await textOf(exposition, { format: 'text', gzip: true });
  await exposition.hold();
  const before = naiveLines(store);
  for (let index = 0; index < 20_000; index++) store.add(target(`new${index}`), NOW_MS);
  let released = false;
  const releasing = exposition.release().then(() => {
    released = true;
  });
  t.deepEqual(samplesOf(await textOf(exposition)), before);
  t.false(released);
  await releasing;
  t.deepEqual(samplesOf(await textOf(exposition, { format: 'text', gzip: true })), naiveLines(store));
});

for (const gzip of [true, false]) {
  test(`tags without series before the first scrape do not keep later ones from being shown, ${gzip ? 'compressed' : 'plain'}`, async (t) => {
    const { exposition, store } = setUp();
    exposition.perTag = 'problems';
    const tags = Array.from({ length: 130 }, (_, index) => store.add(target(`v${index}`), NOW_MS));
    for (const tag of tags)
      store.apply(tag, { ...COMPLETE, status: tag === tags.at(-1) ? 'failed' : 'complete' }, moment(1));
    t.deepEqual(samplesOf(await textOf(exposition, { format: 'text', gzip })), naiveLines(store, 'problems'));
  });
}

test('a scrape ends although every tag changes again as fast as it is rendered', async (t) => {
  const exposition = new Exposition(noOwn, new YieldEvery(undefined, 1));
  const store = new StateStore(exposition);
  const tags = Array.from({ length: 200 }, (_, index) => store.add(target(`v${index}`), NOW_MS));
  let turns = 0;
  const change = () => {
    turns++;
    for (const tag of tags) store.apply(tag, COMPLETE, moment(turns));
    timer = setImmediate(change);
  };
  let timer = setImmediate(change);
  const { length } = await exposition.scrape(PLAIN);
  clearImmediate(timer);
  t.true(length > 0);
  t.true(turns > 100 && turns < 1000, `${turns} turns`);
  t.deepEqual(samplesOf(await textOf(exposition)), naiveLines(store));
});

test('what cannot be rendered fails the scrapes, a hold and its release, and all are well when it can', async (t) => {
  const { exposition, store } = setUp();
  let isBroken = false;
  const breakable: Repository = {
    ...SHOP,
    get name(): string {
      if (isBroken) throw new Error('broken');
      return 'web';
    },
  };
  for (let index = 0; index < 100; index++) store.add(target(`v${index}`), NOW_MS);
  await exposition.hold();
  const before = naiveLines(store);
  store.add(target('v1', breakable), NOW_MS);
  isBroken = true;
  t.deepEqual(samplesOf(await textOf(exposition)), before, 'while held, nothing is rendered');
  await t.throwsAsync(exposition.release(), { message: 'broken' });
  await t.throwsAsync(exposition.scrape(PLAIN), { message: 'broken' }, 'the hold has ended');
  await t.throwsAsync(exposition.hold(), { message: 'broken' });
  await t.notThrowsAsync(exposition.release(), 'there is no hold');
  isBroken = false;
  t.deepEqual(samplesOf(await textOf(exposition)), naiveLines(store));
});

const NUMBERS = { high: 0, medium: 2, low: 0, unknown: 1 };

test('vulnerabilities have a series for each severity, zeros included, and none before they are known', async (t) => {
  const { exposition, store } = setUp();
  const tag = store.add(target('v1'), NOW_MS);
  store.add(target('v2'), NOW_MS);
  store.apply(tag, COMPLETE, moment(1));
  const before = parsePage(await textOf(exposition));
  t.false(before.families.has('acr_scan_tag_vulnerabilities'));
  t.false(before.families.has('acr_scan_vulnerabilities'));
  store.apply(tag, { type: 'summary', vulnerabilities: NUMBERS }, moment(2));
  const page = parsePage(await textOf(exposition));
  const repository = { instance_id: 'cri-1', repo_namespace: 'shop', repo_name: 'api' };
  for (const [severity, value] of Object.entries(NUMBERS)) {
    t.is(page.value('acr_scan_tag_vulnerabilities', { ...repository, tag: 'v1', severity }), value);
    t.is(page.value('acr_scan_vulnerabilities', { ...repository, severity }), value);
  }
  t.is(page.families.get('acr_scan_tag_vulnerabilities')?.samples.length, 4, 'the other tag is not known to be clean');
});

test('with problems only, tags have series of their own while something is wrong with them; sums count all', async (t) => {
  const { exposition, store } = setUp();
  exposition.perTag = 'problems';
  const [fine, failing, scanning, found] = ['fine', 'failing', 'scanning', 'found'].map((name) =>
    store.add(target(name), NOW_MS),
  );
  if (!fine || !failing || !scanning || !found) throw new Error('four tags were added');
  for (const tag of [fine, failing, found]) store.apply(tag, COMPLETE, moment(1));
  store.apply(failing, DENIED, moment(2));
  store.apply(scanning, { ...COMPLETE, status: 'scanning' }, moment(2));
  store.apply(fine, { type: 'summary', vulnerabilities: NUMBERS }, moment(3));
  store.apply(found, { type: 'summary', vulnerabilities: { ...NUMBERS, high: 1 } }, moment(3));
  const tagsOf = async () => {
    const page = parsePage(await textOf(exposition));
    const shown = [...page.families]
      .filter(([name]) => name.startsWith('acr_scan_tag_'))
      .flatMap(([, { samples }]) => samples.map(({ labels }) => labels.tag));
    t.is(
      page.value('acr_scan_tags', {
        instance_id: 'cri-1',
        repo_namespace: 'shop',
        repo_name: 'api',
        status: 'complete',
      }),
      3,
    );
    return [...new Set(shown)].sort();
  };
  t.deepEqual(await tagsOf(), ['failing', 'found', 'scanning']);
  store.apply(failing, COMPLETE, moment(4));
  t.deepEqual(await tagsOf(), ['found', 'scanning']);
  exposition.perTag = 'none';
  t.deepEqual(await tagsOf(), []);
  exposition.perTag = 'full';
  t.deepEqual(await tagsOf(), ['failing', 'fine', 'found', 'scanning']);
});

test('after a page was prepared, the first scrape renders and compresses nothing more, and shows everything', async (t) => {
  let turns = 0;
  const countTurn = async () => {
    turns += 1;
  };
  const exposition = new Exposition(noOwn, new YieldEvery(countTurn, 1));
  const store = new StateStore(exposition);
  for (let index = 0; index < 1_000; index += 1) store.add(target(`v${index}`), NOW_MS);
  await exposition.prepare();
  t.true(turns > 20, `${turns}`);
  turns = 0;
  const page = await textOf(exposition, { format: 'text', gzip: true });
  t.is(turns, 1);
  t.deepEqual(samplesOf(page), naiveLines(store));
  for (const tag of store.tags()) store.apply(tag, COMPLETE, moment(1));
  t.deepEqual(samplesOf(await textOf(exposition)), naiveLines(store), 'what changes later is shown as ever');
});
