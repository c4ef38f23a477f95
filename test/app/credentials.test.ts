// Credentials that the API refuses: everything under them waits for one probe at a time, and nothing else is disturbed.
import test from 'ava';
import { eventually } from '../helpers/eventually.ts';
import { configurationFor, instanceAt, KEY, LATEST, startExporter, startSimulator } from '../helpers/exporter.ts';
import { fastClock } from '../helpers/fast-clock.ts';
import { startHttp } from '../helpers/raw-server.ts';
import { errors, errorsOf, lastSuccess, paused, since, status, success } from '../helpers/tag-series.ts';
import { SECOND, SECOND_KEY, SECOND_POLLS, startTwoSets } from '../helpers/two-sets.ts';

for (const { name, keys, code } of [
  {
    name: 'a key that the API does not know',
    keys: [KEY, { ...SECOND_KEY, access_key_id: 'LTAI-third' }],
    code: 'InvalidAccessKeyId.NotFound',
  },
  {
    name: 'a wrong secret',
    keys: [KEY, { ...SECOND_KEY, access_key_secret: 'another' }],
    code: 'SignatureDoesNotMatch',
  },
]) {
  test(`${name} is counted as ${code} and pauses those credentials alone, until a probe is accepted`, async (t) => {
    const { simulator, until } = await startTwoSets(t, { type: 'access_key', ...SECOND_KEY });
    const before = await until('both are answered', (page) =>
      [LATEST, SECOND].every((tag) => success(page, tag) === 1),
    );
    simulator.setKeys(keys);
    const failed = await until('it is paused', (page) => paused(page, 'refused', 'cri-2') === 1);
    t.deepEqual(errorsOf(failed, SECOND), [code]);
    t.is(success(failed, SECOND), 0);
    t.is(status(failed, SECOND, 'complete'), 1);
    t.is(since(failed, SECOND), since(before, SECOND));
    t.is(paused(failed, 'refused'), 0);
    const refusals = () => simulator.requests().filter((request) => request.code === code);
    await until('the probe fails too', (page) => errors(page, code, SECOND_POLLS) === 2);
    simulator.setKeys([KEY, SECOND_KEY]);
    const healed = await until('the next probe is accepted', (page) => paused(page, 'refused', 'cri-2') === 0);
    t.true(lastSuccess(healed, LATEST) > lastSuccess(failed, LATEST) + 10, 'the other set was polled on');
    t.is(refusals().length, 2);
    const [first, probe] = refusals().map(({ arrivedMonotonicMs }) => arrivedMonotonicMs);
    const [accepted] = simulator
      .requests()
      .filter((request) => request.accessKeyId === 'LTAI-second' && request.arrivedMonotonicMs > (probe ?? 0) + 1)
      .map(({ arrivedMonotonicMs }) => arrivedMonotonicMs);
    t.true((probe ?? 0) - (first ?? 0) >= 5_000, `the first probe came ${(probe ?? 0) - (first ?? 0)} ms after it`);
    t.true((accepted ?? 0) - (probe ?? 0) >= 10_000, `the second ${(accepted ?? 0) - (probe ?? 0)} ms after the first`);
    await until('its tag is answered', (page) => success(page, SECOND) === 1);
  });
}

test('a key without the right for one repository fails that tag alone', async (t) => {
  const { simulator, until } = await startTwoSets(t, { type: 'access_key', ...SECOND_KEY });
  await until('both are answered', (page) => [LATEST, SECOND].every((tag) => success(page, tag) === 1));
  simulator.setFaults([{ instance: 'cri-2', error: { code: 'NoPrivilege' } }]);
  const failed = await until('it fails again and again', (page) => errors(page, 'NoPrivilege', SECOND_POLLS) >= 3);
  t.is(paused(failed, 'refused', 'cri-2'), 0);
});

test('credentials that a reload takes out are not renewed any more', async (t) => {
  const clock = fastClock(20);
  let asked = 0;
  const { host } = await startHttp(t, (_, response) => {
    asked += 1;
    // Each session lasts 8 s and is renewed after 6 s, which are 0.3 s here.
    const expiration = new Date(clock.now() + 8_000).toISOString();
    const { access_key_id: AccessKeyId, access_key_secret: AccessKeySecret } = SECOND_KEY;
    response.end(JSON.stringify({ AccessKeyId, AccessKeySecret, SecurityToken: 'token', Expiration: expiration }));
  });
  const simulator = await startSimulator(t);
  const uri = instanceAt(simulator.address, {
    id: 'cri-2',
    credentials: { type: 'credentials_uri', uri: `http://${host}/` },
  });
  const both = configurationFor(simulator.address, { instances: [instanceAt(simulator.address), uri] });
  const { app, write, until } = await startExporter(t, both, { clock });
  await eventually('sessions are renewed', () => (asked >= 3 ? true : undefined));
  write(configurationFor(simulator.address));
  t.deepEqual((await app.reload()).problems, []);
  const before = asked;
  const page = await until('the other is polled', (page) => success(page, LATEST) === 1);
  // Three times as long as the next renewal would have been away.
  await until('and polled on', (later) => lastSuccess(later, LATEST) > lastSuccess(page, LATEST) + 20);
  t.is(asked, before);
});
