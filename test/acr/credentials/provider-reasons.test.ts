// What is said when a service gives no credentials: what was asked, what came, what was expected, and no secret.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { CredentialSettings } from '../../../src/model/credential-settings.ts';
import {
  literal,
  redirectedTo,
  sessionAt,
  sourceOf,
  startAsked,
  unavailable,
} from '../../helpers/credential-sources.ts';
import { ManualClock } from '../../helpers/manual-clock.ts';
import { closedHost } from '../../helpers/raw-server.ts';

type Service = {
  /** By the address of the server and a file with a token. */
  readonly settings: (host: string, tokenFile: string) => CredentialSettings;
  readonly place: (host: string) => string;
  /** A session as this service answers it. */
  readonly wrap: (session: object) => object;
};

const roleArn = 'acs:ram::1:role/reader';
const services: Readonly<Record<string, Service>> = {
  credentials_uri: {
    settings: (host) => ({ type: 'credentials_uri', uri: `http://user:hidden@${host}/role?password=hidden` }),
    place: (host) => `GET http://${host}/role`,
    wrap: (session) => session,
  },
  ecs_ram_role: {
    settings: () => ({ type: 'ecs_ram_role', roleName: 'reader' }),
    place: () => 'GET http://100.100.100.200/latest/meta-data/ram/security-credentials/reader',
    wrap: (session) => session,
  },
  ram_role_arn: {
    settings: () => ({
      type: 'ram_role_arn',
      accessKeyId: literal('LTAIbase'),
      accessKeySecret: literal('the-base-secret'),
      roleArn,
    }),
    place: () => 'POST https://sts.aliyuncs.com/ (AssumeRole)',
    wrap: (session) => ({ RequestId: 'R-1', Credentials: session }),
  },
  oidc_role_arn: {
    settings: (_, oidcTokenFile) => ({
      type: 'oidc_role_arn',
      roleArn,
      oidcProviderArn: 'acs:ram::1:oidc-provider/ack',
      oidcTokenFile,
    }),
    place: () => 'POST https://sts.aliyuncs.com/ (AssumeRoleWithOIDC)',
    wrap: (session) => ({ RequestId: 'R-1', Credentials: session }),
  },
};

const json = { 'content-type': 'application/json' };
const FIELDS = 'expected JSON with AccessKeyId, AccessKeySecret, SecurityToken and Expiration';

type Fault = {
  readonly title: string;
  readonly answer: (response: ServerResponse, service: Service, nowMs: number) => void;
  /** What follows the name of what was asked. */
  readonly reason: RegExp;
  /** How long an answer is waited for, where that is not as usual. */
  readonly timeoutMs?: number;
};

const faults: readonly Fault[] = [
  {
    title: 'an answer 404',
    answer: (response) => response.writeHead(404).end('no session-secret-1 here'),
    reason: /^ answered HTTP 404, expected 200$/,
  },
  {
    title: 'an answer 403 with a code',
    answer: (response) =>
      response.writeHead(403, json).end('{"Code":"NoPermission","RequestId":"F1-2","Message":"session-secret-1"}'),
    reason: /^ answered HTTP 403 with NoPermission \(RequestId F1-2\), expected 200$/,
  },
  {
    title: 'an answer 403 whose JSON has nothing in it',
    answer: (response) => response.writeHead(403, json).end('{}'),
    reason: /^ answered HTTP 403, expected 200$/,
  },
  {
    title: 'an answer 500 of HTML',
    answer: (response) => response.writeHead(500, { 'content-type': 'text/html' }).end('<h1>session-secret-1</h1>'),
    reason: /^ answered HTTP 500, expected 200$/,
  },
  {
    title: 'an empty JSON object',
    answer: (response) => response.writeHead(200, json).end('{}'),
    reason: new RegExp(`^ answered HTTP 200, ${FIELDS}$`),
  },
  {
    title: 'JSON that is null',
    answer: (response) => response.writeHead(200, json).end('null'),
    reason: new RegExp(`^ answered HTTP 200, ${FIELDS}$`),
  },
  {
    title: 'half of a session',
    answer: (response, { wrap }, nowMs) =>
      response.writeHead(200, json).end(JSON.stringify(wrap({ ...sessionAt(nowMs, 1), AccessKeyId: '' }))),
    reason: new RegExp(`^ answered HTTP 200.*, ${FIELDS}$`),
  },
  ...['AccessKeyId', 'AccessKeySecret', 'SecurityToken', 'Expiration'].flatMap((field) =>
    [['session-secret-1'], { a: 'session-secret-1' }, 1_795_480_000].map(
      (value): Fault => ({
        title: `a session with ${JSON.stringify(value)} as its ${field}`,
        answer: (response, { wrap }, nowMs) =>
          response.writeHead(200, json).end(JSON.stringify(wrap({ ...sessionAt(nowMs, 1), [field]: value }))),
        reason: new RegExp(`^ answered HTTP 200.*, ${FIELDS}$`),
      }),
    ),
  ),
  {
    title: 'a session that was cut off',
    answer: (response, { wrap }, nowMs) =>
      response.writeHead(200, json).end(JSON.stringify(wrap(sessionAt(nowMs, 1))).slice(0, -40)),
    reason: new RegExp(`^ answered HTTP 200.*, ${FIELDS}$`),
  },
  {
    title: 'no answer',
    answer: () => {},
    reason: /^: no whole answer within 2000 ms$/,
    timeoutMs: 2_000,
  },
  {
    title: 'a connection that is reset',
    answer: (response) => response.socket?.resetAndDestroy(),
    reason: /^: (?:read ECONNRESET|socket hang up)$/,
  },
  {
    title: 'an answer that does not end',
    answer: (response) => {
      const more = () => {
        while (response.write(' '.repeat(65_536)));
      };
      response.on('drain', more);
      response.writeHead(200, json);
      more();
    },
    reason: /^: the answer has more than 1048576 bytes$/,
  },
];

