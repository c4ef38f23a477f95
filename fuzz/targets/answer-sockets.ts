// Answers of the API as bytes on a connection, good and bad HTTP, to the client that asks for them.
import fc from 'fast-check';
import { loadSdk } from '../../src/acr/sdk.ts';
import { apiOf, bodies, OPERATIONS, operationAt, requireOutcome } from '../api-answers.ts';
import { listenOnLoopback } from '../sockets.ts';
import { defineTarget } from '../target.ts';
import { edited } from '../texts.ts';

type Exchange = {
  readonly operation: number;
  readonly head: string;
  readonly body: Buffer;
  /** How the body is sent: as it is, as chunks, as chunks that are none, or not all of it. */
  readonly framing: 'length' | 'close' | 'chunked' | 'wrong length' | 'bad chunks';
  readonly ending: 'end' | 'reset' | 'stay';
};

const HEADS = [
  'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n',
  'HTTP/1.1 503 Service Unavailable\r\nx-acs-retry-after: 1500\r\n',
  'HTTP/1.0 200 OK\r\nx-acs-request-id: R-1\r\nset-cookie: a=b\r\n',
];
const PIECES = [
  ...[
    '\r\n',
    '\n',
    '\r',
    ':',
    ' ',
    '\t',
    '\0',
    'HTTP/1.1 100 Continue\r\n\r\n',
    'HTTP/1.1 101 Switching Protocols\r\n',
    'HTTP/2 200\r\n',
    '204',
    '304',
    '99',
    '1000',
  ],
  ...[
    'content-encoding: gzip\r\n',
    'content-length: 5\r\n',
    'content-length: -1\r\n',
    'transfer-encoding: chunked\r\n',
    'transfer-encoding: gzip, chunked\r\n',
  ],
  ...[
    'connection: close\r\n',
    'connection: keep-alive\r\n',
    'location: http://127.0.0.1:1/\r\n',
    `x: ${'y'.repeat(20_000)}\r\n`,
    'ICY 200 OK\r\n',
    '<html>',
  ],
];

const exchange: fc.Arbitrary<Exchange> = fc.oneof(
  ...OPERATIONS.map((_, operation) =>
    fc.record({
      operation: fc.constant(operation),
      head: fc.oneof(
        { weight: 1, arbitrary: fc.constantFrom(...HEADS) },
        { weight: 1, arbitrary: edited(HEADS, PIECES) },
      ),
      body: bodies[operation] ?? fc.constant(Buffer.alloc(0)),
      framing: fc.constantFrom('length', 'length', 'length', 'close', 'chunked', 'wrong length', 'bad chunks'),
      // To stay makes it wait until it gives up.
      ending: fc.constantFrom(...Array<'end'>(100).fill('end'), 'reset', 'reset', 'stay'),
    }),
  ),
);

const TIMEOUT_MS = 100;

export const answerSockets = defineTarget({
  name: 'answer-sockets',
  sentence: 'whatever arrives on a connection, the client gets an answer or an error that is fit to be shown, in time',
  share: 1,
  batch: 200,
  inputs: exchange,
  open: async () => {
    let present: Exchange | undefined;
    const server = await listenOnLoopback((socket) => {
      socket.once('data', () => {
        if (present === undefined) return;
        socket.write(bytesOf(present));
        if (present.ending === 'end') socket.end();
        else if (present.ending === 'reset') setImmediate(() => socket.resetAndDestroy());
      });
    });
    const sdk = await loadSdk();
    const api = apiOf(sdk, `127.0.0.1:${server.port}`, { requestTimeoutMs: TIMEOUT_MS });
    return {
      close: () => server.close(),
      check: async (input) => {
        present = input;
        const { ask } = operationAt(input.operation);
        const { word } = await requireOutcome(() => ask(api.afresh), []);
        return word;
      },
    };
  },
});

function bytesOf({ head, body, framing }: Exchange): Buffer {
  const parts: Readonly<Record<Exchange['framing'], readonly (string | Buffer)[]>> = {
    length: [`content-length: ${body.length}\r\n\r\n`, body],
    close: ['\r\n', body],
    chunked: ['transfer-encoding: chunked\r\n\r\n', `${body.length.toString(16)}\r\n`, body, '\r\n0\r\n\r\n'],
    'wrong length': [`content-length: ${body.length + 7}\r\n\r\n`, body],
    'bad chunks': ['transfer-encoding: chunked\r\n\r\n', 'zz\r\n', body, '\r\n0\r\n'],
  };
  return Buffer.concat(
    [head, ...parts[framing]].map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)),
  );
}
