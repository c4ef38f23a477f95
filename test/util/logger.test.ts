import test from 'ava';
import fc from 'fast-check';
import { createLogger, type LogFormat, type LogLevel } from '../../src/util/logger.ts';
import { Redactor } from '../../src/util/redactor.ts';

function logging(format: LogFormat, level: LogLevel = 'debug') {
  const lines: string[] = [];
  const redactor = new Redactor();
  return { lines, redactor, logger: createLogger({ level, format, redactor, write: (line) => void lines.push(line) }) };
}

test('logfmt has time, level and message first, the message in quotes, and leaves out what is undefined', (t) => {
  const { logger, lines } = logging('logfmt');
  logger.info('listening', { address: '127.0.0.1:20181', nothing: undefined, tags: 0, on: false, text: 'two words' });
  t.regex(
    lines.join(''),
    /^ts=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z level=info msg="listening" address=127\.0\.0\.1:20181 tags=0 on=false text="two words"\n$/,
  );
});

test('JSON has the same fields', (t) => {
  const { logger, lines } = logging('json');
  logger.error('it failed', { code: 'SystemError' });
  const { ts, ...rest } = JSON.parse(lines.join(''));
  t.false(Number.isNaN(Date.parse(ts)));
  t.deepEqual(rest, { level: 'error', msg: 'it failed', code: 'SystemError' });
});

test('events below the level are not logged', (t) => {
  const { logger, lines } = logging('logfmt', 'warn');
  logger.debug('debug');
  logger.info('info');
  logger.warn('warn');
  logger.error('error');
  t.deepEqual(
    lines.map((line) => /msg="(\w+)"/.exec(line)?.[1]),
    ['warn', 'error'],
  );
});

test('an event is one line with any content, and quoted values can be parsed again', (t) => {
  for (const format of ['logfmt', 'json'] as const) {
    const property = fc.property(fc.string({ unit: 'binary' }), (text) => {
      const { logger, lines } = logging(format);
      logger.info('event', { text });
      const line = lines.join('');
      const quoted = /text=("(?:[^"\\]|\\.)*")\n$/.exec(line)?.[1];
      const read =
        format === 'json'
          ? JSON.parse(line).text
          : quoted === undefined
            ? /text=(.*)\n$/.exec(line)?.[1]
            : JSON.parse(quoted);
      return /^[^\p{Cc}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]*\n$/u.test(line) && read === text;
    });
    t.notThrows(() => fc.assert(property));
  }
});

test('secrets are removed from messages and fields', (t) => {
  for (const format of ['logfmt', 'json'] as const) {
    const { logger, lines, redactor } = logging(format);
    redactor.add('pa"ss\\word');
    logger.info('with pa"ss\\word', { field: 'pa"ss\\word' });
    t.false(lines.join('').includes('word'), lines.join(''));
  }
});
