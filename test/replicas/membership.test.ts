// The loop of a member, with a scripted Redis and a manual clock.
import test, { type ExecutionContext } from 'ava';
import type { GroupView } from '../../src/model/replicas.ts';
import type { Beat, BeatReply } from '../../src/replicas/lease-script.ts';
import { Membership } from '../../src/replicas/membership.ts';
import { createLogger } from '../../src/util/logger.ts';
import { Redactor } from '../../src/util/redactor.ts';
import { ManualClock } from '../helpers/manual-clock.ts';

const RATE = 20;
const CONFIG = 'a';

type Answer = (beat: Beat) => Partial<BeatReply> | Error;

/** One member, and what its Redis answers. */
function setUp(t: ExecutionContext, first: Answer = () => ({})) {
  const clock = new ManualClock();
  const beats: Beat[] = [];
  const done: string[] = [];
  const lines: string[] = [];
  let answer = first;
  const releases = { gate: Promise.resolve() };
  const exchanges = { gate: Promise.resolve() };
  const redis: { downSinceMs: number | undefined } = { downSinceMs: undefined };
  const own = { config: CONFIG, told: () => {} };
  const takes: { error: Error | undefined } = { error: undefined };
  const membership = new Membership({
    clock,
    logger: createLogger({
      level: 'debug',
      format: 'logfmt',
      redactor: new Redactor(),
      write: (line) => lines.push(line),
    }),
    id: 'me',
    host: 'host',
    max: 4,
    config: () => own.config,
    client: {
      get downSinceMs() {
        return redis.downSinceMs;
      },
      async beat(beat) {
        beats.push(beat);
        await exchanges.gate;
        const reply = answer(beat);
        if (reply instanceof Error) throw reply;
        return {
          sequence: beats.length,
          epoch: 1,
          generation: 1,
          members: membersOf('me'),
          isKnown: beats.length > 1,
          settled: beat.released === (reply.epoch ?? 1),
          isLearning: false,
          isMember: true,
          shares: { default: { granted: 10, target: 10 } },
          ...reply,
        };
      },
      tell: () => {},
    },
    wishes: () => new Map([['default', { total: RATE, wanted: RATE }]]),
    release: async (view) => {
      await releases.gate;
      done.push(`release ${nameOf(view)}`);
    },
    take: async (view) => {
      if (takes.error !== undefined) throw takes.error;
      done.push(`take ${nameOf(view)}`);
    },
    sharesChanged: () => own.told(),
    dataLost: () => void done.push('lost'),
    failed: (error) => void done.push(`failed: ${error instanceof Error ? error.message : error}`),
  });
  const end = new AbortController();
  const running = membership.run(end.signal);
  t.teardown(async () => {
    end.abort();
    await running;
  });
  return {
    clock,
    membership,
    beats,
    done,
    lines,
    releases,
    exchanges,
    takes,
    own,
    redis,
    answers: (next: Answer) => {
      answer = next;
    },
  };
}

function membersOf(...ids: readonly string[]): BeatReply['members'] {
  return ids.map((id) => ({ id, host: `host of ${id}`, config: CONFIG }));
}

function nameOf(view: GroupView | undefined): string {
  return view === undefined ? 'everything' : `${view.epoch}: ${view.members.join(' ')}`;
}

test('a member releases in the first view, says so at once, and takes when all have released', async (t) => {
  const { clock, beats, done } = setUp(t);
  await clock.advance(0);
  await clock.advance(0);
  t.deepEqual(
    beats.slice(0, 2).map(({ released }) => released),
    [0, 1],
  );
  t.deepEqual(done, ['release everything', 'take 1: me']);
});

test('a member takes nothing while another has not released', async (t) => {
  const { clock, done, answers } = setUp(t);
  const members = membersOf('me', 'other');
  answers(() => ({ settled: false, members }));
  await clock.advance(10_000);
  t.deepEqual(done, ['release everything']);
  answers(() => ({ settled: true, members }));
  await clock.advance(2_000);
  t.deepEqual(done, ['release everything', 'take 1: me other']);
});

test('a member that others know releases only what it does not own in the new view', async (t) => {
  const { clock, done, answers } = setUp(t);
  await clock.advance(4_000);
  answers(() => ({ epoch: 2, settled: false, members: membersOf('me', 'new') }));
  await clock.advance(2_000);
  t.is(done.at(-1), 'release 2: me new');
});

test('a member that the group has forgotten releases everything, because others have taken it over', async (t) => {
  const { clock, done, answers } = setUp(t);
  await clock.advance(4_000);
  answers(() => ({ epoch: 2, isKnown: false }));
  await clock.advance(2_000);
  t.true(done.includes('release everything'));
  t.is(done.at(-1), 'take 2: me');
});

