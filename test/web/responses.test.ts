import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { sendChunks } from '../../src/web/responses.ts';

async function serve(t: ExecutionContext, listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

function request(port: number): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get({ port, host: '127.0.0.1', agent: false }, resolve).on('error', reject);
  });
}

/** Chunks that differ, of all sizes, nothing among them. */
function makeChunks(count: number, size: number): Buffer[] {
  return Array.from({ length: count }, (_, index) => Buffer.alloc((index * 7919) % size, index % 251));
}

test('a body of many pieces arrives whole and in order', async (t) => {
  const chunks = makeChunks(3000, 9000);
  const whole = Buffer.concat(chunks);
  const port = await serve(t, (_, response) => {
    response.setHeader('Content-Length', whole.length);
    sendChunks(response, chunks);
  });
  const parts: Buffer[] = [];
  for await (const part of await request(port)) parts.push(part as Buffer);
  t.true(whole.equals(Buffer.concat(parts)));
});

test('a body of no pieces is an empty body', async (t) => {
  const port = await serve(t, (_, response) => {
    response.setHeader('Content-Length', 0);
    sendChunks(response, []);
  });
  const response = await request(port);
  t.deepEqual(await response.toArray(), []);
});

test('a slow client never gets more than one batch beyond what it has read', async (t) => {
  const chunks = makeChunks(8000, 16_000);
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  let most = 0;
  const port = await serve(t, (_, response) => {
    response.setHeader('Content-Length', length);
    const write = response.write.bind(response);
    response.write = (chunk: Buffer) => {
      const going = write(chunk);
      most = Math.max(most, response.writableLength);
      return going;
    };
    sendChunks(response, chunks);
  });
  let received = 0;
  for await (const part of await request(port)) received += (part as Buffer).length;
  t.is(received, length);
  t.true(most > 0 && most < 1_100_000, `${most} bytes were waiting at a time`);
});

test('when the client goes away in the middle, sending ends without an error', async (t) => {
  const chunks = makeChunks(20_000, 16_000);
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const gone = new Promise<boolean>((resolve, reject) => {
    serve(t, (_, response) => {
      response.setHeader('Content-Length', length);
      sendChunks(response, chunks).then(() => resolve(response.destroyed), reject);
    })
      .then(request)
      .then(async (response) => {
        await once(response, 'readable');
        response.destroy();
      }, reject);
  });
  t.true(await gone);
});

test('a response that is closed already is left alone', async (t) => {
  const closed = new Promise<void>((resolve, reject) => {
    serve(t, (_, response) => {
      response.on('close', () => sendChunks(response, [Buffer.from('late')]).then(resolve, reject));
      response.destroy();
    }).then((port) => request(port).catch(() => undefined), reject);
  });
  await t.notThrowsAsync(closed);
});
