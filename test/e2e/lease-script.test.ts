// The script of the leases in a real Redis: the sum of the shares, whatever members and Redis do.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import type { BeatReply } from '../../src/replicas/lease-script.ts';
import { LEASE_SCRIPT } from '../../src/replicas/lease-script.ts';
import { RedisConnection } from '../../src/storage/redis-connection.ts';
import { systemClock } from '../../src/util/clock.ts';
import { parseRedisUrl } from '../../src/util/redis-url.ts';
import { RedisServer } from './helpers/redis.ts';
import { until } from './helpers/until.ts';

const RATE = 20;
const MAX = 4;
/** Long enough to pass only where a test lets it. */
const LONG_MS = 60_000;
const TIMES = { memberLease: LONG_MS, shareLease: LONG_MS, outage: LONG_MS, learning: LONG_MS, keptAfter: LONG_MS };

type BeatOptions = {
  readonly wanted?: number;
  readonly leaves?: boolean;
  readonly hasReconnected?: boolean;
  readonly times?: Partial<typeof TIMES>;
};

/** A member that does what it is told, but for the times of its beats. */
class Member {
  readonly id = randomUUID();
  readonly #connection: RedisConnection;
  readonly #group: string;
  /** What it uses. */
  held = 0;
  seen = 0;
  released = 0;
  config = 'a';

  constructor(connection: RedisConnection, group: string) {
    this.#connection = connection;
    this.#group = group;
  }

  get channel(): string {
    return `{${this.#group}}:member:${this.id}`;
  }

  async beat({
    wanted = RATE,
    leaves = false,
    hasReconnected = false,
    times = {},
  }: BeatOptions = {}): Promise<BeatReply> {
    const { id, channel, seen, released, config } = this;
    const rates = { default: { total: RATE, wanted, held: this.held } };
    const beat = { id, host: 'host', config, channel, max: MAX, seen, released, leaves, rates, hasReconnected };
    const keys = [`{${this.#group}}:members`, `{${this.#group}}:news`] as const;
    const text = await this.#connection.send((redis) =>
      redis.eval(LEASE_SCRIPT, 2, ...keys, JSON.stringify(beat), JSON.stringify({ ...TIMES, ...times })),
    );
    const reply: BeatReply = JSON.parse(String(text));
    this.seen = reply.sequence;
    this.released = reply.epoch;
    this.held = reply.shares.default?.granted ?? 0;
    return reply;
  }
}

async function connect(
  t: ExecutionContext,
  redis: RedisServer,
  channels: readonly string[] = ['{x}'],
  received: (channel: string, message: string) => void = () => {},
) {
  const address = parseRedisUrl(redis.url);
  if (address === undefined) throw new Error(redis.url);
  const connection = new RedisConnection({ clock: systemClock, channels, received });
  connection.use(address);
  t.teardown(() => connection.close());
  await connection.connected();
  return connection;
}

/** Members of a group whose first seconds are over. */
async function settled(members: readonly Member[]): Promise<void> {
  for (const each of members) await each.beat({ times: { learning: 0 } });
  for (let beats = 0; beats < 6; beats += 1) for (const each of members) await each.beat();
}

test('members never get more than the rate in all, whatever they want, and whatever Redis forgets', async (t) => {
  const connection = await connect(t, await RedisServer.start(t));
  const step = fc.record({
    who: fc.nat(5),
    wanted: fc.double({ min: 0, max: 2 * RATE, noNaN: true }),
    what: fc.constantFrom('beat', 'beat', 'beat', 'beat', 'beat', 'beat', 'leave', 'forget'),
  });
  const property = fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
    const group = randomUUID();
    const members = Array.from({ length: 6 }, () => new Member(connection, group));
    await settled(members.slice(0, 3));
    for (const { who, wanted, what } of steps) {
      const member = members[who] ?? new Member(connection, group);
      if (what === 'forget') await connection.send((redis) => redis.del(`{${group}}:members`));
      if (what === 'leave') member.held = 0;
      await member.beat({ wanted, leaves: what === 'leave' });
      const sum = members.reduce((all, { held }) => all + held, 0);
      if (sum > RATE * 1.000001) throw new Error(`${sum} after ${what} of ${who}`);
    }
  });
  await t.notThrowsAsync(fc.assert(property, { numRuns: 60 }));
});

test('members that want all share the whole rate equally, and what one does not want the others get', async (t) => {
  const connection = await connect(t, await RedisServer.start(t));
  const members = Array.from({ length: 4 }, () => new Member(connection, 'g'));
  await settled(members);
  t.deepEqual(
    members.map(({ held }) => held),
    [5, 5, 5, 5],
  );
  for (let round = 0; round < 20; round += 1)
    for (const [index, each] of members.entries()) await each.beat({ wanted: index === 0 ? 2 : RATE });
  t.deepEqual(
    members.map(({ held }) => Math.round(held)),
    [2, 6, 6, 6],
  );
});