async function setup(t: ExecutionContext, service: Service, answer: Fault['answer'], timeoutMs?: number) {
  const clock = new ManualClock();
  const folder = await mkdtemp(join(tmpdir(), 'acr-reasons-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const tokenFile = join(folder, 'token');
  await writeFile(tokenFile, 'a-service-account-token');
  const { host } = await startAsked(t, (request, response) => {
    if (request.method === 'PUT') response.end('a-metadata-token');
    else answer(response, service, clock.now());
  });
  return {
    clock,
    host,
    source: sourceOf(t, service.settings(host, tokenFile), { clock, providers: redirectedTo(host, timeoutMs) }),
  };
}

for (const [type, service] of Object.entries(services)) {
  for (const { title, answer, reason, timeoutMs } of faults) {
    test(`${type}: ${title} is described with the request`, async (t) => {
      const { host, source } = await setup(t, service, answer, timeoutMs);
      const { message } = await unavailable(source);
      const start = `no credentials from ${type}: ${service.place(host)}`;
      t.is(message.slice(0, start.length), start);
      t.regex(message.slice(start.length), reason);
      t.notRegex(message, /session-|hidden|the-base-secret|service-account|undefined/);
    });
  }

  test(`${type}: a session that has ended, or whose end is no time, is not used`, async (t) => {
    const { clock, source } = await setup(t, service, (response, { wrap }, nowMs) =>
      response.end(JSON.stringify(wrap(sessionAt(nowMs, 1, -60_000)))),
    );
    const [ended, now] = ['2025-12-31T23:59:00.000Z', '2026-01-01T00:00:00.000Z'];
    t.is(clock.now(), Date.parse(now));
    t.is(
      (await unavailable(source)).message,
      `no credentials from ${type}: the session that it gave ended at ${ended}, and the clock here shows ${now}`,
    );
    const odd = await setup(t, service, (response, { wrap }, nowMs) =>
      response.end(JSON.stringify(wrap({ ...sessionAt(nowMs, 1), Expiration: 'session-secret-1' }))),
    );
    t.regex((await unavailable(odd.source)).message, /: the session that it gave has an Expiration that is no time/);
  });

  test(`${type}: a token that cannot be sent is not used`, async (t) => {
    const { source } = await setup(t, service, (response, { wrap }, nowMs) =>
      response.end(JSON.stringify(wrap({ ...sessionAt(nowMs, 1), SecurityToken: 'session-secret-1\nx' }))),
    );
    t.regex((await unavailable(source)).message, /: they have spaces, line breaks or characters beyond ASCII$/);
  });
}

test('an address without a listener is named in the error', async (t) => {
  for (const [type, service] of Object.entries(services)) {
    const host = await closedHost();
    const settings = service.settings(host, '/dev/null');
    const source = sourceOf(t, settings, { providers: redirectedTo(host) });
    if (type === 'oidc_role_arn') continue;
    t.is(
      (await unavailable(source)).message,
      `no credentials from ${type}: ${service.place(host)}: connect ECONNREFUSED ${host}`,
    );
  }
});

test('a reason that is too long keeps its end', async (t) => {
  const host = await closedHost();
  const uri = `http://${host}/${'long/'.repeat(400)}`;
  const { message } = await unavailable(sourceOf(t, { type: 'credentials_uri', uri }));
  t.true(message.length < 400);
  t.true(message.endsWith(`: connect ECONNREFUSED ${host}`), message);
});
