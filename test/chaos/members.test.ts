import test from 'ava';
import { actionsFor } from '../../chaos/actions.ts';
import { parseExposition } from '../../chaos/exposition.ts';
import type { RunRecord, Scrape, WireRequest } from '../../chaos/record.ts';
import { broken, FILE_OF_NAME, law, poll, record, type Shown, START, scrape } from './records.ts';

const LIVES = [0, 1].map((number) => ({
  number,
  startedAt: START,
  from: START,
  to: Number.POSITIVE_INFINITY,
  clock: [],
}));

/** A scrape of a member that shows the tag. */
function by(life: number, shown: Shown): Scrape {
  return { ...scrape(shown), life };
}

/** A scrape of a member that shows nothing. */
function empty(life: number, at: number): Scrape {
  return { ...by(life, { at }), exposition: parseExposition('up 1\n', false) };
}

test('a tag that a member shows, and another one in two scrapes around that, breaks the law', (t) => {
  const verdict = (...scrapes: Scrape[]) => broken('alone', { members: 2, lives: LIVES, scrapes });
  t.is(verdict(by(0, { at: 1_000 }), by(1, { at: 1_100 }), by(0, { at: 1_200 })), 1);
  t.is(verdict(by(0, { at: 1_000 }), by(1, { at: 1_100 }), empty(0, 1_200)), 0, 'it may have moved');
  t.is(
    verdict(by(0, { at: 1_000 }), by(1, { at: 1_500 }), by(0, { at: 2_100 })),
    0,
    'it may have moved there and back',
  );
  t.is(verdict(by(0, { at: 1_000 }), empty(1, 1_100), by(0, { at: 1_200 })), 0);
});

test('what is configured and shown by no member breaks the law, unless repositories move', (t) => {
  const judge = (scrapes: readonly Scrape[], change: Partial<RunRecord> = {}) => {
    const { checked, violations } = law('configured').check(
      record({ members: 2, lives: LIVES, scrapes: [...scrapes], ...change }),
    );
    return [checked, violations.length];
  };
  t.deepEqual(judge([by(0, { at: 1_000 }), empty(1, 1_100)]), [1, 0]);
  t.deepEqual(judge([empty(0, 1_000), empty(1, 1_100)]), [1, 1]);
  t.deepEqual(judge([empty(0, 1_000), empty(1, 2_100)]), [0, 0], 'the first one may show it by then');
  t.deepEqual(judge([empty(1, 1_100)]), [0, 0], 'a member is not seen');
  const moves = [{ from: START, to: START + 1_050 }];
  t.deepEqual(judge([empty(0, 1_000), empty(1, 1_100)], { moves }), [0, 0]);
  const [first, second] = LIVES;
  const ended = [first, { ...second, to: START + 1_150 }] as RunRecord['lives'];
  const ofEnded = [empty(0, 1_000), by(1, { at: 1_100 }), by(1, { at: 1_200 })];
  t.deepEqual(judge(ofEnded, { lives: ended }), [1, 0], 'the last answer of a process that ends');
  const [other = FILE_OF_NAME] = [{ ...FILE_OF_NAME, tags: new Set<string>() }];
  t.deepEqual(judge([by(0, { at: 1_000 }), empty(1, 1_100)], { configurations: [other] }), [1, 1]);
});

test('a tag that moves without what was known of it breaks the law', (t) => {
  const requests = [poll(0, 4_990), poll(1, 8_990)];
  const verdict = (scrapes: readonly Scrape[], change: Partial<RunRecord> = {}) => {
    const run = record({ members: 2, lives: LIVES, requests, scrapes: [...scrapes], ...change });
    const { checked, violations } = law('handed').check(run);
    return [checked, violations.length];
  };
  const before = by(0, { at: 6_000 });
  t.deepEqual(verdict([before, by(1, { at: 8_000 })]), [1, 0]);
  t.deepEqual(verdict([before, by(1, { at: 9_500, success: 9_000 })]), [1, 0]);
  t.deepEqual(verdict([before, by(1, { at: 9_500, success: 9_000, since: 9_000 })]), [1, 1], 'since is lost');
  t.deepEqual(verdict([before, by(1, { at: 8_000, success: 4_000 })]), [1, 1], 'an answer is lost');
  t.deepEqual(verdict([before, by(0, { at: 8_000, success: 4_000 })]), [0, 0], 'the law `since` is about one member');
  const redisFaults = [{ from: START + 7_000, to: START + 7_500 }];
  t.deepEqual(verdict([before, by(1, { at: 8_000, success: 4_000 })], { redisFaults }), [0, 0]);
  const sentBefore = { ...by(1, { at: 6_100, success: 4_000 }), sentAt: START + 5_900 };
  t.deepEqual(verdict([before, sentBefore]), [0, 0], 'its page may be the older one');
});

