// What `type: default` means: the provider whose variables are set and no other, else what the machine offers.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import {
  grantedAt,
  redirectedTo,
  sessionAt,
  sourceOf,
  startAsked,
  stubbedService,
  unavailable,
} from '../../helpers/credential-sources.ts';
import { eventually } from '../../helpers/eventually.ts';
import { ManualClock } from '../../helpers/manual-clock.ts';

const KEY = { ALIBABA_CLOUD_ACCESS_KEY_ID: 'LTAI5tExampleKey', ALIBABA_CLOUD_ACCESS_KEY_SECRET: 'the-key-secret' };
const ECS = { ALIBABA_CLOUD_ECS_METADATA: 'node-role' };
const URI = { ALIBABA_CLOUD_CREDENTIALS_URI: 'http://sessions/' };

/** A token as RRSA mounts it, and the three variables that it sets. */
async function rrsa(t: ExecutionContext) {
  const path = join(await home(t), 'token');
  await writeFile(path, 'a-service-account-token');
  return {
    ALIBABA_CLOUD_ROLE_ARN: 'acs:ram::1:role/acr',
    ALIBABA_CLOUD_OIDC_PROVIDER_ARN: 'acs:ram::1:oidc-provider/ack',
    ALIBABA_CLOUD_OIDC_TOKEN_FILE: path,
  };
}

/** The home directory of the process, which the SDK looks for profiles in: an empty one. */
async function home(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'acr-home-'));
  const before = process.env.HOME;
  process.env.HOME = path;
  t.teardown(async () => {
    process.env.HOME = before;
    await rm(path, { recursive: true });
  });
  return path;
}

async function inUse(t: ExecutionContext, env: Readonly<Record<string, string | undefined>>) {
  const clock = new ManualClock();
  const { providers } = stubbedService(clock, grantedAt(clock));
  const source = sourceOf(t, { type: 'default' }, { clock, providers, env });
  await source.ensure();
  const { provider, identity } = source.inUse() ?? {};
  return [provider, identity];
}

test.serial(
  'the variables of one provider say which it is, in the order of the SDK where there are several',
  async (t) => {
    const role = await rrsa(t);
    t.deepEqual(await inUse(t, { ...KEY, ...role, ...ECS, ...URI }), ['env', 'LTAI…eKey']);
    t.deepEqual(await inUse(t, { ...KEY, ALIBABA_CLOUD_SECURITY_TOKEN: 'a-token' }), ['env', 'LTAI…eKey']);
    t.deepEqual(await inUse(t, { ...role, ...ECS, ...URI }), ['oidc_role_arn', 'acs:ram::1:role/acr']);
    t.deepEqual(await inUse(t, { ...ECS, ...URI }), ['ecs_ram_role', 'node-role']);
    t.deepEqual(await inUse(t, URI), ['credentials_uri', 'STS.…fgh1']);
  },
);

test.serial('a provider that fails is never replaced by another, and works as soon as its service does', async (t) => {
  const clock = new ManualClock();
  const types: string[] = [];
  const { providers, ...service } = stubbedService(clock, grantedAt(clock));
  const recording: typeof providers = {
    ...providers,
    createSessionProvider(type, fields, routes) {
      types.push(type);
      const failing = {
        refresher: () => Promise.reject(new Error('503')),
        doRequest: () => Promise.reject(new Error()),
      };
      return types.length === 1 ? failing : providers.createSessionProvider(type, fields, routes);
    },
  };
  const source = sourceOf(
    t,
    { type: 'default' },
    { clock, providers: recording, env: { ...(await rrsa(t)), ...ECS, ...URI } },
  );
  t.regex((await unavailable(source)).message, /^no credentials from default \(oidc_role_arn\): /);
  await clock.advance(5_000);
  await source.ensure();
  t.deepEqual(types, ['oidc_role_arn', 'oidc_role_arn']);
  t.is(service.askedAtMs.length, 1);
  t.is(source.inUse()?.identity, 'acs:ram::1:role/acr');
});

test.serial(
  'variables of which only some are set are an error that names them, and no other provider is tried',
  async (t) => {
    const role = await rrsa(t);
    const cases: readonly (readonly [Readonly<Record<string, string | undefined>>, string])[] = [
      [
        { ALIBABA_CLOUD_ACCESS_KEY_ID: 'LTAI', ...role },
        'the variable ALIBABA_CLOUD_ACCESS_KEY_ID is set without ALIBABA_CLOUD_ACCESS_KEY_SECRET',
      ],
      [
        { ALIBABA_CLOUD_SECURITY_TOKEN: 'token', ...ECS },
        'the variable ALIBABA_CLOUD_SECURITY_TOKEN is set without ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET',
      ],
      [
        { ...role, ALIBABA_CLOUD_OIDC_TOKEN_FILE: undefined, ...ECS },
        'the variables ALIBABA_CLOUD_ROLE_ARN and ALIBABA_CLOUD_OIDC_PROVIDER_ARN are set without ALIBABA_CLOUD_OIDC_TOKEN_FILE',
      ],
    ];
    for (const [env, expected] of cases) {
      const { message } = await unavailable(sourceOf(t, { type: 'default' }, { env }));
      t.is(message, `no credentials from default: ${expected}: set all of them, or none`);
    }
  },
);

