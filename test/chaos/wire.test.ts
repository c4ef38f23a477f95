import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import type { WireRequest } from '../../chaos/record.ts';
import { wireProbe } from '../../chaos/wire.ts';

const monotonicMs = () => Number(process.hrtime.bigint()) / 1e6;

/** Runs a program with the probe, and gives the requests that it says of. `url` and `agent`, which keeps connections, are there for it. */
async function watch(server: Server, program: string): Promise<readonly WireRequest[]> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const requests: WireRequest[] = [];
  const { preload, onMessage } = wireProbe(requests, 7);
  const head = `
    import { Agent, request } from 'node:http';
    import { once } from 'node:events';
    const agent = new Agent({ keepAlive: true });
    const ask = (path, headers = { authorization: 'ACS3-HMAC-SHA256 Credential=key-a-1,Signature=00' }) => {
      const asking = request({ port: ${port}, host: '127.0.0.1', path, agent, headers });
      asking.on('error', () => {});
      asking.on('response', (response) => response.resume());
      asking.end();
      return asking;
    };
  `;
  const args = [`--import=${preload}`, '--input-type=module', '--eval', `${head}${program}\nagent.destroy();`];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  child.on('message', onMessage);
  await once(child, 'close');
  server.close();
  return requests;
}

test('a request is written before it arrives, and is over after the last byte of its answer was sent', async (t) => {
  const seen: { readonly arrivedMs: number; readonly answeredMs: number }[] = [];
  const server = createServer((_, response) => {
    const arrivedMs = monotonicMs();
    response.write('half');
    setTimeout(() => {
      seen.push({ arrivedMs, answeredMs: monotonicMs() });
      response.end();
    }, 20);
  });
  const requests = await watch(server, "for (const path of ['/a', '/b']) await once(ask(path), 'close');");
  t.deepEqual(
    requests.map(({ life, id, accessKeyId }) => [life, id, accessKeyId]),
    [
      [7, 0, 'key-a-1'],
      [7, 1, 'key-a-1'],
    ],
  );
  requests.forEach(({ fromMs, toMs, overMs }, index) => {
    const { arrivedMs = 0, answeredMs = 0 } = seen[index] ?? {};
    t.true(fromMs <= toMs);
    t.true(fromMs < arrivedMs);
    t.true(overMs > answeredMs);
  });
});

test('a request is over when its connection is gone, even when the next is written in the same turn', async (t) => {
  const server = createServer((_, response) => response.write('half'));
  const program = `
    const first = ask('/a');
    await once(first, 'response');
    first.destroy();
    const second = ask('/b');
    await once(second, 'response');
    second.destroy();
  `;
  const [first, second] = await watch(server, program);
  t.true(first !== undefined && second !== undefined && first.overMs <= second.toMs);
  t.true(second !== undefined && second.overMs < Number.POSITIVE_INFINITY);
});

test('requests under way at once overlap', async (t) => {
  const held: (() => void)[] = [];
  const server = createServer((_, response) => {
    held.push(() => response.end());
    if (held.length === 2) for (const answer of held) answer();
  });
  const [first, second] = await watch(
    server,
    "await Promise.all(['/a', '/b'].map((path) => once(ask(path), 'close')));",
  );
  t.true(first !== undefined && second !== undefined && first.overMs > second.toMs);
});

test('requests that no access key signed are left alone', async (t) => {
  const server = createServer((_, response) => response.end());
  t.deepEqual(await watch(server, "await once(ask('/a', {}), 'close');"), []);
});
