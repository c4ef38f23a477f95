// Secrets never show: not in a log line, a metric, a page, an error message or a plan, whatever fails and however they are written.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { FaultInput } from '../../src/simulator/faults.ts';
import { LOG_FORMATS } from '../../src/util/logger.ts';
import {
  configurationFor,
  instanceAt,
  startExporter,
  startSimulator,
  temporaryDirectory,
} from '../helpers/exporter.ts';
import type { ParsedPage } from '../helpers/exposition.ts';
import { runInProcess } from '../helpers/program.ts';

/** Characters that are written otherwise in URLs, JSON, HTML and in the labels of metrics. */
const KEY = {
  access_key_id: 'LTAI-shown',
  access_key_secret: 'sEcReT+/="<&\'*!~%2F\\end',
  security_token: 'ToKeN+/="<&\'*(x)~%41\\end',
};
const WRONG = { ...KEY, access_key_secret: 'WrOnG+/="<&\'*!~\\secret', security_token: 'StAlE+/="<&\'*!~\\token' };
const SECRETS = [KEY.access_key_secret, KEY.security_token, WRONG.access_key_secret, WRONG.security_token];

/** So much of a secret is not to be found either: a cut one is still a secret. */
const PARTS = SECRETS.map((secret) => secret.slice(0, 6));