test.serial('an existing profile file is used, and the error says why it has no credentials', async (t) => {
  const directory = await home(t);
  await mkdir(join(directory, '.aliyun'));
  const file = join(directory, '.aliyun', 'config.json');
  const profile = {
    name: 'ops',
    mode: 'AK',
    access_key_id: 'LTAI5tOfTheProfile',
    access_key_secret: 'the-profile-secret',
  };
  await writeFile(file, JSON.stringify({ current: 'missing', profiles: [profile] }));
  const source = sourceOf(t, { type: 'default' });
  t.is(
    (await unavailable(source)).message,
    `no credentials from default (cli_profile): the file ${file} is there: unable to get profile with 'missing'`,
  );
  await writeFile(file, JSON.stringify({ current: 'ops', profiles: [profile] }));
  await source.clock.advance(5_000);
  await source.ensure();
  t.like(source.inUse(), { provider: 'cli_profile', identity: 'LTAI…file' });
  t.is(source.redactor.redact('the-profile-secret'), '[redacted]');
});

test.serial('the profile file of the SDK is read again every minute', async (t) => {
  const file = join(await home(t), 'credentials');
  const write = (id: string) =>
    writeFile(file, `[default]\ntype = access_key\naccess_key_id = ${id}\naccess_key_secret = its-secret\n`);
  await write('LTAI-one');
  const before = process.env.ALIBABA_CLOUD_CREDENTIALS_FILE;
  process.env.ALIBABA_CLOUD_CREDENTIALS_FILE = file;
  t.teardown(() => {
    if (before === undefined) delete process.env.ALIBABA_CLOUD_CREDENTIALS_FILE;
    else process.env.ALIBABA_CLOUD_CREDENTIALS_FILE = before;
  });
  const source = sourceOf(t, { type: 'default' }, { env: { ALIBABA_CLOUD_CREDENTIALS_FILE: file, ...ECS } });
  await source.ensure();
  t.is(source.current()?.accessKeyId, 'LTAI-one');
  await write('LTAI-two');
  await source.clock.advance(60_000);
  await eventually('the new key is used', () => (source.current()?.accessKeyId === 'LTAI-two' ? true : undefined));
  t.is(source.inUse()?.provider, 'profile');
});

test.serial(
  'without variables and files the metadata service is asked, and the error says what else was looked for',
  async (t) => {
    const directory = await home(t);
    const clock = new ManualClock();
    const { host, asked } = await startAsked(t, (_, response) => response.writeHead(404).end());
    const source = sourceOf(t, { type: 'default' }, { clock, providers: redirectedTo(host) });
    t.is(
      (await unavailable(source)).message,
      `no credentials from default (ecs_ram_role): no variable such as ALIBABA_CLOUD_ACCESS_KEY_ID is set, there is neither ${directory}/.aliyun/config.json nor ${directory}/.alibabacloud/credentials, and GET http://100.100.100.200/latest/meta-data/ram/security-credentials/ answered HTTP 404, expected 200`,
    );
    t.deepEqual(asked, ['PUT /latest/api/token', 'GET /latest/meta-data/ram/security-credentials/']);
    const disabled = sourceOf(t, { type: 'default' }, { env: { ALIBABA_CLOUD_ECS_METADATA_DISABLED: 'true' } });
    t.regex(
      (await unavailable(disabled)).message,
      /the variable ALIBABA_CLOUD_ECS_METADATA_DISABLED is true, so the metadata service is not asked$/,
    );
  },
);

test.serial('variables of the access key that appear later are taken', async (t) => {
  await home(t);
  const env: Record<string, string | undefined> = { ALIBABA_CLOUD_ECS_METADATA_DISABLED: 'true' };
  const source = sourceOf(t, { type: 'default' }, { env });
  t.regex((await unavailable(source)).message, /ALIBABA_CLOUD_ACCESS_KEY_ID/);
  Object.assign(env, KEY);
  await source.clock.advance(1000);
  await source.ensure();
  t.is(source.current()?.accessKeySecret, 'the-key-secret');
  t.is(source.redactor.redact('the-key-secret'), '[redacted]');
});

test.serial('the role that the metadata service names is the identity', async (t) => {
  await home(t);
  const clock = new ManualClock();
  const { host } = await startAsked(t, (request, response) => {
    if (request.method === 'PUT') response.end('token');
    else if (request.url?.endsWith('/')) response.end('KubernetesWorkerRole-abc\n');
    else response.end(JSON.stringify(sessionAt(clock.now(), 1)));
  });
  const source = sourceOf(t, { type: 'default' }, { clock, providers: redirectedTo(host) });
  await source.ensure();
  t.like(source.inUse(), { provider: 'ecs_ram_role', identity: 'KubernetesWorkerRole-abc' });
});
