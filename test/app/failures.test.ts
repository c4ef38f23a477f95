// Ways in which the API fails one tag: counted under its code, shown at the tag, and nothing else is disturbed.
import test from 'ava';
import type { FaultInput } from '../../src/simulator/faults.ts';
import { configurationFor, instanceAt, LATEST, startExporter, startSimulator, tagLabels } from '../helpers/exporter.ts';
import { errors, errorsOf, lastSuccess, POLL, paused, since, status, success } from '../helpers/tag-series.ts';

const STRUCK = tagLabels('struck');
const OTHER = tagLabels('other');

const TWO_TAGS = {
  instances: [
    {
      id: 'cri-1',
      repositories: [
        {
          namespace: 'shop',
          name: 'api',
          id: 'crr-1',
          tags: [
            { tag: 'struck', status: 'COMPLETE' },
            { tag: 'other', status: 'FAILED' },
          ],
        },
      ],
    },
  ],
};

const REPOSITORIES = [{ namespace: 'shop', name: 'api', id: 'crr-1', tags: ['struck', 'other'] }];

/** One of each way in which a request fails; `test/acr/acr-api.test.ts` has the others. */
const FAILURES: readonly { readonly name: string; readonly fault: FaultInput; readonly code: string }[] = [
  { name: 'an error', fault: { error: { code: 'NoPrivilege' } }, code: 'NoPrivilege' },
  {
    name: 'HTTP 200 with IsSuccess: false',
    fault: { business_error: { code: 'SCAN_TASK_BROKEN' } },
    code: 'SCAN_TASK_BROKEN',
  },
  { name: 'an answer that makes no sense', fault: { body: { text: 'null' } }, code: 'InvalidResponse' },
  { name: 'a reset in the middle of the body', fault: { reset: 'mid_body' }, code: 'ConnectionReset' },
];

for (const { name, fault, code } of FAILURES) {
  test(`${name} is counted as ${code}, fails that poll alone, and polling resumes`, async (t) => {
    const simulator = await startSimulator(t, TWO_TAGS);
    const { until, page } = await startExporter(
      t,
      configurationFor(simulator.address, {
        instances: [instanceAt(simulator.address, { repositories: REPOSITORIES })],
      }),
    );
    const before = await until(
      'both are answered',
      (page) => success(page, STRUCK) === 1 && success(page, OTHER) === 1,
    );

    simulator.setFaults([{ tag: 'struck', ...fault }]);
    const failed = await until('the error shows', (page) => errorsOf(page, STRUCK).includes(code));
    t.deepEqual(errorsOf(failed, STRUCK), [code]);
    t.is(success(failed, STRUCK), 0);
    t.is(status(failed, STRUCK, 'complete'), 1);
    t.is(since(failed, STRUCK), since(before, STRUCK));
    t.true(errors(failed, code) >= 1);

    const later = await until(
      'the other tag is polled on',
      (page) => lastSuccess(page, OTHER) > lastSuccess(failed, OTHER),
    );
    t.is(success(later, OTHER), 1);
    t.is(status(later, OTHER, 'failed'), 1);
    t.deepEqual(errorsOf(later, OTHER), []);
    t.is(since(later, OTHER), since(before, OTHER));
    t.is(lastSuccess(later, STRUCK), lastSuccess(failed, STRUCK));

    simulator.setFaults([]);
    const healed = await until('polling resumes', (page) => lastSuccess(page, STRUCK) > lastSuccess(failed, STRUCK));
    t.is(success(healed, STRUCK), 1);
    t.deepEqual(errorsOf(healed, STRUCK), []);
    t.is(since(healed, STRUCK), since(before, STRUCK));
    const struck = simulator.requests().filter((request) => request.fault !== null);
    t.is(errors(await page(), code), struck.length);
    t.is(paused(healed, 'refused'), 0);
  });
}

