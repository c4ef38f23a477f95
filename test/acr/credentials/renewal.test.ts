// Sessions are renewed beside the polls: ahead of their end, not too often, and without anyone waiting who has good ones.
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import type { SdkCredentials } from '../../../src/acr/credentials/sdk-providers.ts';
import {
  grantedAt,
  type StubbedService,
  sourceOf,
  stubbedService,
  unavailable,
} from '../../helpers/credential-sources.ts';
import { ManualClock, settle } from '../../helpers/manual-clock.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const URI = { type: 'credentials_uri', uri: 'http://sessions/' } as const;

function setup(t: ExecutionContext, answer?: StubbedService['answer']) {
  const clock = new ManualClock();
  const service = stubbedService(clock, answer ?? grantedAt(clock));
  const source = sourceOf(t, URI, { clock, providers: service.providers });
  return { clock, service, source, granted: grantedAt(clock) };
}

const never: StubbedService['answer'] = () => new Promise(() => {});
const failing: StubbedService['answer'] = () => Promise.reject(new Error('out of order'));

/** Whether it is resolved by now: a poll would not have waited. */
async function isResolved(promise: Promise<void>): Promise<boolean> {
  const pending = Symbol('pending');
  return (await Promise.race([promise, settle().then(() => pending)])) !== pending;
}

test('a session is renewed when a quarter of it is left, even if no request needs it', async (t) => {
  const { clock, service, source } = setup(t);
  await source.ensure();
  await clock.advance(45 * MINUTE_MS - 1);
  t.deepEqual(service.askedAtMs, [0]);
  await clock.advance(2 * MINUTE_MS);
  t.is(service.askedAtMs.length, 2);
  t.is(source.current()?.accessKeyId, 'STS.NUabcdefgh2');
});

test('while the service hangs, polls go on without waiting until the session ends, then fail, then go on', async (t) => {
  const { clock, service, source, granted } = setup(t);
  await source.ensure();
  service.answer = never;
  for (let minute = 1; minute < 60; minute += 1) {
    await clock.advance(MINUTE_MS);
    t.true(await isResolved(source.ensure()), `minute ${minute}`);
    t.is(source.current()?.accessKeyId, 'STS.NUabcdefgh1');
  }
  const warnings = () => source.log.filter((line) => line.startsWith('level=warn'));
  t.is(warnings().length, 1);
  t.regex(
    warnings()[0] ?? '',
    /msg="credentials cannot be renewed, polling continues with the present ones" credentials=default error="no credentials from credentials_uri: no answer within 20000 ms" good_for=1\dm/,
  );
  t.like(source.inUse(), { renewalFails: true });
  await clock.advance(MINUTE_MS);
  const failure = unavailable(source);
  await clock.advance(2 * MINUTE_MS);
  t.regex((await failure).message, /no answer within 20000 ms$/);
  t.is(source.inUse(), undefined);
  service.answer = granted;
  await clock.advance(2 * MINUTE_MS);
  t.true(await isResolved(source.ensure()));
  t.true(await source.refresh(), 'a paused scheduler hears of it');
  t.false(await source.refresh());
  t.is(warnings().length, 1);
  t.is(source.log.filter((line) => line.includes('msg="credentials are renewed again"')).length, 1);
});

test('a request that is ready when the session has ended fails with the reason, also if the service has not answered yet', async (t) => {
  const { clock, service, source } = setup(t);
  await source.ensure();
  service.answer = failing;
  await clock.advance(HOUR_MS);
  t.is(source.current(), undefined);
  t.is(source.unavailable().message, 'no credentials from credentials_uri: out of order');
  service.answer = never;
  const first = setup(t, never).source;
  first.ensure().catch(() => {});
  await settle();
  t.like(first.unavailable(), {
    code: 'CredentialsUnavailable',
    message: 'no credentials from credentials_uri: it has not answered yet, and there is no other valid session',
  });
});

test('a renewal that fails is tried again after 5 s, doubling to a minute', async (t) => {
  const { clock, service, source } = setup(t, failing);
  await unavailable(source);
  await clock.advance(5 * MINUTE_MS);
  const pauses = service.askedAtMs.slice(1).map((atMs, index) => atMs - (service.askedAtMs[index] ?? 0));
  t.deepEqual(pauses, [5_000, 10_000, 20_000, 40_000, 60_000, 60_000, 60_000]);
});

test('a request between two attempts fails with the reason of the last attempt', async (t) => {
  const { clock, service, source, granted } = setup(t, failing);
  const first = await unavailable(source);
  t.is(first.message, 'no credentials from credentials_uri: out of order');
  await clock.advance(4_000);
  t.is(await unavailable(source), first);
  t.is(service.askedAtMs.length, 1);
  service.answer = granted;
  await clock.advance(1_000);
  await source.ensure();
  t.is(service.askedAtMs.length, 2);
});

test('a refused session is replaced at once, but not twice in 5 s, and refresh does not return the new one as a change', async (t) => {
  const { clock, service, source } = setup(t);
  await source.ensure();
  await clock.advance(MINUTE_MS);
  source.refused(source.current() as SdkCredentials);
  await source.ensure();
  t.is(source.current()?.accessKeyId, 'STS.NUabcdefgh2');
  t.false(await source.refresh());
  source.refused(source.current() as SdkCredentials);
  await clock.advance(4_000);
  t.is(service.askedAtMs.length, 2);
  await clock.advance(1_000);
  t.is(service.askedAtMs.length, 3);
});

