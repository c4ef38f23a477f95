// Requests that a client sends before it has read the answers to those before.
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { sendChunks } from '../../src/web/responses.ts';
import { eventually } from '../helpers/eventually.ts';
import { AUTHORITY, startWebServer, TLS_FILES } from '../helpers/web-server.ts';

const SCHEMES = [
  ['http', undefined],
  ['https', `tls_server_config: { ${TLS_FILES} }`],
] as const;

function open(t: ExecutionContext, scheme: 'http' | 'https', port: number): Socket {
  const address = { host: '127.0.0.1', port };
  const socket = scheme === 'https' ? connectTls({ ...address, ca: AUTHORITY }) : connect(address);
  t.teardown(() => socket.destroy());
  return socket.on('error', () => {});
}

/** More than the buffers of a connection take. */
const BIG_ANSWER = Array.from({ length: 300 }, () => Buffer.alloc(100_000, 'x'));

for (const [scheme, text] of SCHEMES) {
  test(`of 1,000 requests at once over ${scheme}, none is answered before the answer to the one before is read`, async (t) => {
    let begun = 0;
    const server = await startWebServer(t, text, (request, response) => {
      if (request.url !== '/big') return response.end('small');
      begun += 1;
      return void sendChunks(response, BIG_ANSWER);
    });
    const socket = open(t, scheme, server.port);
    socket.pause();
    socket.write('GET /big HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(1_000));
    await eventually('an answer has begun', () => begun > 0 || undefined);
    t.is((await server.ask()).body, 'small');
    await eventually('all the requests have been sent', () => socket.writableLength === 0 || undefined);
    t.is((await server.ask()).body, 'small');
    t.is(begun, 1);
    socket.resume();
    await eventually('the second answer', () => begun > 1 || undefined);
  });

  test(`requests at once over ${scheme} are answered in order, one after the other`, async (t) => {
    let [underWay, most] = [0, 0];
    const server = await startWebServer(t, text, async (request, response) => {
      underWay += 1;
      most = Math.max(most, underWay);
      response.once('close', () => {
        underWay -= 1;
      });
      await turn();
      response.end(`<${request.url}>`);
    });
    const socket = open(t, scheme, server.port);
    const count = 300;
    const requests = Array.from({ length: count }, (_, index) => `GET /${index} HTTP/1.1\r\nHost: a\r\n\r\n`);
    let answers = '';
    socket.on('data', (part: Buffer) => {
      answers += part.toString();
    });
    socket.write(requests.join(''));
    await eventually('the last answer', () => answers.includes(`</${count - 1}>`) || undefined);
    t.deepEqual(
      [...answers.matchAll(/<\/(\d+)>/g)].map(([, index]) => Number(index)),
      requests.map((_, index) => index),
    );
    t.is(most, 1);
  });
}

test('when a connection dies, the answer that is being made is over and the requests behind it are never answered', async (t) => {
  let [begun, over] = [0, 0];
  const server = await startWebServer(t, undefined, (_request, response) => {
    begun += 1;
    response.once('close', () => {
      over += 1;
    });
  });
  const socket = open(t, 'http', server.port);
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await eventually('the request arrives', () => begun === 1 || undefined);
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(20));
  socket.destroy();
  await eventually('the answer is over', () => over === 1 || undefined);
  t.is(begun, 1);
});

for (const [name, head] of [
  ['have no Host', 'GET / HTTP/1.1\r\n\r\n'],
  ['expect something odd', 'GET / HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\n\r\n'],
] as const) {
  test(`requests at once that ${name}, which Node answers on its own, hold up nothing when their answers are not read`, async (t) => {
    const server = await startWebServer(t, undefined);
    const socket = open(t, 'http', server.port);
    socket.pause();
    socket.write(head.repeat(20_000));
    for (let count = 0; count < 20; count += 1) t.is((await server.ask()).status, 200);
    socket.resume();
    t.regex(String((await once(socket, 'data'))[0]), /^HTTP\/1\.1 4\d\d /);
  });
}

type Sent = { readonly method: string; readonly path: string; readonly body: string };

/** A request as it goes over the wire; a body is announced by its length or comes in chunks. */
function written({ method, path, body }: Sent, inChunks: boolean): string {
  const head = `${method} ${path} HTTP/1.1\r\nHost: a\r\n`;
  if (body === '') return `${head}\r\n`;
  if (!inChunks) return `${head}Content-Length: ${body.length}\r\n\r\n${body}`;
  const chunks = [...body].map((character) => `1\r\n${character}\r\n`).join('');
  return `${head}Transfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`;
}

test('whatever requests come and wherever their bytes are cut, all are read as they were sent, at most two at a time', async (t) => {
  let [underWay, most] = [0, 0];
  const read: Sent[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    underWay += 1;
    most = Math.max(most, underWay);
    response.once('close', () => {
      underWay -= 1;
    });
    const index = read.push({ method: request.method ?? '', path: request.url ?? '', body: '' }) - 1;
    let body = '';
    for await (const part of request) body += part;
    read[index] = { method: request.method ?? '', path: request.url ?? '', body };
    response.end('answered;');
  };
  const server = await startWebServer(t, undefined, (request, response) => void answer(request, response));
  const request = fc.record({
    method: fc.constantFrom('GET', 'POST', 'PUT'),
    path: fc.stringMatching(/^\/[a-z]{0,3}$/),
    body: fc.string({ unit: fc.constantFrom('a', '\r', '\n', '0', 'GET / HTTP/1.1\r\n\r\n'), maxLength: 6 }),
  });
  const sent = fc.array(fc.tuple(request, fc.boolean()), { minLength: 1, maxLength: 12 });
  const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(sent, cuts, async (requests, lengths) => {
      read.length = 0;
      const socket = open(t, 'http', server.port).setNoDelay();
      let answers = '';
      socket.on('data', (part: Buffer) => {
        answers += part.toString();
      });
      const bytes = requests.map(([each, inChunks]) => written(each, inChunks)).join('');
      for (let at = 0, cut = 0; at < bytes.length; cut += 1) {
        const length = lengths[cut % lengths.length] ?? 1;
        socket.write(bytes.slice(at, at + length));
        at += length;
        await turn();
      }
      const isOver = () => answers.split('answered;').length - 1 === requests.length || undefined;
      await eventually('all answers', isOver, () => JSON.stringify({ bytes, answers }));
      t.deepEqual(
        read,
        requests.map(([each]) => each),
      );
      socket.destroy();
    }),
    { numRuns: 100 },
  );
  t.true(most <= 2, `${most} at a time`);
});
