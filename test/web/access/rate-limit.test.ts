// The limit on the rate of requests: the bucket alone with a manual clock, and the server with a clock that only the test moves by hours.
import test from 'ava';
import fc from 'fast-check';
import { RequestLimiter } from '../../../src/web/access/rate-limit.ts';
import { ManualClock } from '../../helpers/manual-clock.ts';
import { HASH, startWebServer, TLS_FILES } from '../../helpers/web-server.ts';

const HOUR_MS = 3_600_000;
const ONE_AN_HOUR = 'rate_limit: { interval: 1h, burst: 1 }\n';

function limiter(intervalMs: number, burst: number) {
  const clock = new ManualClock();
  const requests = new RequestLimiter(clock);
  requests.setLimit({ intervalMs, burst });
  /** How many of the next requests, all at once, are allowed. */
  const allowed = (asked: number) => Array.from({ length: asked }, () => requests.take()).filter(Boolean).length;
  return { clock, requests, allowed };
}

test('a burst is allowed at once, then one request each interval, and a rest saves up no more than a burst', async (t) => {
  const { clock, allowed } = limiter(1_000, 3);
  t.is(allowed(10), 3);
  await clock.advance(999);
  t.is(allowed(1), 0);
  await clock.advance(1);
  t.is(allowed(10), 1);
  await clock.advance(2_500);
  t.is(allowed(10), 2);
  await clock.advance(500);
  t.is(allowed(10), 1);
  await clock.advance(24 * HOUR_MS);
  t.is(allowed(10), 3);
});

test('a burst of 0 allows nothing, however long the rest', async (t) => {
  const { clock, allowed } = limiter(1, 0);
  t.is(allowed(5), 0);
  await clock.advance(HOUR_MS);
  t.is(allowed(5), 0);
});

test('a wall clock that is set neither allows nor refuses a request', async (t) => {
  const { clock, allowed } = limiter(1_000, 1);
  t.is(allowed(2), 1);
  clock.stepWallClock(HOUR_MS);
  t.is(allowed(2), 0);
  clock.stepWallClock(-2 * HOUR_MS);
  await clock.advance(1_000);
  t.is(allowed(2), 1);
});

test('an equal limit keeps what was used, another one starts with a full burst, and none allows everything', (t) => {
  const { requests, allowed } = limiter(1_000, 2);
  t.is(allowed(5), 2);
  requests.setLimit({ intervalMs: 1_000, burst: 2 });
  t.is(allowed(5), 0);
  requests.setLimit({ intervalMs: 1_000, burst: 3 });
  t.is(allowed(5), 3);
  requests.setLimit({ intervalMs: 500, burst: 3 });
  t.is(allowed(5), 3);
  requests.setLimit(undefined);
  t.is(allowed(100), 100);
});

test('no stretch of time has more requests than a burst and one for each interval in it', async (t) => {
  const steps = fc.array(fc.tuple(fc.nat(5_000), fc.nat(8)), { maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 3_000 }), fc.nat(6), steps, async (intervalMs, burst, script) => {
      const { clock, allowed } = limiter(intervalMs, burst);
      const taken: number[] = [];
      for (const [restMs, asked] of script) {
        await clock.advance(restMs);
        for (let count = allowed(asked); count > 0; count--) taken.push(clock.monotonic());
      }
      for (const [index, fromMs] of taken.entries()) {
        for (const [later, untilMs] of taken.entries()) {
          const most = burst + (untilMs - fromMs) / intervalMs;
          // Each interval adds a fraction, which rounding may change in its last digits.
          if (later >= index) t.true(later - index + 1 <= most + 1e-9, `${taken} with ${intervalMs} ms and ${burst}`);
        }
      }
    }),
    { numRuns: 50 },
  );
});

test('beyond the rate every path is answered 429 in plain text, whoever asks, and an interval later the next request is served', async (t) => {
  const server = await startWebServer(t, 'rate_limit: { interval: 1h, burst: 2 }');
  t.is((await server.ask({ path: '/metrics' })).status, 200);
  t.is((await server.ask({ path: '/-/healthy' })).status, 200);
  for (const path of ['/metrics', '/-/healthy', '/-/ready', '/', '/nothing', '/api/v1/targets']) {
    const { status, headers, body } = await server.ask({ path });
    t.is(status, 429, path);
    t.is(body, 'Too Many Requests\n');
    t.like(headers, {
      'content-type': 'text/plain; charset=utf-8',
      'content-length': '18',
      'x-content-type-options': 'nosniff',
    });
  }
  server.pass(HOUR_MS);
  t.is((await server.ask()).status, 200);
  t.is((await server.ask()).status, 429);
});

test('the rate counts before passwords: a guess uses it up, and beyond it the right password is not asked for', async (t) => {
  const server = await startWebServer(t, `${ONE_AN_HOUR}basic_auth_users: { alice: ${HASH} }`);
  t.is((await server.ask({ auth: 'alice:wrong' })).status, 401);
  const { status, headers } = await server.ask({ auth: 'alice:secret' });
  t.deepEqual([status, headers['www-authenticate']], [429, undefined]);
  t.is((await server.ask()).status, 429);
  server.pass(HOUR_MS);
  t.is((await server.ask({ auth: 'alice:secret' })).status, 200);
});

test('the rate holds for requests that prove themselves in their own way, as events do', async (t) => {
  const server = await startWebServer(t, ONE_AN_HOUR, undefined, { hasOwnProof: () => true });
  t.is((await server.ask({ method: 'POST', body: '{}' })).status, 200);
  t.is((await server.ask({ method: 'POST', body: '{}' })).status, 429);
});

test('the rate holds over TLS too, and 429 has the configured headers', async (t) => {
  const headers = 'http_server_config: { headers: { X-Frame-Options: sameorigin } }\n';
  const server = await startWebServer(t, `${ONE_AN_HOUR}${headers}tls_server_config: { ${TLS_FILES} }`);
  t.is((await server.ask()).status, 200);
  const refused = await server.ask();
  t.deepEqual([refused.status, refused.headers['x-frame-options']], [429, 'sameorigin']);
});

test('a changed rate holds for the next request, and a bad one leaves the last good one in force', async (t) => {
  const server = await startWebServer(t, ONE_AN_HOUR);
  const statuses = async () => [(await server.ask()).status, (await server.ask()).status, (await server.ask()).status];
  t.deepEqual(await statuses(), [200, 429, 429]);
  server.write('rate_limit: { interval: 1h, burst: 2 }');
  server.pass(1_000);
  t.deepEqual(await statuses(), [200, 200, 429]);
  server.write('rate_limit: { interval: often, burst: 9 }');
  server.pass(1_000);
  t.deepEqual(await statuses(), [429, 429, 429]);
  t.regex(server.log.join(''), /not reloaded.*rate_limit\.interval: expected a duration/);
  server.write('rate_limit: { interval: 1h, burst: 2 }\nhttp_server_config: { http2: false }');
  server.pass(1_000);
  t.deepEqual(await statuses(), [429, 429, 429]);
  server.write('rate_limit: { interval: 0, burst: 2 }');
  server.pass(1_000);
  t.deepEqual(await statuses(), [200, 200, 200]);
});