test('a refused session that cannot be replaced is used on: the API may have been wrong', async (t) => {
  const { clock, service, source } = setup(t);
  await source.ensure();
  await clock.advance(MINUTE_MS);
  service.answer = failing;
  source.refused(source.current() as SdkCredentials);
  await source.ensure();
  t.is(source.current()?.accessKeyId, 'STS.NUabcdefgh1');
});

test('a session that ends soon, each time, is renewed in time but never twice in 5 s', async (t) => {
  const clock = new ManualClock();
  const { service, source } = (() => {
    const service = stubbedService(clock, grantedAt(clock, 8_000));
    return { service, source: sourceOf(t, URI, { clock, providers: service.providers }) };
  })();
  await source.ensure();
  for (let second = 0; second < 60; second += 1) {
    await clock.advance(1_000);
    t.true(await isResolved(source.ensure()));
  }
  t.is(service.askedAtMs.length, 11);
});

test('a session without an end is renewed every 5 minutes, and used for 15', async (t) => {
  const { clock, service, source, granted } = setup(t);
  service.answer = async (count) => ({ ...(await granted(count)), expiration: undefined });
  await source.ensure();
  await clock.advance(5 * MINUTE_MS);
  t.deepEqual(service.askedAtMs, [0, 5 * MINUTE_MS]);
  service.answer = failing;
  await clock.advance(15 * MINUTE_MS - 1);
  t.is(source.current()?.accessKeyId, 'STS.NUabcdefgh2');
  await clock.advance(1);
  t.is(source.current(), undefined);
});

test('a machine that slept past the end of a session does not use it', async (t) => {
  const { clock, source } = setup(t);
  await source.ensure();
  clock.stepWallClock(2 * HOUR_MS);
  t.is(source.current(), undefined);
  await clock.advance(MINUTE_MS);
  await source.ensure();
  t.is(source.current()?.accessKeyId, 'STS.NUabcdefgh2');
});

test('a wall clock that is set back does not make a session last longer', async (t) => {
  const { clock, service, source } = setup(t);
  await source.ensure();
  clock.stepWallClock(-2 * HOUR_MS);
  await clock.advance(46 * MINUTE_MS);
  t.is(service.askedAtMs.length, 2);
});

test('the identity in use is logged when it changes, and not with each session', async (t) => {
  const clock = new ManualClock();
  const service = stubbedService(clock, grantedAt(clock));
  const roleArn = 'acs:ram::1:role/reader';
  const key = {
    accessKeyId: { from: 'value', value: 'LTAIbase' },
    accessKeySecret: { from: 'value', value: 's' },
  } as const;
  const source = sourceOf(t, { type: 'ram_role_arn', ...key, roleArn }, { clock, providers: service.providers });
  await source.ensure();
  await clock.advance(2 * HOUR_MS);
  t.true(service.askedAtMs.length > 2);
  t.deepEqual(source.inUse(), { provider: 'ram_role_arn', identity: roleArn, renewalFails: false });
  t.deepEqual(source.log, [
    `level=info msg="credentials in use" credentials=default provider=ram_role_arn identity=${roleArn}`,
  ]);
});

test('the id of an access key is shown shortened', async (t) => {
  const { source } = setup(t);
  await source.ensure();
  t.deepEqual(source.inUse(), { provider: 'credentials_uri', identity: 'STS.…fgh1', renewalFails: false });
});

test('a stopped source does nothing more, and ignores the result of a request under way', async (t) => {
  const { clock, service, source } = setup(t, never);
  const waiting = t.throwsAsync(source.ensure());
  await settle();
  source.stop();
  await waiting;
  await clock.advance(HOUR_MS);
  t.is(service.askedAtMs.length, 1);
  t.deepEqual(source.log, []);
});

/** What a service may do from some moment on, and for how long it goes on so. */
const spell = fc.record({
  behaviour: fc.constantFrom('grants', 'grants briefly', 'fails', 'hangs', 'refuses'),
  lastsMs: fc.integer({ min: 1, max: 2 * HOUR_MS }),
});

test('whatever a service does, it is not asked twice in 5 s, no request with valid credentials waits, and the source recovers', async (t) => {
  const property = fc.asyncProperty(fc.array(spell, { maxLength: 8 }), async (spells) => {
    const { clock, service, source, granted } = setup(t, never);
    const answers = {
      grants: granted,
      'grants briefly': grantedAt(clock, 30_000),
      fails: failing,
      hangs: never,
      refuses: granted,
    };
    source.ensure().catch(() => {});
    for (const { behaviour, lastsMs } of spells) {
      service.answer = answers[behaviour];
      const current = source.current();
      if (behaviour === 'refuses' && current !== undefined) source.refused(current);
      await clock.advance(lastsMs);
      if (behaviour !== 'refuses' && source.current() !== undefined) {
        const isWaiting = !(await isResolved(source.ensure()));
        if (isWaiting && behaviour !== 'hangs') return false;
      }
    }
    service.answer = granted;
    // A request that hangs is given up after 20 s, and the longest pause is a minute.
    await clock.advance(81_000);
    const gaps = service.askedAtMs.slice(1).map((atMs, index) => atMs - (service.askedAtMs[index] ?? 0));
    const isHealed = source.current() !== undefined && (await isResolved(source.ensure()));
    source.stop();
    return isHealed && gaps.every((gapMs) => gapMs >= 5_000);
  });
  await t.notThrowsAsync(fc.assert(property, { numRuns: 60 }));
});
