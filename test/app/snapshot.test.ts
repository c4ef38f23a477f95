// What is known outlives the process: captured, written as JSON, and restored by the next process.
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { readRecord } from '../../src/app/snapshot-records.ts';
import { wallMs } from '../../src/model/moment.ts';
import type { ConfiguredRepository } from '../../src/model/settings.ts';
import { resumedDelayMs } from '../../src/scheduler/poll-delay.ts';
import { configurationFor, LATEST, startExporter, startSimulator } from '../helpers/exporter.ts';
import { naiveLines } from '../helpers/naive-page.ts';
import { captureOf, recordsOf, restart, startWith, throughJson, type Watching } from '../helpers/restarting.ts';
import { createScriptedPipeline, EVERYTHING, entry, type Pending, TIMING } from '../helpers/scripted-pipeline.ts';
import { success } from '../helpers/tag-series.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DIGEST = `sha256:${'ab'.repeat(32)}`;

const LISTED: readonly ConfiguredRepository[] = [
  { ...entry({ namespace: 'shop', name: 'api' }, 'v1', 'v2'), vulnerabilities: true },
  entry({ id: 'crr-web' }, 'v1'),
  {
    ...entry({ namespace: 'os', name: 'base', id: 'crr-base' }),
    tags: [
      { tag: 'a', digest: DIGEST, scanTaskId: '' },
      { tag: 'b', digest: '', scanTaskId: 'task' },
    ],
  },
];

const DISCOVERED = { ...EVERYTHING, namespaces: ['lab'], vulnerabilities: true };

/** How a request is answered. */
type How = 'SCANNING' | 'RETRYING' | 'COMPLETE' | 'FAILED' | '' | 'ODD' | 'denied' | 'throttled' | 'gone' | 'none';

function answerAs(how: How, { action, request, answer }: Pending): void {
  if (how === 'denied') answer.error('NoPrivilege', 'denied');
  else if (how === 'throttled') answer.error('Throttling.User', 'throttled', 3_000);
  else if (how === 'gone') answer.error('REPO_NOT_EXIST', 'answered');
  else if (action === 'GetRepoTagScanStatus') answer.status(how === 'none' ? 'COMPLETE' : how);
  else if (action === 'GetRepoTagScanSummary') answer.summary(1, 2, 3, 4);
  else if (action === 'GetRepoTag') answer.tag('', Date.UTC(2025, 11, 31));
  else if (action === 'GetRepository') {
    const [namespace, name] = request.repoId === 'crr-web' ? ['shop', 'web'] : ['shop', 'api'];
    answer.repository(`crr-${name}`, namespace, name);
  } else if (action === 'ListRepository') answer.repositories([{ id: 'crr-lab', namespace: 'lab', name: 'tool' }]);
  else answer.tags([{ tag: 'n1', updatedMs: Date.UTC(2025, 11, 31, 23, 55) }, { tag: 'n2' }]);
}

/** Runs the scheduler of a pipeline until the test ends, or until the returned function is called. */
function run(t: ExecutionContext, { scheduler }: Watching): () => void {
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  void scheduler.run(stop.signal);
  return () => stop.abort();
}

/** Answers everything that is asked now, until nothing more is. */
async function settle({ clock, pending }: Watching, how: (request: Pending) => How = () => 'COMPLETE') {
  const asked: Pending[] = [];
  for (let idle = 0; idle < 3; ) {
    await clock.advance(0);
    const requests = pending.splice(0);
    idle = requests.length === 0 ? idle + 1 : 0;
    for (const each of requests) answerAs(how(each), each);
    asked.push(...requests);
  }
  return asked;
}

const asked = (requests: readonly Pending[]) =>
  requests.map(({ action, request: { repoId, tag } }) => [action, repoId, tag].filter(Boolean).join(' ')).sort();

/** The states of all tags, with times of the wall clock. */
function statesOf({ store, polls }: Watching) {
  const moment = polls.moment();
  return [...store.tags()].map(({ target: { repository, ...target }, state }) => {
    const { scanSeenAtMonotonicMs: seenAtMs, scanStartsAreSeen: _, ...rest } = state;
    const scanSeen = seenAtMs === undefined ? undefined : wallMs(seenAtMs, moment);
    return { ...repository, ...target, ...rest, scanSeen };
  });
}

