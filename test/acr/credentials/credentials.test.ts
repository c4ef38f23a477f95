// Where credentials come from, when they are read again, and what is said when there are none.
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { SdkCredentials } from '../../../src/acr/credentials/sdk-providers.ts';
import type { CredentialSettings } from '../../../src/model/credential-settings.ts';
import { REDACTED } from '../../../src/util/redactor.ts';
import {
  inFile,
  literal,
  sessionAt,
  sourceOf,
  startAsked,
  type TestSource,
  unavailable,
} from '../../helpers/credential-sources.ts';
import { eventually } from '../../helpers/eventually.ts';
import { ManualClock } from '../../helpers/manual-clock.ts';
import { sdk } from '../setup.ts';

const KEY_ID = 'LTAI5tExample';
const KEY_SECRET = 'f1rst/secret+value';

/** Resolves when the source, which reads files beside those who ask, has the credentials of this secret. */
function untilSecret(source: TestSource, secret: string): Promise<SdkCredentials> {
  return eventually(`the secret ${secret} is used`, () => {
    const current = source.current();
    return current?.accessKeySecret === secret ? current : undefined;
  });
}

async function folder(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'acr-credentials-'));
  t.teardown(() => rm(path, { recursive: true }));
  return path;
}

/** An access key whose secret is in a file, which a test may rewrite. */
async function accessKeyInFile(t: ExecutionContext, content = KEY_SECRET) {
  const path = join(await folder(t), 'secret');
  await writeFile(path, content);
  const settings: CredentialSettings = {
    type: 'access_key',
    accessKeyId: literal(KEY_ID),
    accessKeySecret: inFile(path),
  };
  return { path, settings };
}

test('values come from the configuration, a file or a variable, and are added to the redactor', async (t) => {
  const { path } = await accessKeyInFile(t, `\n  ${KEY_SECRET}\r\n`);
  const settings: CredentialSettings = {
    type: 'sts',
    accessKeyId: literal(KEY_ID),
    accessKeySecret: inFile(path),
    securityToken: { from: 'env', name: 'MY_TOKEN' },
  };
  const source = sourceOf(t, settings, { env: { MY_TOKEN: 'CAIStoken' } });
  t.is(source.current(), undefined);
  await source.ensure();
  const { accessKeyId, accessKeySecret, securityToken, type } = source.current() ?? {};
  t.deepEqual([accessKeyId, accessKeySecret, securityToken, type], [KEY_ID, KEY_SECRET, 'CAIStoken', 'sts']);
  t.is(source.redactor.redact(`${KEY_ID} ${KEY_SECRET} CAIStoken`), `${KEY_ID} ${REDACTED} ${REDACTED}`);
});

const badFiles: readonly (readonly [string, (path: string) => Promise<unknown>, RegExp])[] = [
  ['is missing', (path) => rm(path), /no such file or directory$/],
  ['is empty', (path) => writeFile(path, ''), /which is empty$/],
  ['has only spaces', (path) => writeFile(path, ' \n\t'), /which is empty$/],
  ['has two lines', (path) => writeFile(path, 'the-secret\nanother-one'), /found one with spaces, line breaks/],
  ['has an umlaut', (path) => writeFile(path, 'the-sécret'), /characters beyond ASCII$/],
  ['is large', (path) => writeFile(path, 'the-secret'.repeat(10_000)), /found more than 65536 bytes$/],
];

for (const [title, spoil, expected] of badFiles) {
  test(`a secret file that ${title} is named in the error, and used once it is valid`, async (t) => {
    const { path, settings } = await accessKeyInFile(t);
    await spoil(path);
    const source = sourceOf(t, settings);
    const error = await unavailable(source);
    t.true(error.message.startsWith(`access_key_secret: expected a value in the file ${path}, `), error.message);
    t.regex(error.message, expected);
    t.notRegex(error.message, /the-s/);
    await writeFile(path, KEY_SECRET);
    await source.clock.advance(1000);
    await source.ensure();
    t.is(source.current()?.accessKeySecret, KEY_SECRET);
  });
}

