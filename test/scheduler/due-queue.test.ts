import test from 'ava';
import fc from 'fast-check';
import { DueQueue, type QueueEntry, TAG_GROUPS, type TagGroup, type TaskGroup } from '../../src/scheduler/due-queue.ts';

type Named = QueueEntry & { readonly name: string };

function named(name: string): Named {
  return { name, group: 'unanswered', dueAtMs: 0, heap: undefined, position: -1 };
}

/** The groups while no event arrives. */
const WITHOUT_EVENTS = ['running', 'unanswered', 'settled'] as const;

/** A queue in which each group has `count` entries that have been due since the start, and are due again when taken. */
function saturated(groups: readonly TagGroup[], count = 50) {
  const queue = new DueQueue<Named>();
  for (const group of groups) for (let i = 0; i < count; i++) queue.put(named(`${group}-${i}`), group, i);
  return {
    queue,
    takeGroup(): TaskGroup {
      const entry = queue.takeNext(1_000_000);
      if (entry === undefined) throw new Error('nothing was due');
      const { group } = entry;
      queue.put(entry, group, 1_000);
      return group;
    },
  };
}

test('nothing is taken before it is due, and the longest overdue of a group comes first', (t) => {
  const queue = new DueQueue<Named>();
  for (const dueAtMs of [30, 10, 20]) queue.put(named(`at ${dueAtMs}`), 'settled', dueAtMs);
  t.is(queue.takeNext(9), undefined);
  t.is(queue.nextDueAtMs(), 10);
  t.deepEqual(
    [queue.takeNext(30), queue.takeNext(30), queue.takeNext(30), queue.takeNext(30)].map((entry) => entry?.name),
    ['at 10', 'at 20', 'at 30', undefined],
  );
  t.is(queue.nextDueAtMs(), undefined);
});

test('with all groups due, each five consecutive requests hold one of every lower group, and the others are of the most urgent', (t) => {
  for (const groups of [TAG_GROUPS, WITHOUT_EVENTS]) {
    const { takeGroup } = saturated(groups);
    const taken = Array.from({ length: 500 }, takeGroup);
    const [first, ...lower] = groups;
    for (let start = 0; start + 5 <= taken.length; start++) {
      const window = taken.slice(start, start + 5);
      for (const group of lower) t.true(window.includes(group), `requests ${start} to ${start + 4}: ${window}`);
    }
    t.is(taken.filter((group) => group === first).length, 500 - 100 * lower.length);
  }
});

test('requests for events take the turns of tags that an event announced', (t) => {
  const { queue } = saturated(['running', 'settled']);
  queue.put(named('feed'), 'events', 20);
  queue.put(named('announced'), 'woken', 10);
  t.deepEqual(
    [queue.takeNext(30), queue.takeNext(30)].map((entry) => entry?.name),
    ['announced', 'feed'],
  );
  queue.put(named('feed'), 'events', 5);
  t.is(queue.backlog(30).urgent.oldestMs, 30, 'it is no tag');
});

test('with two groups due, the lower one gets exactly one of five', (t) => {
  for (const pair of [
    ['woken', 'running'],
    ['woken', 'settled'],
    ['running', 'settled'],
    ['running', 'unanswered'],
    ['unanswered', 'settled'],
  ] as const) {
    const { takeGroup } = saturated(pair);
    const taken = Array.from({ length: 100 }, takeGroup);
    t.is(taken.filter((group) => group === pair[1]).length, 20, pair.join());
  }
});

test('a lower group that becomes due gets one of the next five requests, whatever came before', (t) => {
  const property = fc.property(
    fc.array(fc.constantFrom(...TAG_GROUPS), { maxLength: 40 }),
    fc.nat({ max: 30 }),
    (initially, warmUp) => {
      const { queue, takeGroup } = saturated(['woken', ...initially]);
      for (let i = 0; i < warmUp; i++) takeGroup();
      for (const group of WITHOUT_EVENTS) queue.put(named('new'), group, -1);
      const taken = Array.from({ length: 5 }, takeGroup);
      return WITHOUT_EVENTS.every((group) => taken.includes(group));
    },
  );
  t.notThrows(() => fc.assert(property));
});

/** Takes so many; what is taken is due again at once. */
function groupsTaken(queue: DueQueue<Named>, count: number): TaskGroup[] {
  return Array.from({ length: count }, () => {
    const entry = queue.takeNext(1_000_000);
    if (entry === undefined) throw new Error('nothing was due');
    queue.put(entry, entry.group, 1_000);
    return entry.group;
  });
}

/** A queue in which these groups and one request of discovery are always due. */
function discovering(groups: readonly TagGroup[]) {
  const { queue } = saturated(groups);
  queue.put(named('discovery'), 'discovery', 0);
  return queue;
}

