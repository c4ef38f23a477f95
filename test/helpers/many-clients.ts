// A program: slow, idle and broken clients of a server, which keep their connections open. `node many-clients.ts PORT SCHEME`; sends its parent a
// message after each step, and ends at a message from it.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';

const SLOW_CLIENTS = 200;
const IDLE_CLIENTS = 500;
const GARBAGE_REQUESTS = 1_000;
/** What a second of garbage costs is to be the server's trouble, not that of two processes on one machine. */
const GARBAGE_AT_ONCE = 10;
const GARBAGE_PAUSE_MS = 40;
const GARBAGE = [
  '\x00\x01\x02\r\n\r\n',
  'GET\r\n\r\n',
  'GET / HTTP/9.9\r\n\r\n',
  `GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
];

const [, , port, scheme] = process.argv;

function open(): Socket {
  const address = { host: '127.0.0.1', port: Number(port) };
  const socket = scheme === 'https' ? connectTls({ ...address, rejectUnauthorized: false }) : connect(address);
  return socket.on('error', () => {});
}

/** Resolves with the event, or when the server has closed the connection, in whatever way. */
function either(socket: Socket, event: string): Promise<void> {
  return new Promise((resolve) => {
    socket.once(event, () => resolve()).once('close', () => resolve());
  });
}

/** Asks for the page and takes a byte of it a second. */
async function readSlowly(): Promise<void> {
  const socket = open();
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await either(socket, 'readable');
  const timer = setInterval(() => socket.read(1), 1_000);
  socket.on('close', () => clearInterval(timer));
}

async function stayIdle(): Promise<void> {
  const socket = open();
  await either(socket, scheme === 'https' ? 'secureConnect' : 'connect');
}

/** Gives the number of answers that refuse. */
async function sendGarbage(index: number): Promise<number> {
  const socket = open();
  socket.write(GARBAGE[index % GARBAGE.length] ?? '', 'latin1');
  let answer = '';
  socket.on('data', (part: Buffer) => {
    answer += part.toString('latin1');
  });
  await either(socket, 'close');
  return /^HTTP\/1\.1 4\d\d /.test(answer) ? 1 : 0;
}

async function main(): Promise<void> {
  await Promise.all(Array.from({ length: SLOW_CLIENTS }, readSlowly));
  await Promise.all(Array.from({ length: IDLE_CLIENTS }, stayIdle));
  process.send?.({ connected: true });
  let refused = 0;
  for (let sent = 0; sent < GARBAGE_REQUESTS; sent += GARBAGE_AT_ONCE) {
    const answers = Array.from({ length: GARBAGE_AT_ONCE }, (_, index) => sendGarbage(sent + index));
    refused += (await Promise.all(answers)).reduce((sum, count) => sum + count, 0);
    await sleep(GARBAGE_PAUSE_MS);
  }
  process.send?.({ refused });
  await once(process, 'message');
  process.exit(0);
}

void main();
