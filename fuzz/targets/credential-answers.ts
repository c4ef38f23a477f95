// What services hand out as credentials, and the files and variables that secrets are read from.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { ApiError } from '../../src/acr/api-error.ts';
import type { ProviderSettings } from '../../src/acr/credentials/default-chain.ts';
import type { ProviderRequest } from '../../src/acr/credentials/provider-request.ts';
import { createProvider, type Fetched } from '../../src/acr/credentials/providers.ts';
import type { SdkProviders } from '../../src/acr/credentials/sdk-providers.ts';
import { readSecretValues } from '../../src/acr/credentials/secret-values.ts';
import { describeProviderFailure } from '../../src/acr/credentials/session.ts';
import { loadSdk } from '../../src/acr/sdk.ts';
import { systemClock } from '../../src/util/clock.ts';
import { Redactor } from '../../src/util/redactor.ts';
import { directRoutes } from '../api-answers.ts';
import { ANY_JSON, jsonLike, type Shape } from '../json-texts.ts';
import { requireEqual, requireFitMessage, requireNoSecret, SECRETS } from '../outputs.ts';
import { defineTarget } from '../target.ts';
import { anyText, edited, repeated, spoilt } from '../texts.ts';

const { accessKeySecret, securityToken, password } = SECRETS;
const SESSION: Shape = {
  AccessKeyId: '"STS.example"',
  AccessKeySecret: JSON.stringify(accessKeySecret),
  SecurityToken: JSON.stringify(securityToken),
  Expiration: '"2999-01-31T08:15:00Z"',
  Code: '"Success"',
};
const ROLE_ANSWER: Shape = {
  RequestId: '"R-1"',
  Credentials: SESSION,
  AssumedRoleUser: { Arn: '"acs:ram::1:role/x"' },
};
const ERROR: Shape = { RequestId: '"R-1"', Code: '"NoPermission"', Message: JSON.stringify(`no ${securityToken}`) };
const value = fc
  .oneof(
    fc.constantFrom(
      accessKeySecret,
      securityToken,
      '2020-01-01T00:00:00Z',
      '2999-01-31',
      'soon',
      'Failed',
      '1',
      'STS.x',
      'näh',
      'a b',
    ),
    anyText(12),
    repeated(['"Code":"', '"Code"   ', 'x', ' ', '\\"'], 20_000),
  )
  .map((text) => JSON.stringify(text));

type Kind = 'ram_role_arn' | 'oidc_role_arn' | 'ecs_ram_role' | 'credentials_uri';

const PIECES = ['{', '}', '"', ',', ':', '\0', '<html>', '"Code":"x"', ' ', '\n', 'null', '\\'];
const whole = [SESSION, ROLE_ANSWER].map(write);
const bodiesLike = (shape: Shape) =>
  fc.oneof(
    { weight: 6, arbitrary: jsonLike(shape, value) },
    { weight: 1, arbitrary: jsonLike(ERROR, value) },
    { weight: 2, arbitrary: edited(whole, PIECES) },
    { weight: 1, arbitrary: ANY_JSON },
    { weight: 1, arbitrary: fc.constantFrom('', 'reader', '<html>403</html>', '[]', 'null', '0', '\ufeff{}') },
  );

function write(shape: Shape): string {
  return JSON.stringify(shape, (_, inner: unknown) => (typeof inner === 'string' ? JSON.parse(inner) : inner));
}

type Answer = {
  readonly kind: Kind;
  readonly status: number;
  readonly body: Buffer;
  readonly failure: string | undefined;
};

const answerTo = (shape: Shape, ...services: readonly Kind[]): fc.Arbitrary<Answer> =>
  fc.record({
    kind: fc.constantFrom(...services),
    status: fc.oneof(
      { weight: 6, arbitrary: fc.constant(200) },
      { weight: 1, arbitrary: fc.constantFrom(0, 204, 302, 403, 404, 500, 503) },
    ),
    body: fc.oneof(
      { weight: 3, arbitrary: bodiesLike(shape).map((text) => Buffer.from(text)) },
      { weight: 1, arbitrary: spoilt(bodiesLike(shape)) },
    ),
    failure: fc.oneof(
      { weight: 20, arbitrary: fc.constant(undefined) },
      {
        weight: 1,
        arbitrary: fc.constantFrom('ECONNREFUSED', 'ETIMEDOUT', `GET http://u:${encodeURIComponent(password)}@h/`, ''),
      },
    ),
  });

const inputs = fc.oneof(
  answerTo(ROLE_ANSWER, 'ram_role_arn', 'oidc_role_arn'),
  answerTo(SESSION, 'ecs_ram_role', 'credentials_uri'),
);

const ROLE = 'acs:ram::1234567890123456:role/reader';
const NOW_MS = Date.UTC(2026, 0, 1);

