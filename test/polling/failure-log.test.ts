// An outage is one line, however many tags it concerns.
import test from 'ava';
import { FailureLog } from '../../src/polling/failure-log.ts';
import { ManualClock } from '../helpers/manual-clock.ts';

type Tag = { readonly instance: string; readonly name: string };

const MINUTE = 60_000;

function setUp() {
  const clock = new ManualClock();
  const stop = new AbortController();
  const [lines, debug, errors]: [string[], string[], string[]] = [[], [], []];
  const log = (message: string, fields: object = {}) => {
    const { tags, example, code, lasting, lasted, error, instance_id: instance } = fields as Record<string, unknown>;
    const words = [message, instance, code, tags, example, lasting ?? lasted];
    lines.push(words.filter((word) => word !== undefined).join(' '));
    if (error !== undefined) errors.push(`${example}: ${error}`);
  };
  const removed = new Set<Tag>();
  const failures = new FailureLog<Tag>(
    {
      action: 'GetRepoTagScanStatus',
      begun: 'polls fail',
      over: 'polls no longer fail',
      failed: 'poll failed',
      counted: 'tags',
      instanceOf: ({ instance }) => instance,
      nameOf: ({ name }) => name,
      isWatched: (tag) => !removed.has(tag),
    },
    {
      clock,
      stopping: stop.signal,
      logger: { debug: (message) => debug.push(message), info: log, warn: log, error: log },
    },
  );
  const fail = (tag: Tag, code = 'SystemError', message = 'of the test') =>
    failures.failed(tag, { code, message, requestId: '1' });
  return { clock, stop, lines, debug, errors, removed, failures, fail };
}

function tagsOf(instance: string, count: number): Tag[] {
  return Array.from({ length: count }, (_, n) => ({ instance, name: `shop/api:v${n}` }));
}

test('5,000 tags that fail with the same code are one line, another one after ten minutes, and one at the end', async (t) => {
  const { clock, lines, debug, failures, fail } = setUp();
  const tags = tagsOf('cri-1', 5_000);
  for (const tag of tags.slice(0, 300)) fail(tag);
  t.deepEqual(lines, []);
  await clock.advance(1_000);
  t.deepEqual(lines.splice(0), ['polls fail cri-1 SystemError 300 shop/api:v0']);
  for (let minutes = 0; minutes < 12; minutes++) {
    for (const tag of tags) fail(tag);
    await clock.advance(MINUTE);
  }
  t.deepEqual(lines.splice(0), ['polls fail cri-1 SystemError 5000 shop/api:v0 10m1s']);
  for (const tag of tags) failures.answered(tag);
  t.deepEqual(lines.splice(0), ['polls no longer fail cri-1 SystemError 5000 12m1s']);
  t.is(debug.length, 5_000, 'single tags are told at the level debug');
  await clock.advance(60 * MINUTE);
  t.deepEqual(lines, []);
});

test('each instance and code is an outage of its own, and a tag that fails with another code leaves its outage', async (t) => {
  const { clock, lines, fail } = setUp();
  const [one, other] = [...tagsOf('cri-1', 1), ...tagsOf('cri-2', 1)] as [Tag, Tag];
  fail(one);
  fail(other);
  await clock.advance(1_000);
  fail(one, 'NoPrivilege');
  await clock.advance(1_000);
  t.deepEqual(lines, [
    'polls fail cri-1 SystemError 1 shop/api:v0',
    'polls fail cri-2 SystemError 1 shop/api:v0',
    'polls no longer fail cri-1 SystemError 1 1s',
    'polls fail cri-1 NoPrivilege 1 shop/api:v0',
  ]);
});

test('the error in a line belongs to the tag in the line', async (t) => {
  const { clock, lines, errors, failures, fail } = setUp();
  const [one, other, third] = tagsOf('cri-1', 3) as [Tag, Tag, Tag];
  fail(one, 'SystemError', 'of one');
  fail(other, 'SystemError', 'of other');
  await clock.advance(1_000);
  t.deepEqual(errors.splice(0), ['shop/api:v0: of one']);
  failures.answered(one);
  fail(third, 'SystemError', 'of third');
  fail(other, 'SystemError', 'of other');
  await clock.advance(10 * MINUTE);
  t.deepEqual(errors.splice(0), ['shop/api:v2: of third']);
  failures.answered(third);
  await clock.advance(10 * MINUTE);
  t.regex(lines.at(-1) ?? '', /^polls fail cri-1 SystemError 1 shop\/api:v1 /);
  t.deepEqual(errors, [], 'rather none than that of another tag');
});

test('an error that ends within a second is not logged', async (t) => {
  const { clock, lines, failures, fail } = setUp();
  const [tag] = tagsOf('cri-1', 1) as [Tag];
  fail(tag);
  failures.answered(tag);
  await clock.advance(MINUTE);
  t.deepEqual(lines, []);
});

test('an outage that comes back again and again is only logged if it lasts', async (t) => {
  const { clock, lines, failures, fail } = setUp();
  const [tag] = tagsOf('cri-1', 1) as [Tag];
  for (let times = 0; times < 8; times++) {
    fail(tag);
    await clock.advance(5_000);
    failures.answered(tag);
    await clock.advance(MINUTE);
  }
  t.deepEqual(lines.splice(0), [
    'polls fail cri-1 SystemError 1 shop/api:v0',
    'polls no longer fail cri-1 SystemError 1 5s',
  ]);
  fail(tag);
  await clock.advance(MINUTE);
  t.deepEqual(lines, ['polls fail cri-1 SystemError 1 shop/api:v0']);
});

test('tags that are no longer watched do not make an outage last', async (t) => {
  const { clock, lines, removed, fail } = setUp();
  const tags = tagsOf('cri-1', 3);
  for (const tag of tags) fail(tag);
  await clock.advance(1_000);
  for (const tag of tags) removed.add(tag);
  await clock.advance(10 * MINUTE);
  t.deepEqual(lines, ['polls fail cri-1 SystemError 3 shop/api:v0', 'polls no longer fail cri-1 SystemError 3 10m1s']);
});

test('nothing is logged after the stop', async (t) => {
  const { clock, stop, lines, fail } = setUp();
  for (const tag of tagsOf('cri-1', 3)) fail(tag);
  stop.abort();
  await clock.advance(20 * MINUTE);
  t.deepEqual(lines, []);
});