/** Every way in which a text may be written on its way out. */
function writings(secret: string): string[] {
  const percent = encodeURIComponent(secret);
  const rfc3986 = [...secret]
    .map((char) => (/[A-Za-z0-9\-_.~]/.test(char) ? char : `%${char.charCodeAt(0).toString(16).toUpperCase()}`))
    .join('');
  const html = [...secret].map((char) => (/[&<>"']/.test(char) ? `&#${char.charCodeAt(0)};` : char)).join('');
  const json = JSON.stringify(secret).slice(1, -1);
  const label = secret.replace(/[\\"]/g, '\\$&');
  return [
    secret,
    percent,
    rfc3986,
    rfc3986.replaceAll('%', '%25'),
    html,
    json,
    label,
    Buffer.from(secret).toString('base64'),
    Buffer.from(secret).toString('hex'),
  ];
}

function hidesSecrets(t: ExecutionContext, where: string, text: string): void {
  for (const form of [...PARTS, ...SECRETS.flatMap(writings)]) {
    const at = text.indexOf(form);
    t.is(at, -1, `${where} shows a secret: ${text.slice(Math.max(0, at - 200), at + 100)}`);
  }
}

/** The API answers with what the exporter signs with, in every place of an answer. */
const ECHOES: readonly FaultInput[] = [KEY.access_key_secret, KEY.security_token].flatMap((secret): FaultInput[] => [
  { error: { code: secret, message: secret } },
  { business_error: { code: 'SCAN_TASK_BROKEN', message: encodeURIComponent(secret) } },
  { status: secret },
  { body: { text: secret } },
  { body: { http_status: 502, text: `<html>${secret}</html>`, content_type: 'text/html' } },
  { body: { text: JSON.stringify({ IsSuccess: false, Code: 'Broken', Message: secret, RequestId: secret }) } },
]);

const FAILURES: readonly FaultInput[] = [
  { error: { code: 'Throttling.User' } },
  { error: { code: 'NoPrivilege' } },
  { error: { code: 'SystemError' } },
  { reset: 'before_head' },
  { reset: 'mid_body' },
  { hang: 'before_head' },
  { hang: 'mid_body' },
  { body: { text: '' } },
  { body: { text: 'null' } },
  { body: { text: '[]' } },
  { body: { bytes: 2_000_000 } },
];

/** Everything that the exporter shows of itself over HTTP. */
async function showsNothing(t: ExecutionContext, url: string): Promise<void> {
  for (const [path, accept] of [
    ['/metrics', 'text/plain'],
    ['/metrics', 'application/openmetrics-text; version=1.0.0'],
    ['/', 'text/html'],
    ['/?q=x', 'text/html'],
    ['/api/v1/targets', 'application/json'],
    ['/-/ready', '*/*'],
    ['/nothing', '*/*'],
  ] as const) {
    const response = await fetch(url + path, { headers: { accept } });
    hidesSecrets(t, path, await response.text());
    hidesSecrets(t, `the head of ${path}`, JSON.stringify([...response.headers]));
  }
}

/** A storage that keeps what is saved in memory. */
function keptRecords() {
  let text = '';
  const place = {
    load: async () => ({ records: [], savedMs: undefined }),
    save: async (records: Iterable<object>) => {
      text = [...records].map((each) => JSON.stringify(each)).join('\n');
    },
    close: async () => {},
  };
  return { storage: { place, intervalMs: 60_000 }, text: () => text };
}

function credentialsIn(t: ExecutionContext, key: typeof KEY) {
  const directory = temporaryDirectory(t);
  const file = (name: string, value: string) => {
    const path = join(directory, name);
    writeFileSync(path, `${value}\n`);
    return path;
  };
  return {
    type: 'sts',
    access_key_id: key.access_key_id,
    access_key_secret_file: file('secret', key.access_key_secret),
    security_token_file: file('token', key.security_token),
  };
}

for (const logFormat of LOG_FORMATS) {
  test(`whatever the API answers, no secret shows, with ${logFormat} logs at debug`, async (t) => {
    const faults = [...ECHOES, ...FAILURES].map((fault, n) => ({ ...fault, tag: `v${n}` }));
    const tags = faults.map(({ tag }) => tag);
    const repository = { namespace: 'shop', name: 'api', id: 'crr-1' };
    const simulator = await startSimulator(t, {
      keys: [KEY],
      instances: [
        { id: 'cri-1', repositories: [{ ...repository, tags: tags.map((tag) => ({ tag, status: 'COMPLETE' })) }] },
      ],
      faults,
    });
    const instances = [instanceAt(simulator.address, { repositories: [{ ...repository, tags }] })];
    const configuration = configurationFor(simulator.address, {
      instances,
      credentials: credentialsIn(t, KEY),
      request_timeout: '1s',
      rate_limit: { requests_per_second: 100, max_concurrent: 50 },
    });
    const saved = keptRecords();
    const { app, until, url, log } = await startExporter(t, configuration, { logFormat, storage: saved.storage });
    await until('every tag has failed', (page) => countFailed(page) === tags.length);
    t.true(log.length >= tags.length);
    hidesSecrets(t, 'the log', log.join(''));
    await showsNothing(t, url);
    await app.stop();
    t.is(saved.text().match(/"error":/g)?.length, tags.length);
    hidesSecrets(t, 'the saved state', saved.text());
  });

  test(`refused credentials are not shown, though the API echoes what it was sent, with ${logFormat} logs`, async (t) => {
    for (const [keys, code] of [
      [[KEY], 'SignatureDoesNotMatch'],
      [[{ ...WRONG, security_token: KEY.security_token }], 'InvalidSecurityToken.Expired'],
      [[{ ...KEY, access_key_id: 'LTAI-other' }], 'InvalidAccessKeyId.NotFound'],
    ] as const) {
      const simulator = await startSimulator(t, { keys: [...keys] });
      const configuration = configurationFor(simulator.address, { credentials: credentialsIn(t, WRONG) });
      const { until, url, log } = await startExporter(t, configuration, { logFormat });
      await until(
        `it fails with ${code}`,
        (page) =>
          page.value('acr_api_request_errors_total', { instance_id: 'cri-1', action: 'GetRepoTagScanStatus', code }) ===
          1,
      );
      t.true(
        log.some((line) => line.includes(code)),
        'the log tells of it',
      );
      t.false(log.join('').includes('CanonicalRequest'), 'the echo is left out, and not only the secrets in it');
      hidesSecrets(t, 'the log', log.join(''));
      await showsNothing(t, url);
    }
  });
}

test('a configuration that cannot be used is described without the secrets in it, at the start and at a reload', async (t) => {
  const quoted = SECRETS.map((secret) => JSON.stringify(secret));
  for (const bad of [
    ...quoted.map(
      (secret) =>
        `credentials: { type: access_key, access_key_id: x, access_key_secret: ${secret}, access_key_secret_env: y }\ninstances: []\n`,
    ),
    ...quoted.map(
      (secret) => `credentials: { type: sts, access_key_id: x, access_key_secrt: ${secret} }\ninstances: []\n`,
    ),
    ...quoted.map((secret) => `credentials: ${secret}\ninstances: [}\n`),
    ...quoted.map((secret) => `credentials:\n  type: access_key\n  access_key_secret: ${secret} ${secret}\n`),
    ...SECRETS.map((secret) => `credentials:\n  access_key_secret: '${secret}\n`),
    ...quoted.map((secret) => `credentials: { type: access_key, access_key_id: x, access_key_secret: [${secret}] }\n`),
    ...quoted.map(
      (secret) =>
        `credentials: { type: access_key, access_key_id: x, access_key_secret: y, access_key_secret: ${secret} }\n`,
    ),
  ]) {
    const file = join(temporaryDirectory(t), 'config.yml');
    writeFileSync(file, bad);
    const { status, stdout, stderr } = await runInProcess([`--config.file=${file}`, '--config.check']);
    t.is(status, 1, bad);
    hidesSecrets(t, `what is said of ${bad}`, stdout + stderr);
  }
  const simulator = await startSimulator(t);
  const { app, write, log } = await startExporter(t, configurationFor(simulator.address));
  write(`credentials: { type: access_key, access_key_secret: ${quoted[0]}, }\ninstances: [}\n`);
  const { problems } = await app.reload();
  t.true(problems.length > 0);
  hidesSecrets(t, 'what a reload says', problems.join() + log.join(''));
});

test('the plan shows no secret, and secret files are not even read for it', async (t) => {
  const file = join(temporaryDirectory(t), 'config.yml');
  const inline = { type: 'sts', ...KEY };
  writeFileSync(file, JSON.stringify(configurationFor('127.0.0.1:9', { credentials: inline })));
  const { status, stdout, stderr } = await runInProcess([
    `--config.file=${file}`,
    '--config.check',
    '--log.level=debug',
  ]);
  t.is(status, 0, stderr);
  hidesSecrets(t, 'the plan', stdout + stderr);
});

test('credentials that cannot be had are described without what was found in their place', async (t) => {
  const file = join(temporaryDirectory(t), 'secret');
  writeFileSync(file, `${KEY.access_key_secret}\n${KEY.security_token}\n`);
  const simulator = await startSimulator(t);
  const credentials = { type: 'access_key', access_key_id: 'LTAI-test', access_key_secret_file: file };
  const { until, log, url } = await startExporter(t, configurationFor(simulator.address, { credentials }));
  await until('it fails', (page) => countFailed(page) === 1);
  hidesSecrets(t, 'the log', log.join(''));
  await showsNothing(t, url);
});

function countFailed(page: ParsedPage): number {
  return (page.families.get('acr_scan_tag_poll_success')?.samples ?? []).filter(({ value }) => value === 0).length;
}
