// Clients that mean no good. To add one, add it to the list.
import { connect } from 'node:net';
import type { Random } from './random.ts';

type HostileClient = {
  readonly name: string;
  /** What it sends, one piece a second over each of its connections. */
  readonly pieces: (random: Random) => readonly string[];
  readonly connections: number;
  /** Whether it takes what is answered. */
  readonly reads: boolean;
};

const GET = 'GET /metrics HTTP/1.1\r\nhost: x\r\n';

export const HOSTILE_CLIENTS: readonly HostileClient[] = [
  { name: 'connects and says nothing', pieces: () => [], connections: 20, reads: true },
  {
    name: 'sends a header a second',
    pieces: () => [GET, 'a: 1\r\n', 'b: 2\r\n', 'c: 3\r\n'],
    connections: 10,
    reads: true,
  },
  { name: 'asks and does not read', pieces: () => [`${GET}\r\n`.repeat(50)], connections: 5, reads: false },
  { name: 'asks and goes', pieces: () => [`${GET}\r\n`], connections: 20, reads: true },
  {
    name: 'sends noise',
    pieces: (random) => [Array.from({ length: 500 }, () => String.fromCharCode(random.whole(0, 255))).join('')],
    connections: 5,
    reads: true,
  },
  {
    name: 'sends a header without end',
    pieces: () => [`${GET}x: ${'a'.repeat(200_000)}`],
    connections: 3,
    reads: true,
  },
  {
    name: 'announces a body that does not come',
    pieces: () => ['POST /-/reload HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000\r\n\r\n'],
    connections: 5,
    reads: true,
  },
];

const STAYS_MS = 4_000;

/** Connects to a port of this machine, and goes after a while. */
export function letIn(client: HostileClient, port: number, random: Random): void {
  for (let number = 0; number < client.connections; number++) {
    const socket = connect(port, '127.0.0.1');
    // It is cut off, now or later: that is what it is for.
    socket.on('error', () => socket.destroy());
    if (client.reads) socket.resume();
    client.pieces(random).forEach((piece, second) => {
      setTimeout(() => socket.writable && socket.write(piece, 'latin1'), second * 1_000).unref();
    });
    setTimeout(() => socket.destroy(), client.name === 'asks and goes' ? 5 : STAYS_MS).unref();
  }
}
