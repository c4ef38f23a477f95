// Secret files that appear or change take effect within the seconds that the contract gives.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { eventually } from '../helpers/eventually.ts';
import {
  configurationFor,
  KEY,
  LATEST,
  startExporter,
  startSimulator,
  temporaryDirectory,
} from '../helpers/exporter.ts';
import { startHttp } from '../helpers/raw-server.ts';
import { errors, errorsOf, lastSuccess, paused, status, success } from '../helpers/tag-series.ts';
import { SECOND, SECOND_KEY, SECOND_POLLS, startTwoSets, type TwoSets } from '../helpers/two-sets.ts';

/** Before a probe the file is read at most a second late; the rest is for the way. */
const PROBE_WITHIN_MS = 2_000;
const ROTATED = { ...SECOND_KEY, access_key_secret: 'rotated-secret' };

function credentialsIn(file: string) {
  return { type: 'access_key', access_key_id: SECOND_KEY.access_key_id, access_key_secret_file: file };
}

/** Milliseconds from `momentMs` to the next request under the second key that the API accepts. */
async function untilAccepted({ simulator }: TwoSets, momentMs: number): Promise<number> {
  const accepted = await eventually('a request is accepted', () =>
    simulator
      .requests()
      .find(
        ({ accessKeyId, code, arrivedMonotonicMs }) =>
          accessKeyId === SECOND_KEY.access_key_id && code === 'success' && arrivedMonotonicMs > momentMs,
      ),
  );
  return accepted.arrivedMonotonicMs - momentMs;
}

test.serial('without credentials nothing is sent; polling starts within 2 s of when they appear', async (t) => {
  const file = join(temporaryDirectory(t), 'secret');
  const exporter = await startTwoSets(t, credentialsIn(file));
  const { simulator, until, log } = exporter;
  const code = 'CredentialsUnavailable';
  const failed = await until('the error shows', (page) => errorsOf(page, SECOND).includes(code));
  t.is(paused(failed, 'refused', 'cri-2'), 1);
  t.is(failed.value('acr_api_requests_total', SECOND_POLLS), 0);
  t.is(errors(failed, code, SECOND_POLLS), 1);
  t.is(success(failed, SECOND), 0);
  t.is(status(failed, SECOND, 'unknown'), 1);
  t.true(
    log.some((line) => line.includes(file)),
    'the log names the file',
  );
  const answered = await until('the other is polled', (page) => success(page, LATEST) === 1);
  await until('and polled on', (page) => lastSuccess(page, LATEST) > lastSuccess(answered, LATEST));
  t.true(simulator.requests().every(({ accessKeyId }) => accessKeyId === KEY.access_key_id));
  writeFileSync(file, `${SECOND_KEY.access_key_secret}\n`);
  const tookMs = await untilAccepted(exporter, performance.now());
  t.true(tookMs <= PROBE_WITHIN_MS, `${tookMs} ms`);
  const healed = await until('it is answered', (page) => success(page, SECOND) === 1);
  t.is(paused(healed, 'refused', 'cri-2'), 0);
});

test.serial('a secret that was refused and then changes in its file is tried within 2 s', async (t) => {
  const file = join(temporaryDirectory(t), 'secret');
  writeFileSync(file, SECOND_KEY.access_key_secret);
  const exporter = await startTwoSets(t, credentialsIn(file));
  const { simulator, until } = exporter;
  await until('it is answered', (page) => success(page, SECOND) === 1);
  simulator.setKeys([KEY, ROTATED]);
  await until('it is paused', (page) => paused(page, 'refused', 'cri-2') === 1);
  writeFileSync(file, ROTATED.access_key_secret);
  const tookMs = await untilAccepted(exporter, performance.now());
  t.true(tookMs <= PROBE_WITHIN_MS, `${tookMs} ms`);
  await until('polling resumes', (page) => paused(page, 'refused', 'cri-2') === 0 && success(page, SECOND) === 1);
});

test.serial('a secret that changes in its file before the old one is refused goes over without a pause', async (t) => {
  const file = join(temporaryDirectory(t), 'secret');
  writeFileSync(file, SECOND_KEY.access_key_secret);
  const { simulator, until } = await startTwoSets(t, credentialsIn(file));
  const before = await until('it is answered', (page) => success(page, SECOND) === 1);
  writeFileSync(file, ROTATED.access_key_secret);
  // As long as both are accepted, as in a rotation that is done well: here the old one is for a second and a half.
  const rotated = performance.now();
  await until(
    'a second and a half passes',
    (page) => lastSuccess(page, LATEST) > lastSuccess(before, LATEST) && performance.now() > rotated + 1_500,
  );
  simulator.setKeys([KEY, ROTATED]);
  const after = await until('it is answered', (page) => lastSuccess(page, SECOND) > lastSuccess(before, SECOND) + 2);
  t.is(paused(after, 'refused', 'cri-2'), 0);
});

test.serial('while the service of sessions hangs, polls go on with the session in hand', async (t) => {
  const session = {
    AccessKeyId: 'STS.exampleOfKey',
    AccessKeySecret: 'a-session-secret',
    SecurityToken: 'a-session-token',
    // Renewed after 6 s, and good for 2 s then.
    Expiration: new Date(Date.now() + 8_000).toISOString(),
  };
  let asked = 0;
  let hasGivenUp = false;
  const { host } = await startHttp(t, (_, response) => {
    asked += 1;
    if (asked === 1) response.end(JSON.stringify(session));
    response.once('close', () => {
      hasGivenUp = asked > 1;
    });
  });
  const key = { access_key_id: session.AccessKeyId, access_key_secret: session.AccessKeySecret };
  const simulator = await startSimulator(t, { keys: [{ ...key, security_token: session.SecurityToken }] });
  const credentials = { type: 'credentials_uri', uri: `http://${host}/` };
  const intervals = { scanning: '100ms', complete: '100ms', failed: '100ms' };
  const { page, until } = await startExporter(t, configurationFor(simulator.address, { credentials, intervals }));
  const labels = { credentials: 'default', provider: 'credentials_uri', identity: 'STS.…fKey' };
  await until('it is answered', (page) => success(page, LATEST) === 1);
  t.is((await page()).value('acr_scan_exporter_credentials_info', labels), 1);
  await eventually('it is asked for the next session, and hangs', () => (asked === 2 ? true : undefined));
  const { length } = simulator.requests();
  await eventually('twelve more polls', () => (simulator.requests().length >= length + 12 ? true : undefined));
  t.false(hasGivenUp, 'it hangs still');
  const after = await page();
  t.is(success(after, LATEST), 1);
  t.deepEqual(errorsOf(after, LATEST), []);
});
