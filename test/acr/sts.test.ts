// Roles that are assumed at a security token service: a real one over TLS, whose certificate this process alone does not check.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import type { ProviderOptions } from '../../src/acr/client.ts';
import { createCredentialSource } from '../../src/acr/credentials.ts';
import { systemClock } from '../../src/util/clock.ts';
import type { CredentialSettings } from '../../src/util/credential-settings.ts';
import { REDACTED, Redactor } from '../../src/util/redactor.ts';
import { selfSigned } from '../helpers/raw-server.ts';
import { sdk } from './setup.ts';

process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
process.removeAllListeners('warning');

const SECRET = 'role/secret+key';

type Answer = { readonly status: number; readonly body: unknown };

/** A security token service that keeps what it is asked. */
async function startSts(t: ExecutionContext, answer: (count: number) => Answer) {
  const asked: URLSearchParams[] = [];
  const server = createServer(selfSigned, async (request, response) => {
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
  return { endpoint, asked };
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

async function setup(t: ExecutionContext, settings: (path: string) => CredentialSettings, answer = granted) {
  const folder = await mkdtemp(join(tmpdir(), 'acr-sts-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const path = join(folder, 'secret');
  const { endpoint, asked } = await startSts(t, answer);
  const redactor = new Redactor();
  const clock = { ...systemClock, nowMs: 0, monotonic: () => clock.nowMs };
  const createCredential = (options: ProviderOptions | undefined) =>
    sdk.createCredential(options && { ...options, stsEndpoint: endpoint });
  const source = createCredentialSource(settings(path), { createCredential, env: {}, clock, redactor });
  return { source, path, asked, redactor, clock };
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
  const { source, path, asked, redactor, clock } = await setup(t, ramRole);
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
  t.is(redactor.redact(`${SECRET} granted-secret-1 granted-token-1`), `${REDACTED} ${REDACTED} ${REDACTED}`);
  clock.nowMs += 1000;
  await source.ensure();
  t.is(asked.length, 1);
  await writeFile(path, 'rotated-secret');
  clock.nowMs += 1000;
  await source.ensure();
  t.is(source.current()?.accessKeyId, 'STS.2');
});

test('a role that may not be assumed is told with the code of the service and nothing else of its answer', async (t) => {
  const denied = () => ({
    status: 403,
    body: { Code: 'NoPermission', Message: `not with ${SECRET} nor granted-secret-1` },
  });
  const { source, path } = await setup(t, ramRole, denied);
  await writeFile(path, SECRET);
  await t.throwsAsync(source.ensure(), {
    message: 'no credentials from ram_role_arn: refresh session token failed (NoPermission)',
  });
  t.false(await source.refresh());
  await writeFile(path, 'rotated-secret');
  t.true(await source.refresh());
});

test('a role is assumed with the token in a file, which may appear later', async (t) => {
  const { source, path, asked, redactor, clock } = await setup(t, oidcRole);
  await t.throwsAsync(source.ensure(), {
    message: `oidc_token_file: expected a value in the file ${path}, ENOENT: no such file or directory`,
  });
  await writeFile(path, 'eyJhbGciOiJSUzI1NiJ9.e30.c2ln');
  clock.nowMs += 1000;
  await source.ensure();
  t.is(source.current()?.securityToken, 'granted-token-1');
  t.is(asked[0]?.get('Action'), 'AssumeRoleWithOIDC');
  t.is(asked[0]?.get('OIDCToken'), 'eyJhbGciOiJSUzI1NiJ9.e30.c2ln');
  t.is(redactor.redact('eyJhbGciOiJSUzI1NiJ9.e30.c2ln'), REDACTED);
});
