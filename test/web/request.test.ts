import test from 'ava';
import { preferredFormat, prefersGzip } from '../../src/web/request.ts';

const FORMATS: readonly (readonly [accept: string | undefined, format: string])[] = [
  [undefined, 'text'],
  ['', 'text'],
  ['*/*', 'text'],
  ['text/html', 'text'],
  ['nonsense', 'text'],
  ['application/openmetrics-text', 'openmetrics'],
  ['application/openmetrics-text; version=1.0.0', 'openmetrics'],
  ['application/openmetrics-text; version="1.0.0"; charset=utf-8', 'openmetrics'],
  ['application/openmetrics-text; version=0.0.1', 'text'],
  ['application/openmetrics-text; version=2.0.0', 'text'],
  ['text/plain;q=0.5,application/openmetrics-text;version=1.0.0', 'openmetrics'],
  ['text/plain,application/openmetrics-text;version=1.0.0;q=0.5', 'text'],
  ['application/openmetrics-text;version=1.0.0;q=0,*/*', 'text'],
  ['application/openmetrics-text;q=0.5,*/*;q=0.9', 'text'],
  // Prometheus 2.42, 2.55 and 3.5
  [
    'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
    'openmetrics',
  ],
  [
    'application/openmetrics-text;version=1.0.0;escaping=values;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;escaping=values;q=0.3,*/*;q=0.2',
    'openmetrics',
  ],
  [
    'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
    'openmetrics',
  ],
  ['text/plain;version=0.0.4;q=0.9,application/openmetrics-text;version=1.0.0;q=0.8', 'text'],
];

test('the format is what Accept prefers, by quality and version, else text', (t) => {
  for (const [accept, format] of FORMATS) t.is(preferredFormat(accept), format as never, accept);
});

test('gzip is used where it is accepted and not less preferred than the plain page', (t) => {
  const answers = ['gzip', 'gzip, deflate, br', '*', 'gzip;q=0.5', 'deflate, gzip;q=1.0, *;q=0.5'].map(prefersGzip);
  t.deepEqual(answers, [true, true, true, true, true]);
  const refusals = [undefined, '', 'identity', 'br', 'gzip;q=0', 'identity;q=1, gzip;q=0.5', '*;q=0'].map(prefersGzip);
  t.deepEqual(refusals, [false, false, false, false, false, false, false]);
});