test('an unknown status is shown as unknown since then, and counts as a poll without success', async (t) => {
  const simulator = await startSimulator(t, TWO_TAGS);
  const instances = [instanceAt(simulator.address, { repositories: REPOSITORIES })];
  const { until } = await startExporter(t, configurationFor(simulator.address, { instances }));
  const before = await until('both are answered', (page) => success(page, STRUCK) === 1 && success(page, OTHER) === 1);
  simulator.setFaults([{ tag: 'struck', status: 'QUEUED' }]);
  const failed = await until('the status is unknown', (page) => errorsOf(page, STRUCK).includes('UnknownStatus'));
  t.is(status(failed, STRUCK, 'unknown'), 1);
  t.is(status(failed, STRUCK, 'complete'), undefined);
  t.is(success(failed, STRUCK), 0);
  t.true(since(failed, STRUCK) > lastSuccess(before, STRUCK));
  t.true(errors(failed, 'UnknownStatus') >= 1);
  t.is(
    failed.value('acr_scan_tags', {
      instance_id: 'cri-1',
      repo_namespace: 'shop',
      repo_name: 'api',
      status: 'unknown',
    }),
    1,
  );
  const again = await until('it is asked again', (page) => errors(page, 'UnknownStatus') >= 3);
  t.is(since(again, STRUCK), since(failed, STRUCK));
  t.is(lastSuccess(again, STRUCK), lastSuccess(failed, STRUCK));
  simulator.setFaults([]);
  const healed = await until('polling resumes', (page) => success(page, STRUCK) === 1);
  t.is(status(healed, STRUCK, 'complete'), 1);
  t.true(since(healed, STRUCK) > since(failed, STRUCK));
});

test('a refused connection is counted, and polling resumes when the API is back', async (t) => {
  const simulator = await startSimulator(t);
  const { until } = await startExporter(t, configurationFor(simulator.address));
  const before = await until('it is answered', (page) => success(page, LATEST) === 1);
  await simulator.close();
  const failed = await until('the error shows', (page) => errorsOf(page, LATEST).includes('ConnectionRefused'));
  t.is(status(failed, LATEST, 'complete'), 1);
  t.is(since(failed, LATEST), since(before, LATEST));
  t.true(errors(failed, 'ConnectionRefused') >= 1);
  await simulator.reopen();
  const healed = await until('polling resumes', (page) => success(page, LATEST) === 1);
  t.true(lastSuccess(healed, LATEST) > lastSuccess(failed, LATEST));
});

for (const { name, endpoint, code } of [
  { name: 'a host that no name server knows', endpoint: () => 'http://registry.invalid', code: 'DnsFailure' },
  { name: 'a peer that does not speak TLS', endpoint: (address: string) => `https://${address}`, code: 'TlsFailure' },
]) {
  test(`${name} is counted as ${code}, does not disturb another instance, and a reload ends it`, async (t) => {
    const simulator = await startSimulator(t, {
      instances: ['cri-1', 'cri-2'].map((id) => ({ ...TWO_TAGS.instances[0], id })),
    });
    const good = instanceAt(simulator.address, { repositories: REPOSITORIES });
    const broken = { ...good, id: 'cri-2', endpoint: endpoint(simulator.address) };
    const configuration = configurationFor(simulator.address, { instances: [good, broken] });
    const { until, write, app } = await startExporter(t, configuration);
    const struck = { ...STRUCK, instance_id: 'cri-2' };
    const failed = await until(
      'the error shows',
      (page) => errorsOf(page, struck).includes(code) && success(page, STRUCK) === 1,
    );
    t.is(success(failed, struck), 0);
    t.is(status(failed, struck, 'unknown'), 1);
    t.is(failed.value('acr_scan_tag_last_success_timestamp_seconds', struck), undefined);
    t.true(errors(failed, code, { ...POLL, instance_id: 'cri-2' }) >= 1);
    await until('the other is polled on', (page) => lastSuccess(page, STRUCK) > lastSuccess(failed, STRUCK));
    write(configurationFor(simulator.address, { instances: [good, { ...good, id: 'cri-2' }] }));
    t.deepEqual(await app.reload(), { problems: [] });
    await until('polling resumes', (page) => success(page, struck) === 1);
  });
}