test('a folder and a pipe in place of a secret file are refused, not waited for', async (t) => {
  const settings = (path: string): CredentialSettings => ({
    type: 'access_key',
    accessKeyId: inFile(path),
    accessKeySecret: literal(KEY_SECRET),
  });
  const pipe = join(await folder(t), 'pipe');
  execFileSync('mkfifo', [pipe]);
  for (const path of [await folder(t), '/dev/zero', pipe]) {
    t.regex(
      (await unavailable(sourceOf(t, settings(path)))).message,
      /^access_key_id: .* found something else than a file$/,
    );
  }
});

test('all values that are missing are named at once', async (t) => {
  const settings: CredentialSettings = {
    type: 'access_key',
    accessKeyId: { from: 'env', name: 'NO_ID' },
    accessKeySecret: inFile('/nowhere/secret'),
  };
  const { message } = await unavailable(sourceOf(t, settings));
  t.regex(message, /access_key_id: .*NO_ID, which is not set; access_key_secret: .*\/nowhere\/secret, ENOENT/);
});

test('a variable that is not set, or empty, is named', async (t) => {
  const settings: CredentialSettings = {
    type: 'access_key',
    accessKeyId: literal(KEY_ID),
    accessKeySecret: { from: 'env', name: 'MY_SECRET' },
  };
  const place = 'access_key_secret: expected a value in the environment variable MY_SECRET, ';
  t.is((await unavailable(sourceOf(t, settings))).message, `${place}which is not set`);
  t.is((await unavailable(sourceOf(t, settings, { env: { MY_SECRET: ' ' } }))).message, `${place}which is empty`);
});

test('a secret file is read again after a second, not before, and no request waits for it', async (t) => {
  const { path, settings } = await accessKeyInFile(t);
  const source = sourceOf(t, settings);
  await source.ensure();
  const before = source.current();
  await writeFile(path, 'second-secret');
  await source.clock.advance(999);
  await source.ensure();
  t.is(source.current(), before);
  await source.clock.advance(1);
  await untilSecret(source, 'second-secret');
  t.true(source.log.some((line) => line.includes('msg="secret changed, the new one is used" credentials=default')));
});

test('refresh reads at once and returns each change once; the next ensure uses it', async (t) => {
  const { path, settings } = await accessKeyInFile(t);
  const source = sourceOf(t, settings);
  await source.ensure();
  t.false(await source.refresh());
  await writeFile(path, 'second-secret');
  t.true(await source.refresh());
  t.false(await source.refresh());
  await untilSecret(source, 'second-secret');
});

test('refresh returns true for a file that appears, and for one that comes back', async (t) => {
  const { path, settings } = await accessKeyInFile(t);
  await rm(path);
  const source = sourceOf(t, settings);
  await unavailable(source);
  t.false(await source.refresh());
  await writeFile(path, KEY_SECRET);
  t.true(await source.refresh());
  await source.ensure();
  await rm(path);
  t.false(await source.refresh());
  await writeFile(path, KEY_SECRET);
  t.true(await source.refresh());
});

test('refresh returns a change that the renewal loop has found when the former values are refused', async (t) => {
  const { path, settings } = await accessKeyInFile(t);
  const source = sourceOf(t, settings);
  await source.ensure();
  const used = source.current() as SdkCredentials;
  await writeFile(path, 'second-secret');
  await source.clock.advance(1000);
  const next = await untilSecret(source, 'second-secret');
  source.refused(used);
  t.true(await source.refresh());
  source.refused(next);
  t.false(await source.refresh());
});

test('values that the renewal loop has found and that the API has refused are no change', async (t) => {
  const { path, settings } = await accessKeyInFile(t);
  const source = sourceOf(t, settings);
  await source.ensure();
  await writeFile(path, 'second-secret');
  await source.clock.advance(1000);
  source.refused(await untilSecret(source, 'second-secret'));
  t.false(await source.refresh());
});

