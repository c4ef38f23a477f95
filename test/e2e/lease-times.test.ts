// Members whose exchanges come late, or are lost, with a real Redis that runs the script of the leases at a time that the test sets: at no moment may
// they use more than the rate together, each by its own clock.
import { randomUUID } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import type { GroupClient } from '../../src/replicas/group-client.ts';
import { type Beat, type BeatReply, LEASE_SCRIPT, TIMES } from '../../src/replicas/lease-script.ts';
import { Membership } from '../../src/replicas/membership.ts';
import { RedisConnection } from '../../src/storage/redis-connection.ts';
import { systemClock } from '../../src/util/clock.ts';
import { parseRedisUrl } from '../../src/util/redis-url.ts';
import { ManualClock, settle } from '../helpers/manual-clock.ts';
import { RedisServer } from './helpers/redis.ts';

const RATE = 20;
const MAX = 4;
/** As the client of Redis. */
const TIMEOUT_MS = 1_500;
/** A member without an answer takes Redis for away so long after its return. */
const NOTICED_WITHIN_MS = 1_000;
const STEP_MS = 20;
const RUN_MS = 45_000;
const REDIS_STARTED_MS = Date.UTC(2026, 0, 1);
/** In a row, of one member that is not cut off: then its client would connect again. */
const MAX_FAILURES = 2;
const PROMPT: Delivery = { thereMs: 0, backMs: 0, isLost: false, wanted: 0 };
const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

/** What happens to one exchange: how long the request and the reply take, in milliseconds, and whether the reply is lost. */
type Delivery = {
  readonly thereMs: number;
  readonly backMs: number;
  readonly isLost: boolean;
  readonly wanted: number;
};
/** What happens once, to the first member or to Redis. */
type Fault = 'none' | 'cut off' | 'killed' | 'Redis away' | 'data lost';

type Plan = {
  readonly startsMs: readonly number[];
  readonly deliveries: readonly Delivery[];
  readonly fault: Fault;
  readonly fromMs: number;
  readonly forMs: number;
};

const delayMs = fc.oneof({ weight: 2, arbitrary: fc.nat(50) }, { weight: 1, arbitrary: fc.nat(1_400) });
const PLAN: fc.Arbitrary<Plan> = fc.record({
  startsMs: fc.array(fc.nat(12_000), { minLength: 2, maxLength: MAX }),
  deliveries: fc.array(
    fc.record({
      thereMs: delayMs,
      backMs: delayMs,
      isLost: fc.nat(9).map((number) => number === 0),
      wanted: fc.oneof(fc.constantFrom(0, RATE), fc.double({ min: 0, max: 2 * RATE, noNaN: true })),
    }),
    { minLength: 20, maxLength: 80 },
  ),
  fault: fc.constantFrom<Fault>('none', 'cut off', 'killed', 'Redis away', 'data lost'),
  fromMs: fc.integer({ min: 12_000, max: 20_000 }),
  forMs: fc.integer({ min: 500, max: 20_000 }),
});

/** The script with the time and the living processes of the test in place of those of Redis. */
const SCRIPT = [
  ["redis.call('TIME')", 'cjson.decode(ARGV[3])'],
  ["redis.call('PUBSUB', 'SHARDNUMSUB', member.channel)[2] > 0", 'cjson.decode(ARGV[4])[member.channel]'],
].reduce((script, [before = '', after = '']) => {
  if (!script.includes(before)) throw new Error(`expected ${before} in the script`);
  return script.replace(before, after);
}, LEASE_SCRIPT);

/** A group in which all time is of one manual clock. */
class Group {
  readonly clock = new ManualClock();
  readonly #connection: RedisConnection;
  readonly #plan: Plan;
  readonly #name = randomUUID();
  readonly #members = new Map<string, Membership>();
  readonly #alive = new Set<string>();
  readonly #end = new AbortController();
  /** Scripts that Redis runs now. Their replies are given at the end of a step, so that a plan always gives the same run. */
  readonly #running: Promise<() => void>[] = [];
  #delivered = 0;

  constructor(connection: RedisConnection, plan: Plan) {
    this.#connection = connection;
    this.#plan = plan;
  }

