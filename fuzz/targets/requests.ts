// Requests to the exporter's own server as bytes on a connection.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { systemClock } from '../../src/util/clock.ts';
import { createLogger, type Logger } from '../../src/util/logger.ts';
import { Redactor } from '../../src/util/redactor.ts';
import { AccessControl } from '../../src/web/access/access-control.ts';
import { WebConfigWatcher } from '../../src/web/access/web-config-watcher.ts';
import { EventWebhook } from '../../src/web/events/event-webhook.ts';
import { createRoutes } from '../../src/web/routes.ts';
import { WebServer } from '../../src/web/server.ts';
import { requireNoSecret, SECRETS } from '../outputs.ts';
import { exchange } from '../sockets.ts';
import { defineTarget } from '../target.ts';
import { edited, madeOf } from '../texts.ts';
import { overviewOf, problemsOf, targetRow } from '../web-rows.ts';

/** Of `secret`, at the lowest cost. */
const HASH = '$2b$04$NFCd2wolGqHFOQhJJlsdaeyh0gxkl.sG86M2qVY1CMA8iI566jmBO';
const PROOF = Buffer.from('admin:secret').toString('base64');
/** Of the webhook, which asks for it instead of a password. */
const TOKEN = 'token-of-the-webhook';
const EVENT = JSON.stringify({
  id: '1',
  source: 'acs.cr',
  specversion: '1.0',
  type: 'cr:Artifact:ScanCompleted',
  time: '2026-01-31T08:15:00Z',
  data: { InstanceId: 'cri-1', RepoId: 'crr-1', Tag: 'latest' },
});
const WRONG = Buffer.from(`admin:${SECRETS.password}`).toString('base64');

const PATHS = [
  '/',
  '/metrics',
  '/api/v1/targets',
  '/-/healthy',
  '/-/ready',
  '/-/reload',
  '/api/v1/events',
  '/api/v1/events',
  'http://x/api/v1/events?a',
  '/api/v1/events/',
  '/nothing',
  '*',
  'http://x/metrics',
  '//',
  '/%2e%2e/',
  '/metrics?x=%',
  '/?page=1e9',
];
const METHODS = [
  'GET',
  'GET',
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'CONNECT',
  'get',
  'BREW',
  'PRI',
  '',
];
const HEADERS = [
  ...[
    'host: y',
    'host:',
    'host: a, b',
    'host: \u00ff',
    'accept: application/openmetrics-text',
    'accept: */*;q=0',
    'accept-encoding: gzip',
    'accept-encoding: gzip;q=2',
  ],
  ...[
    `authorization: Basic ${PROOF}`,
    `authorization: Basic ${WRONG}`,
    'authorization: Basic ====',
    'authorization: Bearer x',
    `authorization: Basic ${'A'.repeat(5_000)}`,
    `x-eventbridge-signature-token: ${TOKEN}`,
    `x-eventbridge-signature-token: ${SECRETS.password}`,
    'content-type: application/json',
    'content-type: application/json;charset',
    'content-encoding: gzip',
  ],
  ...[
    'content-length: 0',
    'content-length: 5',
    'content-length: 5, 5',
    'content-length: -1',
    'content-length: 99999999999999999999',
    'transfer-encoding: chunked',
    'transfer-encoding: identity',
  ],
  ...[
    'connection: close',
    'connection: keep-alive',
    'connection: upgrade',
    'upgrade: websocket',
    'upgrade: h2c',
    'expect: 100-continue',
    'expect: x',
    'range: bytes=0-1',
    'te: trailers',
  ],
  ...[
    'origin: http://evil.example',
    'sec-fetch-site: cross-site',
    'if-none-match: *',
    'cookie: a=b',
    ' folded',
    'no colon',
    'x : y',
    'x: \0',
    `x: ${'y'.repeat(9_000)}`,
    '__proto__: x',
    'constructor: x',
  ],
];

const request = fc
  .record({
    method: fc.constantFrom(...METHODS),
    path: fc.constantFrom(...PATHS),
    version: fc.constantFrom(...Array<string>(9).fill('HTTP/1.1'), 'HTTP/1.0', 'HTTP/2.0', 'HTTP/0.9', ''),
    host: fc.constantFrom(...Array<string>(9).fill('host: x'), ''),
    headers: fc.array(fc.constantFrom(...HEADERS), { maxLength: 3 }),
    many: fc.constantFrom(...Array<number>(30).fill(0), 150, 1_500),
    newline: fc.constantFrom(...Array<string>(20).fill('\r\n'), '\n', '\r'),
    body: fc.constantFrom('', '', 'hello', '5\r\nhello\r\n0\r\n\r\n', 'zz\r\n', '0\r\nx: y\r\n\r\n'),
  })
  .map(({ method, path, version, host, headers, many, newline, body }) => {
    const lines = [
      `${method} ${path} ${version}`,
      ...(host === '' ? [] : [host]),
      ...headers,
      ...Array.from({ length: many }, (_, index) => `x-${index}: y`),
    ];
    return `${lines.join(newline)}${newline}${newline}${body}`;
  });