export const credentialAnswers = defineTarget({
  name: 'credential-answers',
  sentence:
    'an answer of the token, metadata or credentials service gives its session, or a reason that contains no secret',
  share: 2,
  inputs,
  open: async () => {
    const { providers } = await loadSdk();
    const directory = mkdtempSync(join(tmpdir(), 'acr-scan-exporter-fuzz-'));
    const tokenFile = join(directory, 'token');
    writeFileSync(tokenFile, 'eyJ.an.oidc-token');
    const redactor = new Redactor();
    const routes = directRoutes(redactor);
    return {
      close: async () => rmSync(directory, { recursive: true }),
      check: async (answer) => {
        const answering = answeredBy(providers, answer);
        const clock = { ...systemClock, now: () => NOW_MS };
        const settings = settingsOf(answer.kind, tokenFile);
        const values = { access_key_id: 'LTAIexample', access_key_secret: 'the-base-secret' };
        let fetched: Fetched;
        try {
          fetched = await createProvider(settings, values, { providers: answering, routes, clock, redactor }).fetch();
        } catch (error) {
          const reason = describeProviderFailure(error, redactor);
          requireFitMessage(reason, 'the reason', answer.body.toString());
          return 'a reason';
        }
        requireSession(fetched, answer);
        return 'a session';
      },
    };
  },
});

function settingsOf(kind: Kind, oidcTokenFile: string): ProviderSettings {
  const literal = (text: string) => ({ from: 'value', value: text }) as const;
  switch (kind) {
    case 'ram_role_arn':
      return {
        type: kind,
        accessKeyId: literal('LTAIexample'),
        accessKeySecret: literal('the-base-secret'),
        roleArn: ROLE,
      };
    case 'oidc_role_arn':
      return { type: kind, roleArn: ROLE, oidcProviderArn: ROLE, oidcTokenFile };
    case 'ecs_ram_role':
      return { type: kind, roleName: 'reader' };
    case 'credentials_uri':
      return {
        type: kind,
        uri: `http://user:${encodeURIComponent(password)}@127.0.0.1/role?token=${encodeURIComponent(password)}`,
      };
  }
}

/** The providers of the SDK, which get this answer to whatever they ask. */
function answeredBy(providers: SdkProviders, { status, body, failure }: Answer): SdkProviders {
  const answer = async ({ method }: ProviderRequest) => {
    if (failure !== undefined) throw new Error(failure);
    return method === 'PUT' ? { statusCode: 200, body: 'a-metadata-token' } : { statusCode: status, body };
  };
  return {
    ...providers,
    createSessionProvider: (type, fields, routes) =>
      Object.assign(providers.createSessionProvider(type, fields, routes), { doRequest: answer }),
  };
}

function requireSession({ credentials, lifetimeMs, renewAfterMs, identity }: Fetched, { body, status }: Answer): void {
  requireNoSecret(identity, 'the identity');
  requireEqual(status, 200, 'the status');
  if (!(renewAfterMs > 0 && renewAfterMs <= lifetimeMs))
    throw new Error(`renewed after ${renewAfterMs} of ${lifetimeMs} ms`);
  const read = JSON.parse(body.toString());
  const session = read.Credentials ?? read;
  const { accessKeyId, accessKeySecret: secret, securityToken: token } = credentials;
  requireEqual(
    [accessKeyId, secret, token],
    [session.AccessKeyId, session.AccessKeySecret, session.SecurityToken],
    'the session',
  );
}

const contents = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      accessKeySecret,
      `${accessKeySecret}\n`,
      `\ufeff${accessKeySecret}\r\n`,
      '',
      ' ',
      '\n\n',
      '\0',
      'two\nlines',
    ),
  },
  { weight: 1, arbitrary: anyText() },
  { weight: 1, arbitrary: fc.constantFrom(65_536, 65_537, 200_000).map((length) => 'x'.repeat(length)) },
  { weight: 1, arbitrary: edited([accessKeySecret, securityToken], ['\n', ' ', '\t', 'ä', '\0', '"']) },
);

export const secretFiles = defineTarget({
  name: 'secret-files',
  sentence:
    'a secret is the content of a file or a variable without the surrounding white space, or a message says what is wrong and shows no part of it',
  share: 0.5,
  inputs: fc.record({
    file: spoilt(contents),
    variable: fc.oneof(
      { weight: 3, arbitrary: fc.constant('LTAIexample') },
      { weight: 1, arbitrary: fc.option(contents, { nil: undefined }) },
    ),
  }),
  open: () => {
    const directory = mkdtempSync(join(tmpdir(), 'acr-scan-exporter-fuzz-'));
    const path = join(directory, 'secret');
    return {
      close: async () => rmSync(directory, { recursive: true }),
      check: async ({ file, variable }) => {
        writeFileSync(path, file);
        const sources = {
          access_key_id: { from: 'env', name: 'KEY' },
          access_key_secret: { from: 'file', path },
        } as const;
        const redactor = new Redactor();
        try {
          const values = await readSecretValues(sources, { env: { KEY: variable }, redactor });
          requireEqual(
            values,
            { access_key_id: variable?.trim(), access_key_secret: file.toString().trim() },
            'the values',
          );
          if (!/^[!-~]+ [!-~]+$/.test(Object.values(values).join(' '))) throw new Error('a value that cannot be sent');
          requireNoSecret(redactor.redact(`it is ${values.access_key_secret}.`), 'the redacted text');
          return 'values';
        } catch (error) {
          if (!(error instanceof ApiError)) throw error;
          requireFitMessage(error.message, 'the message', '', 800);
          return 'a message';
        }
      },
    };
  },
});
