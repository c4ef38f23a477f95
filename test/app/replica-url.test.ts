// A replica whose URL of Redis changes.
import test from 'ava';
import { Replica } from '../../src/app/replica.ts';
import { InternalErrors } from '../../src/util/internal-errors.ts';
import { createLogger } from '../../src/util/logger.ts';
import { Redactor } from '../../src/util/redactor.ts';
import { ManualClock } from '../helpers/manual-clock.ts';

/** Nobody listens there. */
const URL_OF_REDIS = 'redis://127.0.0.1:1';

test('a URL that cannot be used is logged once, and again after one that can', async (t) => {
  const clock = new ManualClock();
  const lines: string[] = [];
  const redactor = new Redactor();
  const write = (line: string) => void lines.push(line);
  const logger = createLogger({ level: 'info', format: 'logfmt', redactor, write });
  let url = URL_OF_REDIS;
  const replica = new Replica({
    settings: { redisUrl: { from: 'env', name: 'REDIS_URL' }, group: 'test', max: 2 },
    redisUrl: () => Promise.resolve(url),
    id: 'me',
    host: 'host',
    clock,
    logger,
    errors: new InternalErrors({ logger, clock, count: () => {} }),
    watchList: () => {
      throw new Error('expected no part of the tags');
    },
    tags: () => 0,
    receive: () => {},
    schedulers: () => [],
    apply: async () => {},
  });
  replica.start();
  t.teardown(async () => {
    const stopped = replica.stop();
    await clock.advance(5_000);
    await stopped;
  });
  const warnings = () => lines.filter((line) => line.includes('the former one'));
  await clock.advance(5_000);
  t.deepEqual(warnings(), []);
  url = 'redis://:a-password';
  await clock.advance(10_000);
  t.is(warnings().length, 1);
  t.regex(warnings()[0] ?? '', /level=warn .*problem="redis_url: expected a URL such as/);
  t.false(lines.join('').includes('a-password'));
  url = URL_OF_REDIS;
  await clock.advance(5_000);
  url = '';
  await clock.advance(5_000);
  t.is(warnings().length, 2);
});