test('the share of a silent member goes to the others; later the safe share is kept for it while its process lives, and nothing when it has ended', async (t) => {
  const redis = await RedisServer.start(t);
  const connection = await connect(t, redis);
  const [one, two] = [new Member(connection, 'g'), new Member(connection, 'g')];
  const alive = await connect(t, redis, [two.channel]);
  const isSubscribed = async () => {
    const counts = await connection.send((each) => each.call('PUBSUB', 'SHARDNUMSUB', two.channel));
    return Array.isArray(counts) && counts[1] === 1;
  };
  await until('a subscription', 5_000, async () => (await isSubscribed()) || undefined);
  await settled([one, two]);
  t.is(one.held, RATE / 2);
  const silent = { shareLease: 0, learning: 0 };
  await two.beat({ times: silent });
  await one.beat({ times: silent });
  t.is(one.held, RATE);
  await one.beat({ times: { ...silent, keptAfter: 0 } });
  t.is(one.held, RATE - RATE / MAX);
  alive.close();
  await until('no subscription', 5_000, async () => !(await isSubscribed()) || undefined);
  t.is((await one.beat({ times: silent })).members.length, 1);
  t.is(one.held, RATE);
});

test('after an outage the safe share is kept for each member until it has come back, and none counts as gone', async (t) => {
  const connection = await connect(t, await RedisServer.start(t));
  const [one, two] = [new Member(connection, 'g'), new Member(connection, 'g')];
  await settled([one, two]);
  const { generation } = await two.beat({ times: { shareLease: 0, learning: 0 } });
  one.held = 0;
  const reply = await one.beat({ times: { shareLease: -1, outage: -1 } });
  t.like(reply, { isLearning: true, settled: false });
  t.true(reply.generation > generation);
  t.is(one.held, RATE - RATE / MAX);
  t.is(reply.members.length, 2);
  two.held = 0;
  for (const each of [two, one, two, two]) await each.beat();
  t.false((await one.beat()).isLearning);
  t.is(one.held, RATE / 2);
});

test('nobody takes before all have released, and members that come and go make a new view', async (t) => {
  const connection = await connect(t, await RedisServer.start(t));
  const [one, two] = [new Member(connection, 'g'), new Member(connection, 'g')];
  await settled([one]);
  const before = await one.beat();
  t.like(before, { settled: true, isKnown: true, isLearning: false });
  const joined = await two.beat();
  t.like(joined, { settled: false, isKnown: false, isMember: true });
  t.true(joined.epoch > before.epoch);
  t.false((await one.beat()).settled, 'it has not released yet');
  t.false((await two.beat()).settled);
  t.true((await one.beat()).settled);
  const left = await two.beat({ leaves: true });
  t.true(left.epoch > joined.epoch);
  t.deepEqual(
    (await one.beat()).members.map(({ id }) => id),
    [one.id],
  );
});

test('a full group lets others wait until one leaves', async (t) => {
  const connection = await connect(t, await RedisServer.start(t));
  const members = Array.from({ length: MAX }, () => new Member(connection, 'g'));
  await settled(members);
  const waiting = new Member(connection, 'g');
  const { epoch } = await waiting.beat();
  t.like(await waiting.beat(), { isMember: false, epoch, shares: { default: { granted: 0 } } });
  await members[0]?.beat({ leaves: true });
  t.true((await waiting.beat()).isMember);
});

test('a replica that waits for a place wakes nobody', async (t) => {
  const redis = await RedisServer.start(t);
  const connection = await connect(t, redis);
  const messages: string[] = [];
  await connect(t, redis, ['{g}:news'], (_channel, message) => void messages.push(message));
  const tell = (text: string) => connection.send((each) => each.spublish('{g}:news', text));
  const heard = async (text: string) => {
    await until(text, 30_000, async () => {
      await tell(text);
      return messages.includes(text) || undefined;
    });
    return messages.splice(0).filter((message) => message.startsWith('{'));
  };
  const members = Array.from({ length: MAX }, () => new Member(connection, 'g'));
  await heard('begin');
  await settled(members);
  t.true((await heard('joined')).length > 0);
  const waiting = new Member(connection, 'g');
  for (let beats = 0; beats < 5; beats += 1) await waiting.beat();
  t.deepEqual(await heard('waited'), []);
  await members[0]?.beat({ leaves: true });
  t.true((await heard('left')).length > 0);
});