/** A pipeline that has polled everything once: a scan runs in `shop/api:v1`, `lab/tool:n1` was never scanned, polls of `os/base:b` fail. */
async function settled(t: ExecutionContext) {
  const watching = createScriptedPipeline();
  const stop = run(t, watching);
  await watching.watch(...LISTED);
  await watching.discover(DISCOVERED);
  let isFirst = true;
  const how = ({ request: { repoId, tag } }: Pending): How => {
    if (repoId === 'crr-api' && tag === 'v1') return isFirst ? 'COMPLETE' : 'SCANNING';
    if (tag === 'n1') return '';
    return tag === 'b' ? 'denied' : 'COMPLETE';
  };
  await settle(watching, how);
  isFirst = false;
  await watching.clock.advance(10 * MINUTE_MS);
  await settle(watching, how);
  return { ...watching, stop };
}

test('after a restart everything is shown as before, and nothing is asked that is not due', async (t) => {
  const before = await settled(t);
  const after = await restart(before, { repositories: LISTED, discover: [DISCOVERED], downMs: 1_000 });
  t.deepEqual(after.restored, { restored: 7, invalid: 0 });
  t.deepEqual(naiveLines(after.store), naiveLines(before.store));
  t.deepEqual(after.shown(), [
    'lab/tool:n1 not_scanned',
    'lab/tool:n2 complete',
    'os/base:a complete',
    'os/base:b unknown',
    'shop/api:v1 scanning',
    'shop/api:v2 complete',
    'shop/web:v1 complete',
  ]);
  t.deepEqual(statesOf(after), statesOf(before));
  t.deepEqual(after.discoveryManager.statuses(), before.discoveryManager.statuses());
  run(t, after);
  t.deepEqual(asked(await settle(after)), [], 'neither a lookup nor a discovery nor a poll');
  await after.clock.advance(9_000);
  t.deepEqual(asked(await settle(after)), ['GetRepoTagScanStatus crr-base b'], 'the back-off goes on');
  await after.clock.advance(5_000);
  t.deepEqual(
    asked(await settle(after)),
    ['GetRepoTagScanStatus crr-api v1', 'GetRepoTagScanSummary crr-api v1'],
    'the scan that runs is asked for first',
  );
  t.deepEqual(after.scans, [15], 'its duration counts from its start in the process before');
});

test('tags that the configuration lists otherwise start anew, and those that it does not list are gone', async (t) => {
  const before = await settled(t);
  const [, , base = entry({})] = LISTED;
  const repositories = [
    entry({ namespace: 'shop', name: 'api', id: 'crr-other' }, 'v1'),
    {
      ...base,
      tags: [
        { tag: 'a', digest: DIGEST.replaceAll('ab', 'cd'), scanTaskId: '' },
        { tag: 'b', digest: '', scanTaskId: 'another' },
        { tag: 'c', digest: '', scanTaskId: '' },
      ],
    },
  ];
  const after = await restart(before, { repositories });
  t.is(after.restored.restored, 0);
  t.deepEqual(after.shown(), ['a', 'b', 'c'].map((tag) => `os/base:${tag} unknown`).concat('shop/api:v1 unknown'));
  t.true([...after.store.tags()].every(({ state }) => state.lastPollMs === undefined));
  run(t, after);
  t.is((await settle(after)).length, 4, 'all are asked at once');
});

test('a digest that is written in its other form is the same, and a tag that discovery found may be listed by now', async (t) => {
  const before = await settled(t);
  const repositories = [
    {
      ...entry({ namespace: 'os', name: 'base', id: 'crr-base' }),
      tags: [{ tag: 'a', digest: DIGEST.slice(7), scanTaskId: '' }],
    },
    entry({ namespace: 'lab', name: 'tool' }, 'n1'),
  ];
  const after = await restart(before, { repositories });
  t.is(after.restored.restored, 2);
  t.deepEqual(after.shown(), ['lab/tool:n1 not_scanned', 'os/base:a complete']);
  run(t, after);
  t.deepEqual(asked(await settle(after)), [], 'the id of the one that discovery found is known');
});

