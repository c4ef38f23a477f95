// When events count as healthy: by the ends of scans that polls find, and the events that announce them.
import test from 'ava';
import { EventHealth } from '../../src/events/event-health.ts';
import type { EventHealthMemory } from '../../src/model/snapshot.ts';

const WELL: EventHealthMemory = { missedTooMany: false, webhookProven: true, feedWell: true };

/** Health under a clock that a test moves. */
function judging(channels: Partial<{ feed: boolean; webhook: boolean }>, memory?: EventHealthMemory) {
  let [nowMs, missed] = [0, 0];
  const all = { feed: false, webhook: false, ...channels };
  const countMissed = () => {
    missed += 1;
  };
  const health = new EventHealth<object>(all, countMissed, memory);
  const channel = all.webhook ? 'webhook' : 'feed';
  return {
    health,
    missed: () => missed,
    pass(ms: number) {
      nowMs += ms;
      health.advance(nowMs);
    },
    announced: (tag: object) => health.announced(tag, channel, nowMs),
    found: (tag: object, isWoken = false) => health.endFound(tag, isWoken ? channel : undefined, nowMs),
    /** The ends of so many scans, each announced or not. */
    ends(count: number, isAnnounced: boolean) {
      for (let i = 0; i < count; i += 1) {
        health.endFound({}, isAnnounced ? channel : undefined, nowMs);
        nowMs += isAnnounced ? 1_000 : 61_000;
        health.advance(nowMs);
      }
    },
  } as const;
}

test('an end is announced by an event at most a minute before or after it, or by the one that made the exporter ask', (t) => {
  const { pass, announced, found, missed, health } = judging({ feed: true }, WELL);
  const [before, after, late, early] = [{}, {}, {}, {}];
  announced(early);
  pass(1_000);
  announced(before);
  pass(60_000);
  for (const tag of [before, after, late, early]) found(tag);
  found({}, true);
  t.is(health.nextAtMs, 121_000);
  pass(60_000);
  announced(after);
  t.is(missed(), 0);
  pass(1);
  t.is(missed(), 2);
  announced(late);
  pass(120_000);
  t.is(missed(), 2, 'each end is judged once');
  t.is(health.nextAtMs, undefined);
});

test('a feed is healthy when it is answered and there is a rule, and not when it fails', (t) => {
  const { health } = judging({ feed: true });
  t.false(health.isHealthy);
  health.feedIs(true);
  t.true(health.isHealthy);
  health.feedIs(false);
  t.false(health.isHealthy);
  health.feedIs(true);
  t.true(health.isHealthy);
});

test('a webhook is healthy when it announced three ends in a row', (t) => {
  const { health, ends } = judging({ webhook: true });
  ends(2, true);
  ends(1, false);
  ends(2, true);
  t.false(health.isHealthy);
  ends(1, true);
  t.true(health.isHealthy);
});

test('with both channels, either of them is enough', (t) => {
  const { health } = judging({ feed: true, webhook: true });
  health.feedIs(true);
  t.true(health.isHealthy);
  health.feedIs(false);
  t.false(health.isHealthy);
  for (let i = 0; i < 3; i += 1) health.endFound({}, 'feed', i);
  t.false(health.isHealthy, 'what the feed announced proves nothing of the webhook');
  for (let i = 0; i < 3; i += 1) health.endFound({}, 'webhook', i);
  t.true(health.isHealthy);
});

test('three missed ends, and more than one in twenty, are too many; ten announced ones in a row prove the contrary', (t) => {
  const { health, ends, missed } = judging({ feed: true }, WELL);
  ends(2, false);
  t.true(health.isHealthy);
  ends(1, false);
  t.false(health.isHealthy);
  ends(9, true);
  ends(1, false);
  ends(9, true);
  t.false(health.isHealthy);
  ends(1, true);
  t.true(health.isHealthy);
  t.is(missed(), 4);
  ends(2, false);
  t.true(health.isHealthy, 'the count begins anew');
});

test('one missed end in twenty is not too many, and what is more than an hour ago does not count', (t) => {
  const rare = judging({ feed: true }, WELL);
  for (let i = 0; i < 10; i += 1) {
    rare.ends(19, true);
    rare.ends(1, false);
    t.true(rare.health.isHealthy, `${i}`);
  }
  const old = judging({ feed: true }, WELL);
  old.ends(2, false);
  old.pass(3_600_000);
  old.ends(2, false);
  t.true(old.health.isHealthy);
});

test('the next process goes on with what this one judged', (t) => {
  const { health, ends } = judging({ feed: true }, WELL);
  t.true(health.isHealthy);
  ends(3, false);
  const next = judging({ feed: true }, health.memory());
  t.false(next.health.isHealthy);
  next.ends(10, true);
  t.true(next.health.isHealthy);
});