test('a member without a connection counts as gone when its share is over, but not where Redis may have closed all connections', async (t) => {
  const connection = await connect(t, await RedisServer.start(t));
  const [one, two] = [new Member(connection, 'g'), new Member(connection, 'g')];
  await settled([one, two]);
  const silent = { shareLease: 0, learning: 0 };
  await two.beat({ times: silent });
  const members = async (options: BeatOptions) => (await one.beat(options)).members.length;
  t.is(await members({ hasReconnected: true }), 2);
  t.is(await members({}), 2, 'it may connect again later');
  await two.beat({ times: { ...silent, memberLease: 0 } });
  t.is(await members({ hasReconnected: true }), 1, 'its lease is over');
  t.false((await two.beat()).isKnown);
  await settled([one, two]);
  await two.beat({ times: silent });
  t.is(await members({ hasReconnected: true, times: { learning: 0 } }), 1, 'all have had time to connect');
});

test('a member that was gone is told so until it has seen an answer', async (t) => {
  const connection = await connect(t, await RedisServer.start(t));
  const [one, two] = [new Member(connection, 'g'), new Member(connection, 'g')];
  await settled([one, two]);
  const { seen, released } = two;
  await two.beat({ times: { memberLease: 0 } });
  two.seen = seen;
  t.is((await one.beat({ times: { learning: 0 } })).members.length, 1, 'it is gone');
  for (const answers of ['the answer is lost', 'once more', 'it is seen']) {
    const { isKnown, isMember } = await two.beat();
    t.deepEqual({ isKnown, isMember }, { isKnown: false, isMember: true }, answers);
    if (answers !== 'it is seen') Object.assign(two, { seen, released });
  }
  t.true((await two.beat()).isKnown);
});

test('older data is noticed: no share grows, and none of the members counts as gone', async (t) => {
  const connection = await connect(t, await RedisServer.start(t));
  const [one, two] = [new Member(connection, 'g'), new Member(connection, 'g')];
  await settled([one]);
  const old = await connection.send((redis) => redis.hgetall('{g}:members'));
  await settled([two]);
  for (const each of [one, two, one, two, one, two]) await each.beat();
  t.is(one.held + two.held, RATE);
  await connection.send((redis) => redis.del('{g}:members'));
  await connection.send((redis) => redis.hset('{g}:members', old));
  t.like(await one.beat({ wanted: RATE }), { isLearning: true, settled: false });
  t.is(one.held, RATE / 2);
  t.like(await two.beat(), { isLearning: true });
  t.is(two.held, RATE / 2);
});

test('after a loss of data members may still come back if Redis is away again before they have', async (t) => {
  const redis = await RedisServer.start(t);
  const connection = await connect(t, redis);
  const [one, two, three] = [new Member(connection, 'g'), new Member(connection, 'g'), new Member(connection, 'g')];
  await settled([one, two, three]);
  await redis.command('FLUSHALL');
  const times = { outage: 500, learning: 2_000 };
  for (const each of [one, two]) t.true((await each.beat({ times })).isLearning);
  await sleep(2_100);
  for (const each of [one, two]) t.false((await each.beat({ times })).settled);
  t.like(await three.beat({ times }), { isKnown: false, isLearning: true });
});

test('what the script did not write is lost data: no share grows, and none of the members counts as gone', async (t) => {
  const connection = await connect(t, await RedisServer.start(t));
  const [one, two] = [new Member(connection, 'g'), new Member(connection, 'g')];
  await settled([one, two]);
  for (const [field, value] of [
    ['m:half', '{"host":"x"'],
    ['m:other', '{"host":"x"}'],
    ['m:number', '5'],
    ['epoch', 'x'],
    ['sequence', ''],
  ] as const) {
    await connection.send((redis) => redis.hset('{g}:members', field, value));
    const { members } = await one.beat();
    t.is(members.length, 2, field);
    t.true((await two.beat()).isLearning, field);
    t.true(one.held + two.held <= RATE, field);
    await settled([one, two]);
  }
  await connection.send((redis) => redis.hset('{g}:members', 'of-another-version', 'x'));
  t.true((await one.beat()).isMember);
});

test('the reply tells the configuration of each member, as of its last exchange', async (t) => {
  const connection = await connect(t, await RedisServer.start(t));
  const [one, two] = [new Member(connection, 'g'), new Member(connection, 'g')];
  two.config = 'b';
  await settled([one, two]);
  const configOf = (members: BeatReply['members']) => Object.fromEntries(members.map(({ id, config }) => [id, config]));
  t.deepEqual(configOf((await one.beat()).members), { [one.id]: 'a', [two.id]: 'b' });
  two.config = 'a';
  t.deepEqual(configOf((await two.beat()).members), { [one.id]: 'a', [two.id]: 'a' });
  t.deepEqual(configOf((await one.beat()).members), { [one.id]: 'a', [two.id]: 'a' });
});

test('Redis without memory still renews leases', async (t) => {
  const connection = await connect(t, await RedisServer.start(t));
  const one = new Member(connection, 'g');
  await settled([one]);
  await connection.send((redis) => redis.config('SET', 'maxmemory', '1'));
  await t.throwsAsync(
    connection.send((redis) => redis.set('x', 'y')),
    { message: /OOM/ },
  );
  t.true((await one.beat()).isMember);
});
