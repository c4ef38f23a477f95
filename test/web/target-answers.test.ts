// Memory and time for many tags and many clients, also slow ones.
import { once } from 'node:events';
import { get } from 'node:http';
import { connect, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import type { TargetList } from '../../src/web/overview.ts';
import { eventually } from '../helpers/eventually.ts';
import { startRoutes } from '../helpers/routes.ts';
import { targetRow } from '../helpers/target-rows.ts';

const PATHS = ['/', '/api/v1/targets', '/api/v1/targets?status=complete'] as const;

/** So many targets that a connection's buffers take but a part of them. */
const MANY = 40_000;

/** A list that counts how often a row was made. */
function countingList(length: number): { list: TargetList; made: () => number } {
  let made = 0;
  const at = (index: number) => {
    made += 1;
    return index < length ? targetRow({ tag: `v${index}` }) : undefined;
  };
  return { list: { length, at }, made: () => made };
}

/** Asks for a path from one of the addresses of loopback. */
function askFrom(localAddress: string, port: number, path: string): Promise<{ status: number; retryAfter: unknown }> {
  return new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, path, localAddress, agent: false }, async (response) => {
      response.resume();
      await once(response, 'close');
      resolve({ status: response.statusCode ?? 0, retryAfter: response.headers['retry-after'] });
    });
    request.on('error', reject);
  });
}

test('of targets that a client does not read, no more rows are made than it could have read', async (t) => {
  const { list, made } = countingList(MANY);
  // The client stops reading for as long as it takes.
  const deadlines = { stallMs: 3_600_000, answerMs: 3_600_000 };
  const server = await startRoutes(t, { targets: () => list }, { deadlines });
  const socket = connect({ host: '127.0.0.1', port: server.port });
  t.teardown(() => socket.destroy());
  socket.pause();
  socket.write('GET /api/v1/targets HTTP/1.1\r\nHost: a\r\n\r\n');
  await eventually('the answer has begun', () => made() > 0 || undefined);
  let before = 0;
  await eventually('no more rows are made', async () => {
    const isStill = made() === before;
    before = made();
    await server.ask({ path: '/-/healthy' });
    return isStill || undefined;
  });
  t.true(made() < MANY / 2, `${made()} rows`);
  socket.resume();
  let text = '';
  socket.on('data', (part: Buffer) => {
    text = (text + part.toString()).slice(-10);
  });
  await eventually('the end', () => text.endsWith('\r\n0\r\n\r\n') || undefined);
  t.is(made(), MANY);
});

test('targets are selected for one request at a time', async (t) => {
  const order: number[] = [];
  let lists = 0;
  const targets = (): TargetList => {
    lists += 1;
    const number = lists;
    return {
      length: 10_000,
      at: () => {
        if (order.at(-1) !== number) order.push(number);
        return targetRow();
      },
    };
  };
  const server = await startRoutes(t, { targets });
  const query = '/?q=nothing+has+this';
  const answers = await Promise.all(Array.from({ length: 20 }, () => server.ask({ path: query })));
  for (const { status, body } of answers) {
    t.is(status, 200);
    t.true(body.includes('No tag matches.') && body.endsWith('</html>\n'));
  }
  t.deepEqual(
    order,
    Array.from({ length: 20 }, (_, index) => index + 1),
  );
});

for (const path of ['/', '/api/v1/targets?status=complete&limit=1']) {
  test(`when too many from one address ask for ${path}, some are answered 503, and another address is served`, async (t) => {
    const { list } = countingList(20_000);
    const server = await startRoutes(t, { targets: () => list });
    const clients = Array.from({ length: 150 }, () => askFrom('127.0.0.1', server.port, path));
    const other = askFrom('127.0.0.2', server.port, path);
    t.is((await other).status, 200);
    const answers = await Promise.all(clients);
    const refused = answers.filter(({ status }) => status === 503);
    t.true(answers.every(({ status }) => status === 200 || status === 503));
    t.true(refused.length < answers.length);
    t.true(refused.every(({ retryAfter }) => retryAfter === '5'));
    t.true(refused.length > 0);
  });
}

/** Asks for the list, reads the first line of the answer and then nothing more. */
function askAndStall(
  t: ExecutionContext,
  port: number,
  localAddress: string,
): Promise<{ status: string; socket: Socket }> {
  const socket = connect({ host: '127.0.0.1', port, localAddress });
  t.teardown(() => socket.destroy());
  socket.write('GET /api/v1/targets HTTP/1.1\r\nHost: a\r\n\r\n');
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.once('data', (part) => {
      socket.pause();
      resolve({ status: part.toString().slice(9, 12), socket });
    });
  });
}

test('of lists that clients do not read, no more than 64 of one address are under way, and an end makes room for the next', async (t) => {
  const { list } = countingList(MANY);
  const server = await startRoutes(t, { targets: () => list });
  const clients = await Promise.all(Array.from({ length: 100 }, () => askAndStall(t, server.port, '127.0.0.1')));
  const served = clients.filter(({ status }) => status === '200');
  t.is(served.length, 64);
  t.true(clients.every(({ status }) => status === '200' || status === '503'));
  t.is((await askAndStall(t, server.port, '127.0.0.2')).status, '200');
  t.is((await server.ask({ path: '/' })).status, 200);
  served[0]?.socket.destroy();
  await eventually(
    'there is room',
    async () => (await askAndStall(t, server.port, '127.0.0.1')).status === '200' || undefined,
  );
});

for (const path of PATHS) {
  test(`HEAD of ${path} has the head of GET, and no target is looked at for it`, async (t) => {
    const { list, made } = countingList(1_000);
    const server = await startRoutes(t, { targets: () => list });
    const head = await server.ask({ path, method: 'HEAD' });
    t.is(made(), 0);
    const got = await server.ask({ path });
    t.is(head.status, 200);
    t.is(head.body, '');
    t.is(head.headers['content-type'], got.headers['content-type']);
    t.is(head.headers['cache-control'], 'no-store');
  });

  test(`an error in the middle of ${path} ends the connection: half an answer does not look whole`, async (t) => {
    const at = (index: number) => {
      if (index === 5_000 && path !== '/') throw new Error('broken');
      return index === 99 && path === '/' ? broken() : targetRow();
    };
    const server = await startRoutes(t, { targets: () => ({ length: path === '/' ? 100 : 6_000, at }) });
    const answer = await server.ask({ path }).catch((error: unknown) => error);
    if (path.includes('?')) t.like(answer, { status: 500 });
    else t.true(answer instanceof Error, String(answer));
    t.is(server.failures.length, 1);
    t.is((await server.ask({ path: '/-/healthy' })).status, 200);
  });
}

/** A row that cannot be shown. */
function broken() {
  return targetRow({ sinceMs: Number.NaN });
}

test('no target is selected for a client that has closed the connection', async (t) => {
  const { list } = countingList(50_000);
  let lists = 0;
  const targets = () => {
    lists += 1;
    return list;
  };
  const server = await startRoutes(t, { targets });
  const first = server.ask({ path: '/?q=nothing' });
  await eventually('the first is chosen for', () => lists === 1 || undefined);
  const socket = connect({ host: '127.0.0.1', port: server.port });
  socket.write('GET /?q=nothing HTTP/1.1\r\nHost: a\r\n\r\n');
  await once(socket, 'connect');
  t.is((await server.ask({ path: '/-/healthy' })).status, 200);
  socket.resetAndDestroy();
  t.is((await first).status, 200);
  t.is((await server.ask({ path: '/?q=nothing' })).status, 200);
  t.is(lists, 2);
});