  /** Gives the largest sum of what the members might use, and when that was. */
  async run(): Promise<{ readonly most: number; readonly mostAtMs: number }> {
    const { startsMs, fault, fromMs } = this.#plan;
    const starts = startsMs.map((atMs, index) => ({ atMs: index === 0 ? 0 : atMs, id: `member-${index}` }));
    let [most, mostAtMs] = [0, 0];
    let isHit = false;
    while (this.clock.monotonic() < RUN_MS) {
      const nowMs = this.clock.monotonic();
      for (const { id } of starts.filter(({ atMs }) => atMs >= nowMs && atMs < nowMs + STEP_MS)) this.#start(id);
      if (!isHit && nowMs >= fromMs) {
        isHit = true;
        if (fault === 'killed') this.#kill('member-0');
        if (fault === 'data lost') await this.#connection.send((redis) => redis.del(`{${this.#name}}:members`));
      }
      await this.#step();
      const sum = [...this.#members.values()].reduce((all, member) => all + member.share('default', RATE), 0);
      if (sum > most) [most, mostAtMs] = [sum, this.clock.monotonic()];
    }
    this.#end.abort();
    await this.#step();
    return { most, mostAtMs };
  }

  /** Lets a little time pass. What Redis is asked meanwhile is answered in it. */
  async #step(): Promise<void> {
    await this.clock.advance(STEP_MS);
    for (const give of await Promise.all(this.#running.splice(0))) give();
    await settle();
  }

  /**
   * When data is lost, a member gets back what it says that it holds. So a request must not be older than the share of which it tells: that one may be
   * over, and belong to others.
   */
  get #latestMs(): number {
    return this.#plan.fault === 'data lost' ? 50 : TIMEOUT_MS;
  }

  #start(id: string): void {
    this.#alive.add(id);
    const membership = new Membership({
      client: this.#client(id),
      clock: this.clock,
      logger: SILENT,
      id,
      host: 'host',
      max: MAX,
      config: () => '',
      wishes: () => new Map([['default', { total: RATE, wanted: this.#next().wanted }]]),
      release: async () => {},
      take: async () => {},
      sharesChanged: () => {},
      dataLost: () => {},
      failed: () => {},
    });
    this.#members.set(id, membership);
    void membership.run(this.#end.signal);
  }

  #kill(id: string): void {
    this.#alive.delete(id);
    this.#members.delete(id);
  }

  #next(): Delivery {
    const { deliveries } = this.#plan;
    const next = deliveries[this.#delivered++ % deliveries.length];
    if (next === undefined) throw new Error('expected deliveries');
    return next;
  }

  #client(id: string): GroupClient {
    const clock = this.clock;
    const plan = this.#plan;
    const isDuring = (fault: Fault) => {
      const { fault: planned, fromMs, forMs } = plan;
      const nowMs = clock.monotonic();
      return fault === planned && nowMs >= fromMs && nowMs < fromMs + forMs;
    };
    const isReachable = () => !isDuring('Redis away') && !(id === 'member-0' && isDuring('cut off'));
    const never = new Promise<never>(() => {});
    /** Requests of one connection arrive in their order. */
    let lastArrivalMs = 0;
    let lastAnswerMs = 0;
    /** Since the last answer in time. */
    let failures = 0;
    const exchange = async (beat: Beat): Promise<BeatReply> => {
      const { thereMs, backMs, isLost } = failures < MAX_FAILURES ? this.#next() : PROMPT;
      failures += 1;
      lastArrivalMs = Math.max(lastArrivalMs, clock.monotonic() + Math.min(thereMs, this.#latestMs));
      await clock.sleep(lastArrivalMs - clock.monotonic());
      if (!isReachable() || !this.#alive.has(id)) return never;
      const reply = await this.#evaluate(id, beat);
      await clock.sleep(backMs);
      if (isLost || !isReachable()) return never;
      failures = 0;
      lastAnswerMs = clock.monotonic();
      return reply;
    };
    return {
      get downSinceMs() {
        const { fault, fromMs, forMs } = plan;
        const nowMs = clock.monotonic();
        const isNoticed =
          nowMs >= fromMs && nowMs < fromMs + forMs + NOTICED_WITHIN_MS && lastAnswerMs < fromMs + forMs;
        return fault === 'Redis away' && isNoticed ? fromMs : undefined;
      },
      beat: (beat) =>
        Promise.race([
          exchange(beat),
          clock.sleep(TIMEOUT_MS).then(() => {
            throw new Error('Command timed out');
          }),
        ]),
      tell: () => {},
    };
  }

  async #evaluate(id: string, beat: Beat): Promise<BeatReply> {
    const nowMs = REDIS_STARTED_MS + this.clock.monotonic();
    const time = [Math.floor(nowMs / 1_000), Math.round((nowMs % 1_000) * 1_000)];
    const alive = Object.fromEntries([...this.#alive].map((each) => [each, true]));
    const values = [{ ...beat, id, channel: id }, TIMES, time, alive].map((value) => JSON.stringify(value));
    const keys = [`{${this.#name}}:members`, `{${this.#name}}:news`] as const;
    const evaluated = this.#connection.send((redis) => redis.eval(SCRIPT, 2, ...keys, ...values));
    return new Promise((resolve) => {
      this.#running.push(evaluated.then((text) => () => resolve(JSON.parse(String(text)))));
    });
  }
}

async function connect(t: ExecutionContext): Promise<RedisConnection> {
  const redis = await RedisServer.start(t);
  const address = parseRedisUrl(redis.url);
  if (address === undefined) throw new Error(redis.url);
  const connection = new RedisConnection({ clock: systemClock, channels: ['{x}'], received: () => {} });
  connection.use(address);
  t.teardown(() => connection.close());
  await connection.connected();
  return connection;
}

test('members never use more than the rate together, however late their exchanges are, and whichever are lost', async (t) => {
  t.timeout(120_000);
  const connection = await connect(t);
  const property = fc.asyncProperty(PLAN, async (plan) => {
    const { most, mostAtMs } = await new Group(connection, plan).run();
    if (most > RATE * 1.000001) throw new Error(`${most} at ${mostAtMs} ms`);
  });
  await t.notThrowsAsync(fc.assert(property, { numRuns: 80, endOnFailure: true }));
});