test('while tags of any group are due, discovery gets at most one of three consecutive requests, and at least one of fifteen', (t) => {
  const property = fc.property(fc.subarray([...TAG_GROUPS], { minLength: 1 }), fc.nat({ max: 20 }), (groups, idle) => {
    const queue = new DueQueue<Named>();
    queue.put(named('discovery'), 'discovery', 0);
    t.deepEqual(new Set(groupsTaken(queue, idle)), new Set(idle === 0 ? [] : ['discovery']), 'alone it has every turn');
    for (const group of groups) for (let i = 0; i < 50; i++) queue.put(named(group), group, i);
    const taken = groupsTaken(queue, 300);
    for (let start = 0; start + 3 <= taken.length; start++) {
      const window = taken.slice(start, start + 3);
      t.true(window.filter((group) => group === 'discovery').length <= 1, `${start}: ${window}`);
    }
    for (let start = 0; start + 15 <= taken.length; start++)
      t.true(taken.slice(start, start + 15).includes('discovery'));
  });
  fc.assert(property);
});

test('while no more urgent tags are due, discovery gets a third of the requests', (t) => {
  for (const groups of [['settled'], ['unanswered']] as const) {
    const taken = groupsTaken(discovering(groups), 300);
    t.is(taken.filter((line) => line === 'discovery').length, 100, groups.join());
  }
});

test('discovery takes its requests from the share of tags without an answer, not from that of the other groups', (t) => {
  const taken = groupsTaken(discovering(WITHOUT_EVENTS), 300);
  const share = (group: TaskGroup) => taken.filter((each) => each === group).length;
  t.deepEqual([share('running'), share('settled'), share('unanswered'), share('discovery')], [180, 60, 40, 20]);
  for (let start = 0; start + 5 <= taken.length; start++) {
    const window = taken.slice(start, start + 5);
    t.true(window.includes('settled'));
    t.true(window.includes('unanswered') || window.includes('discovery'));
  }
});

test('the backlog does not count requests of discovery', (t) => {
  const queue = new DueQueue<Named>();
  queue.put(named('discovery'), 'discovery', 5);
  t.is(queue.nextDueAtMs(), 5);
  t.is(queue.size, 1);
  t.deepEqual(queue.backlog(1_000).urgent, { due: 0, oldestMs: 0 });
  t.is(queue.takeNext(4), undefined);
});

test('any sequence of puts, moves, removals and takes agrees with a plain sorted list', (t) => {
  const operation = fc.oneof(
    fc.record({ do: fc.constant('put' as const), who: fc.nat({ max: 19 }), at: fc.nat({ max: 100 }) }),
    fc.record({ do: fc.constant('remove' as const), who: fc.nat({ max: 19 }), at: fc.constant(0) }),
    fc.record({ do: fc.constant('take' as const), who: fc.constant(0), at: fc.nat({ max: 100 }) }),
  );
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
      const queue = new DueQueue<Named>();
      const entries = Array.from({ length: 20 }, (_, index) => named(`${index}`));
      const model = new Map<Named, number>();
      let nowMs = 0;
      for (const [index, { do: action, who, at }] of operations.entries()) {
        const entry = entries[who];
        if (entry === undefined) continue;
        nowMs = Math.max(nowMs, index - 50);
        if (action === 'put') {
          queue.put(entry, 'settled', at);
          model.set(entry, at);
        } else if (action === 'remove') {
          queue.remove(entry);
          model.delete(entry);
        } else {
          const earliest = Math.min(...model.values());
          const taken = queue.takeNext(at);
          t.is(taken === undefined ? undefined : model.get(taken), earliest <= at ? earliest : undefined);
          if (taken !== undefined) model.delete(taken);
        }
        t.is(queue.size, model.size);
        t.is(queue.nextDueAtMs() ?? Number.POSITIVE_INFINITY, Math.min(...model.values()));
        t.is(queue.backlog(nowMs).background.due, [...model.values()].filter((dueAt) => dueAt <= nowMs).length);
      }
    }),
  );
});

test('the backlog separates urgent from background tags, and has how long the oldest has waited', (t) => {
  const queue = new DueQueue<Named>();
  queue.put(named('running'), 'running', 900);
  queue.put(named('new'), 'unanswered', 400);
  queue.put(named('later'), 'running', 1_001);
  queue.put(named('announced'), 'woken', 950);
  queue.put(named('old'), 'settled', 0);
  t.deepEqual(queue.backlog(1_000), { urgent: { due: 3, oldestMs: 600 }, background: { due: 1, oldestMs: 1_000 } });
  t.deepEqual(new DueQueue<Named>().backlog(1_000), {
    urgent: { due: 0, oldestMs: 0 },
    background: { due: 0, oldestMs: 0 },
  });
});