test('an id that the configuration gave is not believed when it no longer gives it: the repository is looked up', async (t) => {
  const before = await settled(t);
  const tags = LISTED[2]?.tags ?? [];
  const after = await restart(before, { repositories: [{ ...entry({ namespace: 'os', name: 'base' }), tags }] });
  t.is(after.restored.restored, 2);
  run(t, after);
  await after.clock.advance(0);
  t.deepEqual(asked(after.pending), ['GetRepository']);
  after.next().answer.repository('crr-anew', 'os', 'base');
  await after.clock.advance(0);
  t.deepEqual(
    after.shown(),
    ['os/base:a unknown', 'os/base:b unknown'],
    'it is another repository: its tags start anew',
  );
});

test('discovered tags that the present rules do not take are gone, and other rules are applied at once', async (t) => {
  const before = await settled(t);
  const rule = { ...DISCOVERED, excludeTags: ['n1'] };
  const after = await restart(before, { discover: [rule] });
  t.deepEqual(after.shown(), ['lab/tool:n2 complete']);
  t.is(after.discoveryManager.statuses()[0]?.lastSuccessMs, before.discoveryManager.statuses()[0]?.lastSuccessMs);
  run(t, after);
  await after.clock.advance(0);
  t.deepEqual(asked(after.pending), ['ListRepository']);
  const old = await restart(before, { discover: [{ ...DISCOVERED, maxAgeMs: 4 * MINUTE_MS }] });
  t.deepEqual(old.shown(), ['lab/tool:n2 complete'], 'one whose push is not known is of any age');
  const few = await restart(before, { discover: [DISCOVERED], maxTags: 1 });
  t.deepEqual(few.shown(), ['lab/tool:n1 not_scanned'], 'the newest');
  t.true(few.discoveryManager.statuses()[0]?.truncated);
});

test('discovery goes on an interval after its last run, and then removes what is gone', async (t) => {
  const before = await settled(t);
  const after = await restart(before, { discover: [DISCOVERED], downMs: MINUTE_MS });
  t.deepEqual(after.shown(), ['lab/tool:n1 not_scanned', 'lab/tool:n2 complete']);
  run(t, after);
  await after.clock.advance(4 * MINUTE_MS - 1);
  t.deepEqual(
    asked(await settle(after)).filter((each) => each.startsWith('List')),
    [],
  );
  await after.clock.advance(1);
  const gone = (request: Pending) => {
    if (request.action !== 'ListRepoTag') return answerAs('COMPLETE', request);
    request.answer.tags([{ tag: 'n2' }]);
  };
  for (let turn = 0; turn < 10; turn += 1) {
    await after.clock.advance(0);
    for (const each of after.pending.splice(0)) gone(each);
  }
  t.deepEqual(after.shown(), ['lab/tool:n2 complete']);
});

test('tags that were listed, and that rules of discovery take, go on as discovered ones', async (t) => {
  const before = await settled(t);
  const after = await restart(before, { discover: [{ ...EVERYTHING, namespaces: ['os', 'shop'] }] });
  t.deepEqual(after.shown(), [
    'os/base:a complete',
    'shop/api:v1 scanning',
    'shop/api:v2 complete',
    'shop/web:v1 complete',
  ]);
  t.is(after.discoveryManager.statuses()[0]?.tags, 4);
});

test('after a long time the tags are asked with the scans under way first, then the longest overdue', async (t) => {
  const before = createScriptedPipeline();
  const stop = run(t, before);
  const repositories = [entry({ id: 'crr-1', namespace: 'shop', name: 'api' }, 'v1', 'v2', 'v3', 'v4')];
  await before.watch(...repositories);
  await before.clock.advance(0);
  const waiting = before.pending.splice(0);
  for (const tag of ['v3', 'v1', 'v4', 'v2']) {
    const request = waiting.find((each) => each.request.tag === tag);
    request?.answer.status(tag === 'v4' ? 'SCANNING' : 'COMPLETE');
    await before.clock.advance(1_000);
  }
  stop();
  const after = await restart(before, { repositories, downMs: 24 * HOUR_MS });
  t.deepEqual(
    after.shown(),
    ['v1 complete', 'v2 complete', 'v3 complete', 'v4 scanning'].map((tag) => `shop/api:${tag}`),
  );
  run(t, after);
  await after.clock.advance(0);
  t.deepEqual(
    after.pending.map(({ request }) => request.tag),
    ['v4', 'v3', 'v1', 'v2'],
  );
  t.is([...after.store.tags()][0]?.state.lastSuccessMs, [...before.store.tags()][0]?.state.lastSuccessMs);
});