test('a forgotten member counts as one whose lease is over until it has released everything', async (t) => {
  const { clock, membership, answers, done, releases } = setUp(t);
  await clock.advance(2_000);
  t.true(membership.holdsLease);
  releases.gate = Promise.reject(new Error('cannot be applied'));
  releases.gate.catch(() => {});
  answers(() => ({ epoch: 2, isKnown: false, settled: false }));
  await clock.advance(1_000);
  t.false(membership.holdsLease);
  answers(() => ({ epoch: 2, settled: false }));
  releases.gate = Promise.resolve();
  await clock.advance(2_000);
  t.is(done.at(-1), 'release everything');
  t.true(membership.holdsLease);
});

test('a member keeps what it has when Redis has lost its data, and writes it again once', async (t) => {
  const { clock, done, answers } = setUp(t);
  await clock.advance(4_000);
  done.length = 0;
  answers(() => ({ epoch: 2, generation: 2, isKnown: false, isLearning: true, settled: false }));
  await clock.advance(6_000);
  t.deepEqual(done, ['lost', 'release 2: me']);
});

test('a share ends with its lease, and a member that may be cut off alone sends nothing until Redis keeps the safe share for it', async (t) => {
  const { clock, membership, answers } = setUp(t);
  t.is(membership.share('default', RATE), 0);
  await clock.advance(1);
  t.is(membership.share('default', RATE), 10);
  answers(() => new Error('gone'));
  await clock.advance(2_998);
  t.is(membership.share('default', RATE), 10);
  await clock.advance(1);
  t.is(membership.share('default', RATE), 0);
  await clock.advance(26_999);
  t.is(membership.share('default', RATE), 0);
  await clock.advance(1);
  t.is(membership.share('default', RATE), 5, 'RATE / max');
  t.is(membership.share('other', RATE), 5, 'credentials that a reload has added');
});

test('a lower rate holds at once: until the next exchange each member has its part of it', async (t) => {
  const { clock, membership, answers } = setUp(t);
  answers(() => ({ shares: { default: { granted: 8, target: 8 } } }));
  await clock.advance(1_000);
  t.is(membership.share('default', RATE), 8);
  t.is(membership.share('default', RATE / 4), 2);
  t.is(membership.share('default', 4 * RATE), 8, 'of a higher rate the others may not have given back anything yet');
});

test('while Redis is away for all, a member goes on with its share, and with no more than the safe one once Redis must notice the outage', async (t) => {
  const { clock, membership, answers, redis } = setUp(t);
  await clock.advance(1);
  answers(() => new Error('gone'));
  await clock.advance(1_000);
  redis.downSinceMs = clock.monotonic();
  await clock.advance(1_998);
  t.is(membership.share('default', RATE), 10);
  await clock.advance(1);
  t.is(membership.share('default', RATE), 0, 'after a shorter outage, Redis may give it to others');
  await clock.advance(500);
  t.is(membership.share('default', RATE), 0);
  await clock.advance(1);
  t.is(membership.share('default', RATE), 5, 'RATE / max');
});

test('who sends requests hears within a quarter of a second how an outage changes a share, also while an exchange waits for its answer', async (t) => {
  const { clock, membership, own, redis, exchanges } = setUp(t);
  await clock.advance(1);
  let answer = () => {};
  exchanges.gate = new Promise((resolve) => {
    answer = resolve;
  });
  t.teardown(() => answer());
  let heard = membership.share('default', RATE);
  own.told = () => {
    heard = membership.share('default', RATE);
  };
  await clock.advance(1_000);
  redis.downSinceMs = clock.monotonic();
  t.is(heard, 10);
  await clock.advance(2_249);
  t.is(heard, 0, 'the share was over after 3 s');
  await clock.advance(501);
  t.is(heard, 5, 'Redis must have noticed the outage after 3.5 s');
});

test('a member that stood still asks Redis before it sends anything, and asks again at once if the connection was lost', async (t) => {
  const { clock, membership, answers, beats, exchanges } = setUp(t);
  await clock.advance(1);
  let answer = () => {};
  exchanges.gate = new Promise((resolve) => {
    answer = resolve;
  });
  t.teardown(() => answer());
  clock.standStill(40_000);
  t.is(membership.share('default', RATE), 0);
  await clock.advance(1_500);
  t.is(membership.share('default', RATE), 0, 'while it asks');
  const asked = beats.length;
  answers(() => new Error('no answer'));
  answer();
  await clock.advance(0);
  t.is(membership.share('default', RATE), 5, 'Redis may be away');
  await clock.advance(250);
  t.is(beats.length, asked + 1);
});

