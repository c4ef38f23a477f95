import test from 'ava';
import { formatListenAddress, parseListenAddress } from '../../src/util/listen-address.ts';

test('addresses are read as Prometheus components write them', (t) => {
  t.deepEqual(parseListenAddress(':9090'), { host: undefined, port: 9090 });
  t.deepEqual(parseListenAddress('127.0.0.1:0'), { host: '127.0.0.1', port: 0 });
  t.deepEqual(parseListenAddress('localhost:80'), { host: 'localhost', port: 80 });
  t.deepEqual(parseListenAddress('[::1]:65535'), { host: '::1', port: 65_535 });
  t.deepEqual(parseListenAddress('[fe80::1%eth0]:1'), { host: 'fe80::1%eth0', port: 1 });
});

test('any other text is refused', (t) => {
  for (const text of [
    '',
    '9090',
    '::1:9090',
    'host',
    'host:',
    'host:x',
    'host:65536',
    ':-1',
    'http://host:1',
    'a b:1',
    '[::1]',
    ':1:2',
  ]) {
    t.is(parseListenAddress(text), undefined, JSON.stringify(text));
  }
});

test('IPv6 addresses are shown in brackets', (t) => {
  t.is(formatListenAddress({ address: '::', port: 1 }), '[::]:1');
  t.is(formatListenAddress({ address: '0.0.0.0', port: 1 }), '0.0.0.0:1');
});