test('a scan that runs at the first answer after a restart, and whose start is not known, is not measured', async (t) => {
  const before = await settled(t);
  const after = await restart(before, { repositories: LISTED });
  run(t, after);
  for (const how of ['SCANNING', 'COMPLETE', 'SCANNING', 'COMPLETE'] as const) {
    await after.clock.advance(10 * MINUTE_MS);
    await settle(after, ({ request }) => (request.repoId === 'crr-web' ? how : 'denied'));
  }
  t.is(after.scans.length, 1, 'only the second one');
});

test('a clock that was set back gives no time in the future, and nothing waits longer than its interval', async (t) => {
  const before = await settled(t);
  before.scheduler.quota.adaptiveRate.pause(before.clock.monotonic(), 60_000);
  const after = await restart(before, { repositories: LISTED, discover: [DISCOVERED], downMs: -5 * HOUR_MS });
  const nowMs = after.clock.now();
  t.is(after.restored.restored, 7);
  for (const { sinceMs, lastPollMs = 0, lastSuccessMs = 0, lastError, summaryError } of statesOf(after)) {
    for (const timeMs of [sinceMs, lastPollMs, lastSuccessMs, lastError?.timeMs ?? 0, summaryError?.timeMs ?? 0])
      t.true(timeMs <= nowMs);
  }
  for (const { lastSuccessMs = 0 } of after.discoveryManager.statuses()) t.true(lastSuccessMs <= nowMs);
  run(t, after);
  await after.clock.advance(59_999);
  t.deepEqual(asked(await settle(after)), [], 'the pause lasts as long as it had to at the save, and no longer');
  await after.clock.advance(1);
  t.not(after.pending.length, 0);
  const polled = new Set(asked(await settle(after)));
  await after.clock.advance(10 * MINUTE_MS);
  for (const each of asked(await settle(after))) polled.add(each);
  t.is([...polled].filter((each) => each.startsWith('GetRepoTagScanStatus')).length, 7);
  t.true(polled.has('ListRepository'));
});

test('the rate that throttling has left recovers as it would have, and a pause is kept to its end', async (t) => {
  const { clock, ...before } = createScriptedPipeline();
  const { adaptiveRate } = before.scheduler.quota;
  adaptiveRate.throttled({ sentAtMs: 0, nowMs: 0 });
  adaptiveRate.throttled({ sentAtMs: 1, nowMs: 1 });
  adaptiveRate.pause(1, 30_000);
  const after = await restart({ clock, ...before }, { downMs: 20_000 });
  const rate = after.scheduler.quota.adaptiveRate;
  t.is(rate.current(0), adaptiveRate.current(20_000));
  t.is(rate.current(0), 10 * (0.25 + 0.1));
  t.is(rate.pausedUntilMs, 10_001);
  const later = await restart({ clock, ...before }, { downMs: HOUR_MS });
  t.is(later.scheduler.quota.adaptiveRate.current(0), 10);
});

test('the form of digests that an instance takes is known after a restart', async (t) => {
  const before = createScriptedPipeline();
  run(t, before);
  const repositories = [
    {
      ...entry({ namespace: 'shop', name: 'api', id: 'crr-1' }),
      tags: [{ tag: 'v1', digest: DIGEST, scanTaskId: '' }],
    },
  ];
  await before.watch(...repositories);
  await before.clock.advance(0);
  const first = before.next();
  t.is(first.request.digest, DIGEST);
  first.answer.error('INVALID_DIGEST', 'answered');
  await before.clock.advance(0);
  const second = before.next();
  if (second.action === 'GetRepoTag') second.answer.tag(DIGEST);
  else second.answer.status('COMPLETE');
  await before.clock.advance(0);
  for (const each of before.pending.splice(0)) each.answer.status('COMPLETE');
  await before.clock.advance(0);
  const after = await restart(before, { repositories });
  run(t, after);
  await after.clock.advance(10 * MINUTE_MS);
  t.is(after.next().request.digest, DIGEST.slice(7));
});

