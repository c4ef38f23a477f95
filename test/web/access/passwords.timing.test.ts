// What checking passwords costs, and whom.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import test from 'ava';
import { hashSync } from 'bcryptjs';
import { Passwords } from '../../../src/web/access/passwords.ts';
import { startWebServer } from '../../helpers/web-server.ts';

/** Some 50 ms a check. */
const COST = 9;
const HASH = hashSync('secret', COST);
const TRIES = 15;

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

async function durationMs(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

test('an unknown user costs the time of a wrong password, a right one that was checked before next to nothing', async (t) => {
  const server = await startWebServer(t, `basic_auth_users: { alice: ${HASH} }`);
  const ask = (auth: string) => durationMs(() => server.ask({ auth }));
  await ask('alice:secret');
  const wrong: number[] = [];
  const unknown: number[] = [];
  const right: number[] = [];
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    wrong.push(await ask('alice:wrong'));
    unknown.push(await ask(`user-${attempt}:wrong`));
    right.push(await ask('alice:secret'));
  }
  const ratio = median(unknown) / median(wrong);
  t.true(ratio > 0.7 && ratio < 1.4, `${ratio} times as long`);
  t.true(median(right) < median(wrong) / 3, `${median(right)} ms against ${median(wrong)} ms`);
});

test('checks do not hold up the event loop, and scrapes go on beside a flood of wrong passwords', async (t) => {
  const server = await startWebServer(t, `basic_auth_users: { alice: ${HASH} }`);
  await server.ask({ auth: 'alice:secret' });
  const scrape = () => durationMs(() => server.ask({ auth: 'alice:secret' }));
  const flood = { isOver: false };
  const attackers = Array.from({ length: 10 }, async (_, attacker) => {
    for (let guess = 0; !flood.isOver; guess += 1) await server.ask({ auth: `alice:${attacker} ${guess}` });
  });
  const scrapes: number[] = [];
  for (let count = 0; count < 50; count += 1) scrapes.push(await scrape());
  flood.isOver = true;
  await Promise.all(attackers);
  t.true(median(scrapes) < 50, `a scrape took ${median(scrapes)} ms`);
});

test('a check holds up the event loop for less than 25 ms', async (t) => {
  const passwords = new Passwords();
  t.teardown(() => passwords.close());
  passwords.setHashes(new Map([['alice', hashSync('secret', 11)]]));
  // The thread's start is not what is measured.
  await passwords.check({ user: 'alice', password: 'first', client: 'a' });
  const longest: number[] = [];
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const tookMs = await durationMs(() => passwords.check({ user: 'alice', password: `${attempt}`, client: 'a' }));
    delay.disable();
    t.true(tookMs > 30, `a check took ${tookMs} ms`);
    longest.push(delay.max / 1e6);
  }
  // What a check does to the loop shows in every one; another process shows in some.
  t.true(Math.min(...longest) < 25, `held up for ${longest.map(Math.round).join(', ')} ms`);
});
