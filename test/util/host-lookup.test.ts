// How names are found: the hosts file, then DNS, and the system only for what DNS does not know.
import { createSocket } from 'node:dgram';
import type { LookupAddress, LookupOptions } from 'node:dns';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { createLookup } from '../../src/util/host-lookup.ts';
import { temporaryDirectory } from '../helpers/exporter.ts';

const [OK, SERVER_FAILED, NO_SUCH_NAME] = [0, 2, 3];

/** What a server says of a name: an IPv4 address, or an error. Undefined: nothing at all. */
type Answer = string | number | undefined;

/** A DNS server on loopback; gives its address. */
async function startDns(t: ExecutionContext, answerTo: (name: string) => Answer): Promise<string> {
  const socket = createSocket('udp4');
  socket.on('message', (query, { port, address }) => {
    const labels: string[] = [];
    let at = 12;
    for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
      labels.push(query.toString('latin1', at + 1, at + 1 + length));
      at += 1 + length;
    }
    const answer = answerTo(labels.join('.').toLowerCase());
    if (answer === undefined) return;
    const isQuestionForIPv4 = query.readUInt16BE(at + 1) === 1;
    const records = typeof answer === 'string' && isQuestionForIPv4 ? 1 : 0;
    const header = Buffer.from(query.subarray(0, 12));
    header.writeUInt16BE(0x8180 | (typeof answer === 'number' ? answer : OK), 2);
    for (const [offset, count] of [
      [4, 1],
      [6, records],
      [8, 0],
      [10, 0],
    ] as const)
      header.writeUInt16BE(count, offset);
    const record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...String(answer).split('.').map(Number)];
    socket.send([header, query.subarray(12, at + 5), Buffer.from(records === 0 ? [] : record)], port, address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  t.teardown(() => void socket.close());
  return `127.0.0.1:${socket.address().port}`;
}

/** A lookup with a hosts file; `asked` are the names that were left to the system, which knows each as 192.0.2.99. */
async function setUp(t: ExecutionContext, hosts: string, answerTo: (name: string) => Answer) {
  const hostsFile = join(temporaryDirectory(t), 'hosts');
  writeFileSync(hostsFile, hosts);
  const asked: string[] = [];
  const system = (name: string, _: LookupOptions, done: (error: null, address: string, family: number) => void) => {
    asked.push(name);
    done(null, '192.0.2.99', 4);
  };
  const servers = [await startDns(t, answerTo)];
  const lookup = createLookup({ system, hostsFile, servers });
  const find = (name: string, options: LookupOptions = {}) =>
    new Promise<string | LookupAddress[] | undefined>((resolve, reject) =>
      lookup(name, options, (error, found) => (error ? reject(error) : resolve(found))),
    );
  return { find, asked, hostsFile };
}

test('DNS is not queried for a name in the hosts file, in any case, and changes of the file are read', async (t) => {
  const { find, hostsFile, asked } = await setUp(
    t,
    '# x\n192.0.2.1 one.test  ONE # two.test\n2001:db8::1 one\n',
    () => '192.0.2.7',
  );
  t.is(await find('One.Test'), '192.0.2.1');
  t.is(await find('one.test.'), '192.0.2.1');
  t.is(await find('two.test'), '192.0.2.7');
  t.deepEqual(await find('one', { all: true, order: 'ipv6first' }), [
    { address: '2001:db8::1', family: 6 },
    { address: '192.0.2.1', family: 4 },
  ]);
  t.is(await find('one', { family: 6 }), '2001:db8::1');
  writeFileSync(hostsFile, '192.0.2.44 one.test\n');
  t.is(await find('one.test'), '192.0.2.44');
  t.deepEqual(asked, []);
});

test('without a hosts file DNS is queried', async (t) => {
  const { find, hostsFile } = await setUp(t, '192.0.2.1 one.test', () => '192.0.2.7');
  writeFileSync(hostsFile, '');
  t.is(await find('one.test'), '192.0.2.7');
});

test('an address, and a name that DNS does not know, are left to the system', async (t) => {
  const { find, asked } = await setUp(t, '', (name) => (name === 'empty.test' ? '192.0.2.7' : NO_SUCH_NAME));
  t.is(await find('127.0.0.1'), '192.0.2.99');
  t.is(await find('short'), '192.0.2.99');
  t.is(await find('empty.test', { family: 6 }), '192.0.2.99');
  t.deepEqual(asked, ['127.0.0.1', 'short', 'empty.test']);
});

for (const [kind, answer] of [
  ['does not answer', undefined],
  ['fails', SERVER_FAILED],
] as const) {
  test(`while DNS ${kind} a lookup fails within seconds, and no thread waits in the system`, async (t) => {
    const { find, asked } = await setUp(t, '', () => answer);
    const error = await t.throwsAsync(find('registry.test', { all: true }));
    t.like(error, { code: 'EAI_AGAIN' });
    t.deepEqual(asked, []);
  });
}