test('while a snapshot is taken record by record, no record mixes two states of a tag, and no tag comes twice', async (t) => {
  const before = await settled(t);
  const names = [...before.store.tags()].map(({ target }) => `${target.repository.name}:${target.tag}`);
  const records: object[] = [];
  const capture = captureOf(before);
  t.true(capture.changed());
  let taken = 0;
  for (const record of capture.records()) {
    records.push(throughJson(record));
    taken += 1;
    if (taken === 4) {
      await before.clock.advance(10 * MINUTE_MS);
      await settle(before, () => 'FAILED');
      await before.watch(...LISTED.slice(1), entry({ namespace: 'os', name: 'new', id: 'crr-new' }, 'v9'));
    }
  }
  t.true(capture.changed(), 'what changed meanwhile is for the next snapshot');
  const after = await startWith(records, { startMs: before.clock.now(), repositories: LISTED, discover: [DISCOVERED] });
  const present = new Map(statesOf(before).map((each) => [`${each.name}:${each.tag}`, each]));
  const restored = statesOf(after).filter(({ lastPollMs }) => lastPollMs !== undefined);
  t.true(restored.length >= 5 && restored.length <= names.length);
  for (const each of restored) {
    const now = present.get(`${each.name}:${each.tag}`);
    if (each.status === 'failed') t.deepEqual(each, now);
    else t.true(each.sinceMs < (now?.sinceMs ?? Number.POSITIVE_INFINITY) || each.status === now?.status);
  }
  const again = captureOf(after);
  t.is([...again.records()].length > 0, again.changed() === false, 'without a change there is nothing to save');
});

test('a tag that is removed while a snapshot is taken is left out of it', async (t) => {
  const before = createScriptedPipeline();
  const api = { namespace: 'shop', name: 'api', id: 'crr-api' };
  await before.watch(entry(api, 'v1', 'v2', 'v3'));
  const tags: unknown[] = [];
  for (const record of captureOf(before).records()) {
    if (record.kind !== 'tag') continue;
    tags.push(record.tag);
    if (record.tag === 'v1') await before.watch(entry(api, 'v1', 'v3'));
  }
  t.deepEqual(tags, ['v1', 'v3']);
});

const how = fc.constantFrom<How>(
  ...(['SCANNING', 'RETRYING', 'COMPLETE', 'FAILED', '', 'ODD', 'denied', 'throttled', 'gone', 'none'] as const),
);
const step = fc.record({ ms: fc.nat({ max: 400_000 }), hows: fc.array(how, { minLength: 1, maxLength: 12 }) });

test('whatever happened before, a restart gives the same states, the same page and the same snapshot', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 12 }),
      fc.double({ min: 0, max: 0.99, noNaN: true }),
      async (steps, random) => {
        const before = createScriptedPipeline({ random: () => random });
        const stop = new AbortController();
        void before.scheduler.run(stop.signal);
        await before.watch(...LISTED);
        await before.discover(DISCOVERED);
        for (const { ms, hows } of steps) {
          await before.clock.advance(ms);
          for (const [index, each] of before.pending.splice(0).entries()) {
            answerAs(hows[index % hows.length] ?? 'none', each);
            await before.clock.advance(0);
          }
        }
        stop.abort();
        const records = recordsOf(before);
        const after = await restart(before, {
          repositories: LISTED,
          discover: [DISCOVERED],
          downMs: 0,
          random: () => random,
        });
        t.deepEqual(after.restored, { restored: before.store.size, invalid: 0 });
        t.deepEqual(statesOf(after), statesOf(before));
        t.deepEqual(naiveLines(after.store), naiveLines(before.store));
        t.deepEqual(after.discoveryManager.statuses(), before.discoveryManager.statuses());
        t.deepEqual(recordsOf(after), records);
        t.deepEqual(after.internalErrors, []);
        for (const { tag, statusDueAtMs } of after.watchList.polls()) {
          const { state } = tag;
          if (state.lastPollMs === undefined) continue;
          const delays = [0, 1].map((random) => resumedDelayMs(state, 0, TIMING, { random, elapsedMs: 0 }));
          t.true(wallMs(statusDueAtMs, after.polls.moment()) >= state.lastPollMs + Math.min(...delays) - 1);
        }
      },
    ),
    { numRuns: 150 },
  );
});

