// Hostile clients. To add one, add it to the list.
import { connect } from 'node:net';
import type { Random } from './random.ts';

type HostileClient = {
  readonly name: string;
  /** What it sends, one piece a second over each of its connections. */
  readonly pieces: (random: Random) => readonly string[];
  readonly connections: number;
  /** Whether it takes what is answered, and how fast. */
  readonly reads: 'at once' | 'slowly' | 'never';
  /** Whether it makes the exporter reload its file. */
  readonly reloads?: true;
};

const GET = 'GET /metrics HTTP/1.1\r\nhost: x\r\n';
/** Every path, and paths that do not exist. */
const PATHS = [
  '/metrics',
  '/',
  '/api/v1/targets',
  '/-/healthy',
  '/-/ready',
  '/-/reload',
  '/favicon.ico',
  '/api/v1/targets?status=none&limit=-1&offset=1e9&q=%ff%00',
  '/?q=%E0%A4%A&severity=__proto__',
  '//metrics/..%2f..%2f',
  'http://elsewhere/metrics',
  '*',
];
const METHODS = ['HEAD', 'OPTIONS', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND', 'QUERY', 'CONNECT', 'BREW', 'get'];
/** Headers that request what does not exist, or contradict themselves. */
const DEMANDS = [
  'accept: ,;q=;;*/*;q=7,application/openmetrics-text;version=9;q=nan',
  `accept: ${'text/plain;q=0.1,'.repeat(400)}*`,
  'accept-encoding: zstd;q=1,br,gzip;q=0,identity;q=0',
  'accept-encoding: *;q=0',
  'range: bytes=0-1,5-2,-9999999999999999',
  'if-none-match: *\r\nif-range: "x"\r\nif-modified-since: never',
  'connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: x',
  'expect: 100-continue',
  'expect: the unexpected',
  'transfer-encoding: chunked\r\ncontent-length: 5',
  'content-length: -1',
  'host: y',
  'sec-fetch-site: cross-site\r\norigin: null',
];

function ask(path: string, { method = 'GET', demand = 'a: 1' }: { method?: string; demand?: string } = {}): string {
  return `${method} ${path} HTTP/1.1\r\nhost: x\r\n${demand}\r\n\r\n`;
}

export const HOSTILE_CLIENTS: readonly HostileClient[] = [
  { name: 'connects and sends nothing', pieces: () => [], connections: 20, reads: 'at once' },
  {
    name: 'sends a header a second',
    pieces: () => [GET, 'a: 1\r\n', 'b: 2\r\n', 'c: 3\r\n'],
    connections: 10,
    reads: 'at once',
  },
  { name: 'sends requests and does not read', pieces: () => [`${GET}\r\n`.repeat(50)], connections: 5, reads: 'never' },
  { name: 'sends a request and disconnects', pieces: () => [`${GET}\r\n`], connections: 20, reads: 'at once' },
  {
    name: 'sends random bytes',
    pieces: (random) => [Array.from({ length: 500 }, () => String.fromCharCode(random.whole(0, 255))).join('')],
    connections: 5,
    reads: 'at once',
  },
  {
    name: 'sends an endless header',
    pieces: () => [`${GET}x: ${'a'.repeat(200_000)}`],
    connections: 3,
    reads: 'at once',
  },
  {
    name: 'announces a body and does not send it',
    pieces: () => ['POST /-/reload HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000\r\n\r\n'],
    connections: 5,
    reads: 'at once',
    reloads: true,
  },
  {
    name: 'sends requests in small pieces',
    pieces: (random) => ask(random.one(PATHS)).match(/.{1,20}/gs) ?? [],
    connections: 10,
    reads: 'at once',
  },
  {
    name: 'requests the list and the page and does not read',
    pieces: () => [ask('/api/v1/targets').repeat(25) + ask('/').repeat(25)],
    connections: 5,
    reads: 'never',
  },
  {
    name: 'reads a few bytes at a time',
    pieces: (random) => [ask(random.one(['/metrics', '/', '/api/v1/targets'])).repeat(20)],
    connections: 10,
    reads: 'slowly',
  },
  {
    name: 'uses other methods',
    pieces: (random) => [
      Array.from({ length: 20 }, () => ask(random.one(PATHS), { method: random.one(METHODS) })).join(''),
    ],
    connections: 10,
    reads: 'at once',
  },
  {
    name: 'sends headers that cannot be satisfied',
    pieces: (random) => [ask(random.one(PATHS), { demand: random.one(DEMANDS) })],
    connections: 20,
    reads: 'at once',
  },
  {
    name: 'sends many requests at once',
    pieces: (random) => [
      PATHS.flatMap((path) => [ask(path), ask(path, { method: 'HEAD', demand: random.one(DEMANDS.slice(0, 5)) })])
        .join('')
        .repeat(10),
    ],
    connections: 3,
    reads: 'at once',
  },
];

const SLOW = { bytes: 50, everyMs: 50 };

const STAYS_MS = 4_000;

/** Connects to a port of this machine, and disconnects after a while. */
export function letIn(client: HostileClient, port: number, random: Random): void {
  for (let number = 0; number < client.connections; number++) {
    const socket = connect(port, '127.0.0.1');
    // The exporter cuts the connection, now or later, as it should.
    socket.on('error', () => socket.destroy());
    if (client.reads === 'at once') socket.resume();
    if (client.reads === 'slowly') {
      const timer = setInterval(() => socket.read(SLOW.bytes), SLOW.everyMs).unref();
      socket.once('close', () => clearInterval(timer));
    }
    client.pieces(random).forEach((piece, second) => {
      setTimeout(() => socket.writable && socket.write(piece, 'latin1'), second * 1_000).unref();
    });
    setTimeout(() => socket.destroy(), client.name === 'sends a request and disconnects' ? 5 : STAYS_MS).unref();
  }
}
