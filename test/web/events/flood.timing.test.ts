// Ten thousand events at once, with the right token and with a wrong one: scrapes go on meanwhile.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { startWebhook, TOKEN } from '../../helpers/webhook.ts';

const EVENTS = 10_000;
/** The events that a scrape may wait for, of those that come within a second: a tenth of a second's worth, however fast the machine is. */
const MAX_BEFORE_SCRAPE = 1_000;

for (const [what, token] of [
  ['with the token', TOKEN],
  ['with a wrong token', 'x'],
] as const) {
  test.serial(
    `of ten thousand events ${what}, a scrape waits for a few, and none is taken that should not be`,
    async (t) => {
      const { port, ask, received, failures, counted } = await startWebhook(t);
      const answered = () => received.length + Object.values(counted()).reduce((sum, count) => sum + count, 0);
      const flood = fork(
        fileURLToPath(new URL('../../helpers/event-flood.ts', import.meta.url)),
        [String(port), token, String(EVENTS)],
        { execArgv: ['--import=tsx'] },
      );
      t.teardown(() => flood.kill());
      const ended = once(flood, 'message');
      let isOver = false;
      void ended.then(() => {
        isOver = true;
      });
      const waits: number[] = [];
      const durations: number[] = [];
      while (!isOver) {
        const [before, startedMs] = [answered(), performance.now()];
        t.is((await ask({ path: '/metrics' })).status, 200);
        waits.push(answered() - before);
        durations.push(performance.now() - startedMs);
      }
      const [{ statuses, seconds }] = await ended;
      const { 204: taken = 0, 401: refused = 0, 429: dropped = 0 } = statuses;
      t.log(
        `${taken} taken, ${dropped} dropped, ${refused} refused in ${seconds.toFixed(1)} s; ${waits.length} scrapes, the slowest ` +
          `${Math.max(...durations).toFixed(0)} ms, after ${Math.max(...waits)} events`,
      );
      t.is(taken + refused + dropped, EVENTS);
      t.is(refused, token === TOKEN ? 0 : EVENTS);
      t.true(received.length <= taken);
      t.is(counted().dropped ?? 0, dropped);
      t.deepEqual(failures, []);
      t.true(waits.length > 5);
      // One in a hundred may wait for longer, since its client runs in this process too.
      const sorted = waits.toSorted((one, other) => one - other);
      t.true((sorted[Math.floor(0.99 * sorted.length)] ?? EVENTS) < MAX_BEFORE_SCRAPE, sorted.slice(-20).join());
    },
  );
}
