// Every file under test/fixtures/config: bad ones give exactly the messages beside them, good ones give what they say.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import type { Config } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import { type ConnectionSettings, DIRECT } from '../../src/model/connection-settings.ts';
import { ConfigError, formatProblems } from '../../src/util/yaml/problems.ts';

const directory = new URL('../fixtures/config/', import.meta.url);
const names = readdirSync(directory);

for (const name of names.filter((each) => each.endsWith('.bad.yml'))) {
  test(`${name} gives the pinned problems`, (t) => {
    const file = fileURLToPath(new URL(name, directory));
    const error = t.throws(() => loadConfig(file), { instanceOf: ConfigError });
    const shown = formatProblems(error?.problems ?? []).map((line) => line.replace(file, name));
    const expected = readFileSync(file.replace(/yml$/, 'expected'), 'utf8').trimEnd().split('\n');
    t.deepEqual(shown, expected);
  });
}

test('at least thirty kinds of mistakes are pinned', (t) => {
  t.true(names.filter((each) => each.endsWith('.bad.yml')).length >= 30);
});

/** What follows from a file that says no more than it must. */
const minimal: Config = {
  credentials: { type: 'default' },
  rateLimit: { requestsPerSecond: 5, maxConcurrent: 4 },
  requestTimeoutMs: 10_000,
  intervals: { scanningMs: 15_000, completeMs: 600_000, failedMs: 600_000, notScannedMs: 600_000 },
  backoff: { initialMs: 5_000, maxMs: 600_000 },
  metrics: { perTag: 'full' },
  discoveryIntervalMs: 300_000,
  maxTags: 100_000,
  events: { webhook: undefined, completeMs: 21_600_000 },
  connection: DIRECT,
  replicas: undefined,
  instances: [
    {
      id: 'cri-1',
      region: 'cn-hangzhou',
      endpoint: { protocol: 'https', host: 'cr.cn-hangzhou.aliyuncs.com' },
      domain: '',
      credentials: undefined,
      feedMs: undefined,
      connection: DIRECT,
      repositories: [
        {
          namespace: 'shop',
          name: 'api',
          id: '',
          vulnerabilities: true,
          tags: [{ tag: 'v1.0', digest: '', scanTaskId: '' }],
        },
      ],
      discover: [],
    },
  ],
};

for (const name of ['minimal', 'crlf', 'byte-order-mark', 'blank-values']) {
  test(`${name}.good.yml gives the defaults`, (t) => {
    t.deepEqual(loadGood(name), minimal);
  });
}

test('labels are exactly the text in the file', (t) => {
  const tags = loadGood('text-as-written').instances[0]?.repositories[0]?.tags.map(({ tag }) => tag);
  t.deepEqual(tags, ['1.10', '0123', '1e3', 'no', 'null', '~', '2024-01-01', '0x10', 'quoted: #1', 'latest']);
});

test('a name may have slashes, unless they only repeat the namespace', (t) => {
  t.is(loadGood('text-as-written').instances[0]?.repositories[1]?.name, 'team/api');
});

test('aliases have the value of their anchor', (t) => {
  const { credentials, instances } = loadGood('shared-by-alias');
  t.deepEqual(instances[0]?.repositories, instances[1]?.repositories);
  t.deepEqual(instances[1]?.credentials, credentials);
});

test('every key is in the unit of its name, and relative paths start at the directory of the file', (t) => {
  const connection: ConnectionSettings = {
    proxy: {
      from: 'url',
      url: { from: 'value', value: 'http://user:p%40ss@proxy.example.com:3128' },
      noProxy: '10.0.0.0/8,.example.com',
    },
    tls: {
      caFile: fileURLToPath(new URL('secrets/ca.pem', directory)),
      serverName: 'cr.example.com',
      insecureSkipVerify: true,
    },
  };
  const fixtures = fileURLToPath(new URL('.', directory));
  t.deepEqual(loadGood('everything'), {
    credentials: {
      type: 'ram_role_arn',
      accessKeyId: { from: 'value', value: 'LTAI5tExample' },
      accessKeySecret: { from: 'file', path: `${fixtures}secrets/key` },
      roleArn: 'acs:ram::1234567890123456:role/reader',
      roleSessionName: 'exporter',
      externalId: '42',
    },
    rateLimit: { requestsPerSecond: 0.5, maxConcurrent: 2 },
    requestTimeoutMs: 90_000,
    intervals: { scanningMs: 500, completeMs: 86_400_000, failedMs: 7_200_000, notScannedMs: 3_600_000 },
    backoff: { initialMs: 1_000, maxMs: 1_000 },
    metrics: { perTag: 'problems' },
    discoveryIntervalMs: 90_000,
    maxTags: 5_000,
    events: {
      webhook: { token: { from: 'file', path: `${fixtures}secrets/events` }, signature: true },
      completeMs: 43_200_000,
    },
    connection,
    replicas: { redisUrl: { from: 'file', path: `${fixtures}secrets/redis` }, group: 'prod', max: 8 },
    instances: [
      {
        id: 'cri-1',
        region: 'cn-hangzhou',
        endpoint: { protocol: 'http', host: '127.0.0.1:8080' },
        domain: 'shop-registry.cn-hangzhou.cr.aliyuncs.com',
        credentials: {
          type: 'sts',
          accessKeyId: { from: 'env', name: 'KEY_ID' },
          accessKeySecret: { from: 'file', path: '/run/secrets/key' },
          securityToken: { from: 'file', path: fileURLToPath(new URL('../token', directory)) },
        },
        feedMs: 15_000,
        connection,
        repositories: [
          {
            namespace: 'shop',
            name: 'api',
            id: 'crr-1',
            vulnerabilities: true,
            tags: [
              { tag: 'v1.0', digest: '', scanTaskId: '' },
              {
                tag: 'v1.1',
                digest: `sha256:${'ab'.repeat(32)}`,
                scanTaskId: '838152F9-F725-5A52-A344-8972D65AC045',
              },
            ],
          },
          {
            namespace: '',
            name: '',
            id: 'crr-2',
            vulnerabilities: false,
            tags: [{ tag: 'v1.0', digest: '', scanTaskId: '' }],
          },
        ],
        discover: [
          {
            namespaces: ['shop-*'],
            repositories: ['*'],
            excludeRepositories: ['*-cache'],
            tags: ['v?', 'release-*'],
            excludeTags: ['*-rc*'],
            newest: 20,
            maxAgeMs: 2_592_000_000,
            vulnerabilities: true,
          },
          {
            namespaces: ['*'],
            repositories: ['*'],
            excludeRepositories: [],
            tags: ['*'],
            excludeTags: [],
            newest: undefined,
            maxAgeMs: undefined,
            vulnerabilities: false,
          },
        ],
      },
      {
        id: 'cri-2',
        region: 'eu-central-1',
        endpoint: { protocol: 'https', host: '[::1]:443' },
        domain: '',
        credentials: {
          type: 'oidc_role_arn',
          roleArn: 'acs:ram::1234567890123456:role/reader',
          oidcProviderArn: 'acs:ram::1234567890123456:oidc-provider/ack',
          oidcTokenFile: `${fixtures}token`,
          roleSessionName: undefined,
        },
        feedMs: undefined,
        connection,
        repositories: [
          {
            namespace: 'shop',
            name: 'web',
            id: '',
            vulnerabilities: false,
            tags: [{ tag: 'latest', digest: '', scanTaskId: '' }],
          },
        ],
        discover: [],
      },
    ],
  });
});

function loadGood(name: string): Config {
  return loadConfig(fileURLToPath(new URL(`${name}.good.yml`, directory)));
}