test('records of any shape are left out one by one, and never crash the start or reach a prototype', async (t) => {
  const good = recordsOf(await settled(t));
  const replaced = fc.tuple(fc.nat(good.length - 1), fc.nat(20), fc.jsonValue());
  await fc.assert(
    fc.asyncProperty(
      fc.array(replaced, { maxLength: 6 }),
      fc.array(fc.jsonValue(), { maxLength: 3 }),
      async (changes, others) => {
        const records: object[] = good.map(throughJson);
        for (const [index, field, value] of changes) {
          const entries = Object.entries(records[index] ?? {});
          const name = entries[field % Math.max(1, entries.length)]?.[0] ?? 'kind';
          records[index] = { ...records[index], [name]: value };
        }
        const all = [...records, ...others.filter((each) => typeof each === 'object' && each !== null)];
        const invalid = all.filter((each) => readRecord(each) === undefined).length;
        const startMs = Date.UTC(2026, 0, 1, 1);
        const after = await startWith(all, { startMs, repositories: LISTED, discover: [DISCOVERED] });
        t.true(after.restored.invalid >= invalid);
        t.true(after.restored.restored <= 7);
        t.deepEqual(after.internalErrors, []);
        for (const { sinceMs } of statesOf(after)) t.true(Number.isFinite(sinceMs) && sinceMs <= startMs);
      },
    ),
    { numRuns: 300 },
  );
  const polluting = JSON.parse(
    '{"kind":"tag","__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}',
  );
  await startWith([polluting, ...good], { startMs: Date.UTC(2026, 0, 2), repositories: LISTED });
  t.false('polluted' in {});
});

test('an error of our own code in a restore is reported, and the exporter starts without what it could not restore', async (t) => {
  const simulator = await startSimulator(t);
  const broken = Object.defineProperty({}, 'kind', {
    get: () => {
      throw new TypeError('of our own');
    },
  });
  const place = {
    load: async () => ({ records: [broken], savedMs: Date.now() }),
    save: async () => {},
    close: async () => {},
  };
  const { until, log } = await startExporter(t, configurationFor(simulator.address), {
    storage: { place, intervalMs: 60_000 },
  });
  const page = await until('it polls', (page) => success(page, LATEST) === 1);
  t.is(page.value('acr_scan_exporter_internal_errors_total', { component: 'storage' }), 2);
  t.regex(log.join(''), /level=error msg="internal error" component=storage error="TypeError: of our own"/);
});

test('in a steady state the requests of the first minute after a restart are those of any other minute', async (t) => {
  let seed = 1;
  const random = () => {
    seed = (seed * 16_807) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  const before = createScriptedPipeline({ random });
  const stop = run(t, before);
  const tags = Array.from({ length: 1_000 }, (_, index) => `v${index}`);
  const repositories = [{ ...entry({ namespace: 'shop', name: 'api', id: 'crr-1' }, ...tags), vulnerabilities: true }];
  await before.watch(...repositories);
  await before.clock.advance(0);
  // The first answers come over an interval, so that the polls do not come together later.
  for (const each of before.pending.splice(0)) {
    answerAs('COMPLETE', each);
    await before.clock.advance(570);
  }
  const minutes = async (watching: Watching, count: number) => {
    const requests: number[] = [];
    for (let minute = 0; minute < count; minute += 1) {
      let sum = 0;
      for (let second = 0; second < 60; second += 1) {
        await watching.clock.advance(1_000);
        for (const each of watching.pending.splice(0)) {
          sum += 1;
          answerAs(Number(String(each.request.tag).slice(1)) % 100 === 0 ? 'SCANNING' : 'COMPLETE', each);
        }
      }
      requests.push(sum);
    }
    return requests;
  };
  await minutes(before, 10);
  const usual = await minutes(before, 10);
  stop();
  const mean = usual.reduce((sum, each) => sum + each, 0) / usual.length;
  const after = await restart(before, { repositories, downMs: 2_000, random });
  run(t, after);
  await after.clock.advance(0);
  t.true(after.pending.length <= 5, `${after.pending.length} at once`);
  const [first = 0, ...others] = await minutes(after, 10);
  t.true(Math.abs(first - mean) <= mean / 10, `${first} in the first minute, ${mean} in any (${usual.join(' ')})`);
  const later = others.reduce((sum, each) => sum + each, 0) / others.length;
  t.true(Math.abs(later - mean) <= mean / 10, `${later} after the first minute, ${mean} before`);
});
