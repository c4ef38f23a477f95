// The addresses that a server listens on.
import { once } from 'node:events';
import { connect, createServer, type ListenOptions, Server } from 'node:net';
import test from 'ava';
import { bindAll } from '../../src/web/listeners.ts';
import { startWebServer } from '../helpers/web-server.ts';

const IPV4 = { host: '127.0.0.1', port: 0 };
const IPV6 = { host: '::1', port: 0 };

/** Gives servers, and closes those that listen when the test ends. */
function serversOf(t: { teardown: (fn: () => void) => void }, make: () => Server = () => createServer()): () => Server {
  return () => {
    const server = make();
    t.teardown(() => server.close());
    return server;
  };
}

test('every address is served, and closed with the server', async (t) => {
  const { addresses } = await startWebServer(t, undefined, undefined, { listenOn: [IPV4, IPV6, IPV4] });
  t.is(new Set(addresses).size, 3);
  for (const address of addresses) t.is(await (await fetch(`http://${address}`)).text(), 'hello\n');
});

test('the limits of the server hold on every address', async (t) => {
  const limits = { headersTimeout: 50, connectionsCheckingInterval: 20 };
  const { addresses } = await startWebServer(t, undefined, undefined, { listenOn: [IPV4, IPV6], limits });
  for (const address of addresses) {
    const port = Number(address.split(':').at(-1));
    const socket = connect({ host: address.startsWith('[') ? '::1' : '127.0.0.1', port });
    let answer = '';
    socket.setEncoding('latin1').on('data', (part: string) => {
      answer += part;
    });
    socket.write('GET / HTTP/1.1\r\n');
    await once(socket, 'close');
    t.regex(answer, /^HTTP\/1\.1 408 /, address);
  }
});

test('connections to all addresses count together', async (t) => {
  const { addresses } = await startWebServer(t, undefined, undefined, { listenOn: [IPV4, IPV6], maxConnections: 1 });
  const sockets = addresses.map((address) =>
    connect({ host: address.startsWith('[') ? '::1' : '127.0.0.1', port: Number(address.split(':').at(-1)) }),
  );
  t.teardown(() => sockets.forEach((socket) => void socket.destroy()));
  await Promise.race(sockets.map((socket) => once(socket, 'close')));
  const open = sockets.filter(({ closed }) => !closed);
  t.is(open.length, 1, 'the first connection stays');
  const [kept] = open;
  kept?.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  const [answer] = kept === undefined ? [] : await once(kept, 'data');
  t.regex(String(answer), /^HTTP\/1\.1 200 /);
});

test('localhost is each loopback address, with the same port', async (t) => {
  const addresses = await bindAll([{ host: 'LocalHost', port: 0 }], serversOf(t));
  const port = addresses[0]?.split(':').at(-1);
  t.deepEqual(addresses, [`127.0.0.1:${port}`, `[::1]:${port}`]);
});

/** A host without an address: the system refuses one that is reserved for documentation in its place. */
function withoutAddress(absent: readonly string[]): () => Server {
  class Host extends Server {
    override listen(options: unknown): this {
      const { host, port } = options as ListenOptions;
      return super.listen({ port, host: absent.includes(host ?? '') ? '192.0.2.1' : host });
    }
  }
  let unused: Server = new Host();
  return () => {
    if (unused.listening) unused = new Host();
    return unused;
  };
}

test('localhost is the loopback address that there is, if there is one only', async (t) => {
  t.regex(
    String(await bindAll([{ host: 'localhost', port: 0 }], serversOf(t, withoutAddress(['::1'])))),
    /^127\.0\.0\.1:\d+$/,
  );
  t.regex(
    String(await bindAll([{ host: 'localhost', port: 0 }], serversOf(t, withoutAddress(['127.0.0.1'])))),
    /^\[::1\]:\d+$/,
  );
  const error = await t.throwsAsync(
    bindAll([{ host: 'localhost', port: 0 }], serversOf(t, withoutAddress(['::1', '127.0.0.1']))),
  );
  t.like(error, { code: 'EADDRNOTAVAIL' });
});

test('localhost with a port that one of its addresses has taken is refused, and the message has the address', async (t) => {
  const [taken = ''] = await bindAll([IPV6], serversOf(t));
  const port = Number(taken.split(':').at(-1));
  const error = await t.throwsAsync(bindAll([{ host: 'localhost', port }], serversOf(t)));
  t.like(error, { code: 'EADDRINUSE', address: '::1', port });
});

test('an address that another one covers is refused, and the message says that two have the port', async (t) => {
  const next = serversOf(t);
  const [taken = ''] = await bindAll([{ host: undefined, port: 0 }], next);
  const port = Number(taken.split(':').at(-1));
  await t.throwsAsync(bindAll([IPV4, { host: '127.0.0.1', port }], next), {
    message: `listen EADDRINUSE: address already in use 127.0.0.1:${port}`,
  });
  const [free = ''] = await bindAll([IPV4], next);
  const other = { host: '127.0.0.1', port: Number(free.split(':').at(-1)) };
  await t.throwsAsync(bindAll([{ host: '127.0.0.2', port: other.port }, other], next), {
    message: `listen EADDRINUSE: address already in use ${free} (another --web.listen-address has this port too)`,
  });
});