test('a file that was missing is a change when it comes back, even the same', async (t) => {
  const { path, settings } = await accessKeyInFile(t);
  const source = sourceOf(t, settings);
  await source.ensure();
  await rm(path);
  await source.clock.advance(1000);
  await eventually('the secret is withdrawn', () => (source.current() === undefined ? true : undefined));
  t.true(source.unavailable().message.includes(path), 'a request that waited for its slot meanwhile says so too');
  await unavailable(source);
  await writeFile(path, KEY_SECRET);
  t.true(await source.refresh());
});

test('valid credentials are there without a turn of the event loop, so without a look at the file', async (t) => {
  const { settings } = await accessKeyInFile(t);
  const source = sourceOf(t, settings);
  await source.ensure();
  let isEnsured = false;
  void source.ensure().then(() => {
    isEnsured = true;
  });
  // Nothing that waits for a file, a timer or a network ends between these.
  for (let microtask = 0; microtask < 10; microtask += 1) await Promise.resolve();
  t.true(isEnsured);
});

test('a session from a URI is fetched once for all callers and kept', async (t) => {
  const clock = new ManualClock();
  const { host, asked } = await startAsked(t, (_, response) =>
    response.end(JSON.stringify(sessionAt(clock.now(), asked.length))),
  );
  const source = sourceOf(t, { type: 'credentials_uri', uri: `http://${host}/role` }, { clock });
  await Promise.all(Array.from({ length: 10 }, () => source.ensure()));
  t.is(source.current()?.securityToken, 'session-token-1');
  t.is(source.redactor.redact('session-secret-1 session-token-1'), `${REDACTED} ${REDACTED}`);
  await clock.advance(44 * 60_000);
  await source.ensure();
  source.refused({ accessKeyId: 'another', accessKeySecret: 'key' });
  await clock.advance(1000);
  t.deepEqual(asked, ['GET /role']);
});

test('every type becomes the fields of its provider', async (t) => {
  const { path } = await accessKeyInFile(t, 'oidc-token');
  const key = { accessKeyId: literal(KEY_ID), accessKeySecret: literal(KEY_SECRET) };
  const given = { accessKeyId: KEY_ID, accessKeySecret: KEY_SECRET };
  const arn = { roleArn: 'acs:ram::1:role/r', roleSessionName: 'exporter' };
  const oidc = { ...arn, oidcProviderArn: 'acs:ram::1:oidc-provider/p' };
  const cases: readonly (readonly [CredentialSettings, object])[] = [
    [
      { type: 'ram_role_arn', ...key, ...arn, externalId: 'x' },
      { ...arn, externalId: 'x' },
    ],
    [
      { type: 'oidc_role_arn', ...oidc, oidcTokenFile: path },
      { ...oidc, oidcTokenFilePath: path },
    ],
    [{ type: 'ecs_ram_role', roleName: 'r' }, { roleName: 'r' }],
    [{ type: 'ecs_ram_role' }, { roleName: undefined }],
    [{ type: 'credentials_uri', uri: 'http://u/' }, { credentialsURI: 'http://u/' }],
  ];
  for (const [settings, expected] of cases) {
    const seen: unknown[] = [];
    const session = { ...given, securityToken: 'tok', expiration: undefined };
    const createSessionProvider = (
      type: string,
      { credentialsProvider: _, ...fields }: Readonly<Record<string, unknown>>,
    ) => {
      seen.push([type, fields]);
      return { refresher: async () => session, doRequest: () => Promise.reject(new Error('nothing is asked')) };
    };
    await sourceOf(t, settings, { providers: { ...sdk.providers, createSessionProvider } }).ensure();
    const readTimeout = settings.type === 'ecs_ram_role' ? 4_500 : 9_500;
    t.deepEqual(seen, [[settings.type, { ...expected, readTimeout, connectTimeout: 4_500 }]]);
  }
});