test('only what a member learned in the last two seconds before it was killed or stood still may be lost', (t) => {
  const requests = [poll(0, 1_990), poll(1, 4_990)];
  const verdict = (at: number, life = 0, pauses: RunRecord['pauses'] = []) => {
    const scrapes = [by(0, { at: 3_000, success: 2_000 }), by(0, { at: 5_500 }), by(1, { at: 8_000, success: 2_000 })];
    const losses = [{ life, at: START + at }];
    return broken('handed', { members: 2, lives: LIVES, requests, scrapes, losses, pauses });
  };
  t.is(verdict(6_000), 0);
  t.is(verdict(7_600), 1);
  t.is(verdict(6_000, 1), 1, 'another one was killed');
  t.is(verdict(5_000), 1, 'it has shown it since');
  const stopped = (life: number) => [{ from: START + 5_600, to: START + 7_000, life }];
  t.is(verdict(7_600, 0, stopped(0)), 0, 'it could not write while it was stopped');
  t.is(verdict(7_600, 0, stopped(1)), 1, 'another one was stopped');
});

test('what a member had not written when it was killed is not expected of the next but one either', (t) => {
  const requests = [poll(0, 1_990), poll(1, 4_990)];
  const losses = [
    { life: 0, at: START + 6_000 },
    { life: 1, at: START + 9_000 },
  ];
  const verdict = (success: number) => {
    const ofFirst = [by(0, { at: 3_000, success: 2_000 }), by(0, { at: 5_500 })];
    const scrapes = [...ofFirst, by(1, { at: 8_000, success: 2_000 }), by(0, { at: 12_000, success })];
    return broken('handed', { members: 2, lives: LIVES, requests, scrapes, losses });
  };
  t.is(verdict(2_000), 0);
  t.is(verdict(1_000), 1);
});

test('a member that stood still may show an older time than before, and one that did not breaks the law', (t) => {
  const requests = [poll(0, 4_990), poll(1, 8_000, { fault: 'status' })];
  const scrapes = [by(0, { at: 6_000, since: 5_500 }), by(0, { at: 9_000, since: 1_000 })];
  const run = { members: 2, lives: LIVES, requests, scrapes };
  t.is(broken('since', run), 1);
  t.is(broken('since', { ...run, losses: [{ life: 0, at: START + 6_500 }] }), 0);
  t.is(broken('since', { ...run, losses: [{ life: 1, at: START + 6_500 }] }), 1);
});

test('all members together keep to the rate, but for two requests of each', (t) => {
  const written = (count: number): WireRequest[] =>
    Array.from({ length: count }, (_, id) => ({
      life: id % 2,
      id,
      accessKeyId: 'key-a-1',
      subject: '',
      at: START + id,
      fromMs: id / 1_000,
      toMs: id / 1_000,
      overMs: id + 10,
      isAnswered: true,
    }));
  t.is(broken('quota', { members: 2, wire: written(4) }), 0);
  t.is(broken('quota', { members: 2, wire: written(5) }), 1);
  t.is(broken('quota', { members: 3, wire: written(6) }), 0);
});

test('with members a request is of the process at whose socket it was seen', (t) => {
  const failed = { code: 'SystemError', fault: 'error' };
  const requests = [poll(0, 2_000, failed), poll(1, 2_100)];
  const wire = (lives: readonly [number, number]): WireRequest[] =>
    requests.map(({ index: id, accessKeyId, arrivedMonotonicMs: fromMs }) => ({
      life: lives[id] ?? 0,
      id,
      accessKeyId,
      subject: 'GetRepoTagScanStatus cri-a crr-api v1 ',
      at: START + fromMs,
      fromMs,
      toMs: fromMs,
      overMs: fromMs + 10,
      isAnswered: true,
    }));
  t.is(broken('backoff', { members: 2, lives: LIVES, requests, wire: wire([0, 0]) }), 1);
  t.is(broken('backoff', { members: 2, lives: LIVES, requests: [...requests], wire: wire([0, 1]) }), 0);
});

test('members are spared what needs a state file, events or another clock', (t) => {
  const names = actionsFor(2).map(({ name }) => name);
  t.true(names.includes('kill -9'));
  t.true(names.includes('Redis: FLUSHALL'));
  t.deepEqual(
    names.filter((name) => /event|state|disk|wall clock/.test(name)),
    [],
  );
  t.false(actionsFor(1).some(({ name }) => name.startsWith('Redis')));
});