const GOOD = [
  'GET /metrics HTTP/1.1\r\nhost: x\r\naccept-encoding: gzip\r\n\r\n',
  `GET /api/v1/targets?status=failed HTTP/1.1\r\nhost: x\r\nauthorization: Basic ${PROOF}\r\n\r\n`,
  'POST /-/reload HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello',
  [
    'POST /api/v1/events HTTP/1.1',
    'host: x',
    'content-type: application/json',
    `x-eventbridge-signature-token: ${TOKEN}`,
    `content-length: ${EVENT.length}`,
    '',
    EVENT,
  ].join('\r\n'),
];
const PIECES = [
  ...METHODS,
  ...PATHS,
  '\r\n',
  '\n',
  '\r',
  ' ',
  '\t',
  ':',
  '\0',
  '\u00ff',
  '%',
  '%00',
  'HTTP/1.1',
  '\r\n\r\n',
  '?',
  '#',
  '@',
];

type Given = { readonly text: string; readonly isLocked: boolean };
const inputs: fc.Arbitrary<Given> = fc.record({
  text: fc.oneof(
    { weight: 4, arbitrary: request },
    { weight: 2, arbitrary: fc.array(request, { minLength: 2, maxLength: 5 }).map((list) => list.join('')) },
    { weight: 3, arbitrary: edited(GOOD, PIECES) },
    { weight: 1, arbitrary: madeOf(PIECES, 20) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes).toString('latin1')) },
  ),
  isLocked: fc.boolean(),
});

export const requests = defineTarget({
  name: 'requests',
  sentence:
    'whatever a client sends, the answer has only what this client may see, the connection ends, and the server continues',
  share: 1.5,
  batch: 300,
  inputs,
  open: async () => {
    const failures: unknown[] = [];
    const directory = mkdtempSync(join(tmpdir(), 'acr-scan-exporter-fuzz-'));
    const file = join(directory, 'web.yml');
    writeFileSync(file, `basic_auth_users: { admin: "${HASH}" }`);
    const logger = createLogger({
      level: 'debug',
      format: 'logfmt',
      redactor: new Redactor(),
      write: (line) => requireNoSecret(line, 'the log'),
    });
    const watcher = new WebConfigWatcher(file, { clock: systemClock, logger });
    let [taken, tokens] = [0, 0];
    const took = () => {
      taken += 1;
    };
    const context = { logger, failures, took };
    const [open, locked] = [await serve(undefined, context), await serve(watcher, context)];
    return {
      close: async () => {
        for (const { stop } of [open, locked]) await stop();
        rmSync(directory, { recursive: true });
      },
      check: async ({ text, isLocked }) => {
        const { port } = isLocked ? locked : open;
        const answer = (await exchange(port, Buffer.from(text, 'latin1'))).toString('latin1');
        if (failures.length > 0) throw failures.splice(0)[0];
        // An event is applied some time after its answer, maybe while a later input is checked.
        tokens += text.split(TOKEN).length - 1;
        if (taken > tokens) throw new Error(`${taken} events were taken with ${tokens} tokens`);
        return requireAnswer(answer, isLocked && !text.includes(PROOF));
      },
    };
  },
});

type Context = { readonly logger: Logger; readonly failures: unknown[]; readonly took: () => void };

async function serve(watcher: WebConfigWatcher | undefined, { logger, failures, took }: Context) {
  const overview = overviewOf();
  const stopping = new AbortController();
  const failed = (error: unknown) => void failures.push(error);
  const events = new EventWebhook({
    externalUrl: '',
    routePrefix: '',
    clock: systemClock,
    logger,
    redactor: new Redactor(),
    env: { TOKEN },
    stopping: stopping.signal,
    meter: { eventsReceived: () => {} },
    receive: took,
    failed,
    fetchCertificate: () => Promise.reject(new Error('nothing is fetched')),
  });
  events.configure({ token: { from: 'env', name: 'TOKEN' }, signature: false }, []);
  const listener = createRoutes({
    externalUrl: '',
    routePrefix: '',
    telemetryPath: '/metrics',
    metrics: async () => ({ chunks: [Buffer.from('up 1\n')], length: 5, contentType: 'text/plain', done: () => {} }),
    isReady: () => true,
    statuses: Object.keys(overview.totals),
    overview: () => overview,
    problems: async () => problemsOf(),
    details: () => undefined,
    targets: () => [targetRow({})],
    reload: async () => ({ problems: [] }),
    events,
    failed,
  });
  const accessControl = new AccessControl(watcher, { clock: systemClock, logger });
  const server = new WebServer({
    listener: (incoming, response) => void listener(incoming, response),
    accessControl,
    hasOwnProof: (incoming) => events.isFor(incoming),
    clock: systemClock,
    logger,
  });
  const [address = ''] = await server.listen([{ host: '127.0.0.1', port: 0 }]);
  const stop = () => {
    stopping.abort();
    return server.close(0);
  };
  return { stop, port: Number(address.split(':').at(-1)) };
}

function requireAnswer(answer: string, isRefused: boolean): string {
  requireNoSecret(answer, 'the answer');
  if (answer === '') return 'no answer';
  const [, status = ''] = /^HTTP\/1\.1 (\d{3}) [^\r\n]+\r\n(?:[\w-]+: [^\r\n]*\r\n)*\r\n/.exec(answer) ?? [];
  if (status === '') throw new Error(`no answer in HTTP: ${answer.slice(0, 500)}`);
  const statuses = [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, each]) => each);
  if (statuses.includes('500')) throw new Error(`an internal error: ${answer.slice(0, 500)}`);
  if (isRefused && statuses.includes('200')) throw new Error(`let in without a password: ${answer.slice(0, 500)}`);
  if (/\n {4}at |undefined|\[object |node:internal/.test(answer))
    throw new Error(`it says too much: ${answer.slice(0, 2_000)}`);
  return status;
}
