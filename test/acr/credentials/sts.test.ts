// Roles that are assumed at a security token service: a real one over TLS, whose certificate this process alone does not check.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import type { CredentialSettings } from '../../../src/model/credential-settings.ts';
import { REDACTED } from '../../../src/util/redactor.ts';
import { sourceOf, unavailable } from '../../helpers/credential-sources.ts';
import { eventually } from '../../helpers/eventually.ts';
import { ManualClock } from '../../helpers/manual-clock.ts';
import { closedHost, selfSigned, startTcp } from '../../helpers/raw-server.ts';
import { tunnelling } from '../../helpers/tunnelling-proxy.ts';
import { sdk, testRoutes } from '../setup.ts';

process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
process.removeAllListeners('warning');

const SECRET = 'role/secret+key';

type Answer = { readonly status: number; readonly body: unknown };

/** A security token service that keeps what it is asked. */
async function startSts(t: ExecutionContext, answer: (count: number) => Answer) {
  const asked: URLSearchParams[] = [];
  const headers: IncomingHttpHeaders[] = [];
  const server = createServer(selfSigned, async (request, response) => {
    headers.push(request.headers);
    const query = new URL(request.url ?? '', 'https://sts').searchParams;
    asked.push(new URLSearchParams([...query, ...new URLSearchParams(await text(request))]));
    const { status, body } = answer(asked.length);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const endpoint = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { endpoint, asked, headers };
}

const granted = (count: number): Answer => ({
  status: 200,
  body: {
    Credentials: {
      AccessKeyId: `STS.${count}`,
      AccessKeySecret: `granted-secret-${count}`,
      SecurityToken: `granted-token-${count}`,
      Expiration: new Date(Date.now() + 3_600_000).toISOString().replace(/\.\d+/, ''),
    },
  },
});

async function setup(
  t: ExecutionContext,
  settings: (path: string) => CredentialSettings,
  answer = granted,
  routes = testRoutes(),
) {
  const folder = await mkdtemp(join(tmpdir(), 'acr-sts-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const path = join(folder, 'secret');
  const { endpoint, asked, headers } = await startSts(t, answer);
  const source = sourceOf(t, settings(path), {
    clock: new ManualClock(Date.now()),
    routes,
    providers: {
      ...sdk.providers,
      createSessionProvider: (type, fields, routes) =>
        sdk.providers.createSessionProvider(type, { ...fields, stsEndpoint: endpoint }, routes),
    },
  });
  return { source, path, asked, endpoint, headers };
}

const ramRole = (path: string): CredentialSettings => ({
  type: 'ram_role_arn',
  accessKeyId: { from: 'value', value: 'LTAIbase' },
  accessKeySecret: { from: 'file', path },
  roleArn: 'acs:ram::1:role/reader',
  roleSessionName: 'exporter',
  externalId: 'partner-7',
});

const oidcRole = (path: string): CredentialSettings => ({
  type: 'oidc_role_arn',
  roleArn: 'acs:ram::1:role/reader',
  oidcProviderArn: 'acs:ram::1:oidc-provider/ack',
  oidcTokenFile: path,
  roleSessionName: 'exporter',
});

test('a role is assumed with the access key, again only when the key changes', async (t) => {
  const { source, path, asked } = await setup(t, ramRole);
  await writeFile(path, SECRET);
  await source.ensure();
  t.is(source.current()?.accessKeyId, 'STS.1');
  const [request] = asked;
  const expected = {
    Action: 'AssumeRole',
    AccessKeyId: 'LTAIbase',
    RoleArn: 'acs:ram::1:role/reader',
    RoleSessionName: 'exporter',
    ExternalId: 'partner-7',
  };
  for (const [name, value] of Object.entries(expected)) t.is(request?.get(name), value);
  const { redactor, clock } = source;
  t.is(redactor.redact(`${SECRET} granted-secret-1 granted-token-1`), `${REDACTED} ${REDACTED} ${REDACTED}`);
  await clock.advance(1000);
  await source.refresh();
  t.is(asked.length, 1);
  await writeFile(path, 'rotated-secret');
  await clock.advance(1000);
  await source.ensure();
  t.is(source.current()?.accessKeyId, 'STS.1', 'the session before is good meanwhile');
  await eventually('the role is assumed anew', () => (source.current()?.accessKeyId === 'STS.2' ? true : undefined));
});

test('a role that may not be assumed is an error with the code of the service, and nothing else of its answer', async (t) => {
  const denied = () => ({
    status: 403,
    body: { Code: 'NoPermission', Message: `not with ${SECRET} nor granted-secret-1`, RequestId: 'F1E2-33' },
  });
  const { source, path, endpoint } = await setup(t, ramRole, denied);
  await writeFile(path, SECRET);
  await t.throwsAsync(source.ensure(), {
    message: `no credentials from ram_role_arn: POST https://${endpoint}/ (AssumeRole) answered HTTP 403 with NoPermission (RequestId F1E2-33), expected 200`,
  });
  t.false(await source.refresh());
  await writeFile(path, 'rotated-secret');
  t.true(await source.refresh());
});

test('a role is assumed with the token in a file, which may appear later', async (t) => {
  const { source, path, asked } = await setup(t, oidcRole);
  await t.throwsAsync(source.ensure(), {
    message: `oidc_token_file: expected a value in the file ${path}, ENOENT: no such file or directory`,
  });
  await writeFile(path, 'eyJhbGciOiJSUzI1NiJ9.e30.c2ln');
  await source.clock.advance(1000);
  await source.ensure();
  t.is(source.current()?.securityToken, 'granted-token-1');
  t.is(asked[0]?.get('Action'), 'AssumeRoleWithOIDC');
  t.is(asked[0]?.get('OIDCToken'), 'eyJhbGciOiJSUzI1NiJ9.e30.c2ln');
  t.is(source.redactor.redact('eyJhbGciOiJSUzI1NiJ9.e30.c2ln'), REDACTED);
});

test('a session stays in use when its token file is written again', async (t) => {
  const { source, path, asked } = await setup(t, oidcRole);
  await writeFile(path, 'the-first-token');
  await source.ensure();
  await writeFile(path, 'the-second-token');
  await source.clock.advance(1000);
  await source.refresh();
  await source.ensure();
  t.is(source.current()?.accessKeyId, 'STS.1');
  t.is(asked.length, 1);
});

const throughProxy = (url: string) =>
  testRoutes({ proxy: { from: 'url', url: { from: 'value', value: url }, noProxy: '' } });

for (const [settings, action] of [
  [ramRole, 'AssumeRole'],
  [oidcRole, 'AssumeRoleWithOIDC'],
] as const) {
  test(`${action} goes through the tunnel of the proxy, and the token service does not get the password of the proxy`, async (t) => {
    const heads: string[] = [];
    const proxy = await startTcp(t, tunnelling(heads));
    const routes = throughProxy(`http://me:pr0xy-pass@${proxy.host}`);
    const { source, path, asked, endpoint, headers } = await setup(t, settings, granted, routes);
    await writeFile(path, SECRET);
    await source.ensure();
    t.is(source.current()?.accessKeyId, 'STS.1');
    t.is(asked[0]?.get('Action'), action);
    t.regex(heads.join(), new RegExp(`^CONNECT ${endpoint} HTTP/1.1\\r\\n`));
    t.true(heads[0]?.includes(`Basic ${Buffer.from('me:pr0xy-pass').toString('base64')}`));
    t.false('proxy-authorization' in (headers[0] ?? {}));
  });
}

test('a role cannot be assumed while the proxy is down, and the token service is not asked past it', async (t) => {
  const host = await closedHost();
  const { source, path, asked } = await setup(t, ramRole, granted, throughProxy(`http://me:pr0xy-pass@${host}`));
  await writeFile(path, SECRET);
  const { message } = await unavailable(source);
  t.true(message.startsWith(`no credentials from ram_role_arn: `), message);
  t.true(message.includes(`the proxy http://${host} gave no connection: `), message);
  t.notRegex(message, /pr0xy/);
  t.is(asked.length, 0);
});