test('credentials that a reload adds while Redis is away get the safe share when the shares of all others are over', async (t) => {
  const { clock, membership, answers, redis } = setUp(t);
  await clock.advance(1);
  t.is(membership.share('added', RATE), 0);
  answers(() => new Error('gone'));
  await clock.advance(1_000);
  redis.downSinceMs = clock.monotonic();
  await clock.advance(2_999);
  t.is(membership.share('added', RATE), 0);
  await clock.advance(1);
  t.is(membership.share('added', RATE), 5);
  await membership.leave();
  t.is(membership.share('added', RATE), 0);
});

test('a share that is smaller than the safe one does not grow before the shares of all others are over', async (t) => {
  const { clock, membership, answers, redis } = setUp(t);
  answers(() => ({ shares: { default: { granted: 1, target: 1 } } }));
  await clock.advance(1);
  answers(() => new Error('gone'));
  await clock.advance(1_000);
  redis.downSinceMs = clock.monotonic();
  await clock.advance(2_999);
  t.is(membership.share('default', RATE), 1);
  await clock.advance(1);
  t.is(membership.share('default', RATE), 5);
});

test('a member that was cut off alone before Redis went away for all waits until the shares of the others are over', async (t) => {
  const { clock, membership, answers, redis } = setUp(t);
  await clock.advance(1);
  answers(() => new Error('ETIMEDOUT'));
  await clock.advance(10_000);
  redis.downSinceMs = clock.monotonic();
  await clock.advance(2_999);
  t.is(membership.share('default', RATE), 0);
  await clock.advance(1);
  t.is(membership.share('default', RATE), 5);
});

test('an outage of Redis that ends within the time of a lease gives nobody the safe share', async (t) => {
  const { clock, membership, answers, redis } = setUp(t);
  await clock.advance(1);
  answers(() => new Error('gone'));
  await clock.advance(3_000);
  for (let outages = 0; outages < 4; outages += 1) {
    redis.downSinceMs = clock.monotonic();
    await clock.advance(2_999);
    redis.downSinceMs = undefined;
    await clock.advance(1_000);
    t.is(membership.share('default', RATE), 0);
  }
});

test('a smaller share is confirmed within a quarter of a second', async (t) => {
  const { clock, beats, answers } = setUp(t);
  await clock.advance(2_000);
  answers(() => ({ shares: { default: { granted: 4, target: 4 } } }));
  await clock.advance(2_000);
  const before = beats.length;
  await clock.advance(250);
  t.is(beats[before]?.rates.default?.held, 4);
});

test('an outage of Redis is logged once, with its cause, and its end', async (t) => {
  const { clock, lines, answers, membership } = setUp(t);
  await clock.advance(2_000);
  answers(() => new Error('connect ECONNREFUSED'));
  await clock.advance(5_000);
  answers(() => new Error('Command timed out'));
  await clock.advance(15_000);
  t.like(membership.status, { isConnected: false, problem: 'Command timed out' });
  answers(() => ({}));
  await clock.advance(2_000);
  const told = lines.filter((line) => line.includes('Redis'));
  t.is(told.length, 2, told.join(''));
  t.regex(told[0] ?? '', /level=error.*1\/4 of each rate.*problem="connect ECONNREFUSED"/);
  t.regex(told[1] ?? '', /level=info.*Redis answers again/);
});

test('before the first exchange each cause is logged when it changes', async (t) => {
  const { clock, lines, answers } = setUp(t, () => new Error('connect ECONNREFUSED'));
  await clock.advance(3_000);
  answers(() => new Error('WRONGPASS'));
  await clock.advance(3_000);
  answers(() => ({}));
  await clock.advance(2_000);
  const told = lines.filter((line) => line.includes('Redis'));
  t.is(told.length, 3, told.join(''));
  t.regex(told[0] ?? '', /waits to join.*problem="connect ECONNREFUSED"/);
  t.regex(told[1] ?? '', /waits to join.*problem=WRONGPASS/);
  t.regex(told[2] ?? '', /level=info/);
});

test('a scrape after the lease is over waits until the member knows what others have taken over, and has released it', async (t) => {
  const { clock, membership, answers, done, releases } = setUp(t);
  await clock.advance(2_000);
  await membership.confirmed();
  let open = () => {};
  releases.gate = new Promise((resolve) => {
    open = resolve;
  });
  clock.standStill(16_000);
  answers(() => ({ epoch: 2, isKnown: false, settled: false }));
  let isConfirmed = false;
  const confirmed = membership.confirmed().then(() => {
    isConfirmed = true;
  });
  await clock.advance(0);
  t.false(isConfirmed);
  open();
  await confirmed;
  t.true(done.at(-1) === 'release everything');
});

test('no scrape waits for Redis that is away for all for longer than the lease', async (t) => {
  const { clock, membership, answers, beats, redis } = setUp(t);
  await clock.advance(2_000);
  answers(() => new Error('away'));
  redis.downSinceMs = clock.monotonic();
  await clock.advance(20_000);
  const before = beats.length;
  await membership.confirmed();
  t.is(beats.length, before);
});

test('a scrape asks Redis while this member may be cut off alone: others have taken over, and the network may be back', async (t) => {
  const { clock, membership, answers, beats, redis } = setUp(t);
  await clock.advance(2_000);
  answers(() => new Error('ETIMEDOUT'));
  await clock.advance(20_000);
  const before = beats.length;
  await membership.confirmed();
  t.true(beats.length > before);
  redis.downSinceMs = clock.monotonic();
  await membership.confirmed();
  t.true(beats.length > before + 1, 'Redis went away after others took over');
});

test('a scrape asks Redis after the process stood still, although an exchange has failed since', async (t) => {
  // Also within its lease: while it stands still, it does not connect again to Redis that was restarted.
  for (const stoodStillMs of [6_000, 16_000]) {
    const { clock, membership, answers, beats } = setUp(t);
    await clock.advance(2_000);
    answers(() => new Error('Connection is closed'));
    clock.standStill(stoodStillMs);
    await clock.advance(0);
    const before = beats.length;
    t.false(membership.holdsLease);
    await membership.confirmed();
    t.true(beats.length > before);
  }
});

test('a scrape asks Redis after the process stood still in an exchange', async (t) => {
  const { clock, membership, exchanges, beats } = setUp(t);
  await clock.advance(2_000);
  let answer = () => {};
  exchanges.gate = new Promise((resolve) => {
    answer = resolve;
  });
  await clock.advance(1_000);
  clock.standStill(16_000);
  answer();
  await clock.advance(0);
  const before = beats.length;
  await membership.confirmed();
  t.true(beats.length > before);
});

test('a take that fails is reported and tried again', async (t) => {
  const { clock, done, membership, takes } = setUp(t);
  t.is(membership.status.isMember, false);
  takes.error = new Error('Redis is away');
  await clock.advance(500);
  takes.error = undefined;
  await clock.advance(4_000);
  t.deepEqual(done, ['release everything', 'failed: Redis is away', 'take 1: me']);
  t.like(membership.status, { isMember: true, isConnected: true, shares: [{ credentials: 'default', ratio: 0.5 }] });
});

test('a group that is full lets a member wait without a share', async (t) => {
  const { clock, membership, done, lines, answers } = setUp(t);
  answers(() => ({
    isMember: false,
    isKnown: false,
    members: membersOf('other'),
    shares: { default: { granted: 0, target: 0 } },
  }));
  await clock.advance(6_000);
  t.is(membership.share('default', RATE), 0);
  t.deepEqual(done, ['release everything']);
  t.is(lines.filter((line) => line.includes('is full')).length, 1);
});

test('members with another configuration are told after a minute, once, and so is the end', async (t) => {
  const { clock, membership, lines, answers } = setUp(t);
  const logged = () => lines.filter((line) => line.includes('configuration'));
  const withOther = (config: string) => ({
    members: [...membersOf('me'), { id: 'two', host: 'pod-2', config }, { id: 'three', host: 'pod-1', config }],
  });
  answers(() => withOther('b'));
  await clock.advance(0);
  await clock.advance(59_000);
  t.deepEqual(membership.status.differs, []);
  t.deepEqual(logged(), []);
  await clock.advance(1_000);
  t.deepEqual(membership.status.differs, ['pod-1', 'pod-2']);
  await clock.advance(10_000);
  t.is(logged().length, 1);
  t.regex(logged()[0] ?? '', /level=warn .*replicas have different configurations.*pod-1, pod-2/);
  answers(() => withOther(CONFIG));
  await clock.advance(2_000);
  t.deepEqual(membership.status.differs, []);
  t.is(logged().length, 2);
  t.regex(logged()[1] ?? '', /level=info .*replicas have the same configuration again/);
  answers(() => withOther('b'));
  await clock.advance(59_000);
  t.deepEqual(membership.status.differs, [], 'the minute begins again');
});

test('a member that reloads its configuration compares the new one', async (t) => {
  const { clock, membership, beats, own, answers } = setUp(t);
  answers(() => ({ members: membersOf('me', 'other') }));
  own.config = 'b';
  await clock.advance(62_000);
  t.is(beats.at(-1)?.config, 'b');
  t.deepEqual(membership.status.differs, ['host of other']);
  own.config = CONFIG;
  await clock.advance(2_000);
  t.is(beats.at(-1)?.config, CONFIG);
  t.deepEqual(membership.status.differs, []);
});
