// Events over the webhook, from outside: the exporter and a simulator that sends what happens in its registry.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { ScenarioInput } from '../../src/simulator/scenario.ts';
import { eventually } from '../helpers/eventually.ts';
import {
  type ConfigurationInput,
  configurationFor,
  type Exporter,
  LATEST,
  type RunningSimulator,
  startExporter,
  startSimulator,
  temporaryDirectory,
} from '../helpers/exporter.ts';
import { cloudEvent, post, TOKEN } from '../helpers/webhook.ts';

/** So long that only an event makes a tag be polled a second time. */
const SELDOM = { scanning: '1h', complete: '1h', failed: '1h', not_scanned: '1h' };

type Started = {
  readonly simulator: RunningSimulator;
  readonly exporter: Exporter;
  readonly port: number;
  readonly configuration: ConfigurationInput;
};

/** An exporter that polls only at the start and when there is an event, and a simulator. */
async function start(
  t: ExecutionContext,
  {
    scenario = {},
    webhook = {},
    ...parts
  }: { scenario?: ScenarioInput; webhook?: ConfigurationInput } & ConfigurationInput = {},
): Promise<Started> {
  const simulator = await startSimulator(t, scenario);
  const events = { webhook: { token_env: 'EVENTS', ...webhook } };
  const configuration = configurationFor(simulator.address, { intervals: SELDOM, events, ...parts });
  const options = { env: { EVENTS: TOKEN }, certificateOrigin: () => `http://${simulator.address}` };
  const exporter = await startExporter(t, configuration, options);
  return { simulator, exporter, port: Number(new URL(exporter.url).port), configuration };
}

/** How many requests for the status of a tag have come to the simulator. */
function polls(simulator: RunningSimulator): number {
  return simulator.requests().filter(({ action }) => action === 'GetRepoTagScanStatus').length;
}

const OUTDATED = { instance_id: 'cri-1', type: 'ScanCompleted', channel: 'webhook', outcome: 'outdated' };
const status = (name: string) => ({ ...LATEST, status: name });

/** What was counted of the events of a type, by outcome. */
async function counted(
  exporter: Exporter,
  labels: Readonly<Record<string, string>>,
): Promise<Readonly<Record<string, number>>> {
  const page = await exporter.page();
  const samples = (page.families.get('acr_events_total')?.samples ?? []).filter(
    ({ labels: found, value }) => value > 0 && Object.entries(labels).every(([key, each]) => found[key] === each),
  );
  return Object.fromEntries(samples.map(({ labels: { outcome = '' }, value }) => [outcome, value]));
}

for (const signature of [false, true]) {
  test(`the end of a scan is shown at once, ${signature ? 'with' : 'without'} the signature of the event`, async (t) => {
    const tags = [{ tag: 'latest', status: 'SCANNING' }];
    const scenario = {
      instances: [{ id: 'cri-1', repositories: [{ namespace: 'shop', name: 'api', id: 'crr-1', tags }] }],
    };
    const { simulator, exporter } = await start(t, { scenario, webhook: { signature } });
    simulator.setEvents({ to: `${exporter.url}/api/v1/events`, token: TOKEN });
    await exporter.until('the scan runs', (page) => page.value('acr_scan_tag_status', status('scanning')) === 1);
    simulator.setTimeline('cri-1', 'crr-1', 'latest', [{ status: 'SCANNING', for: '10ms' }, { status: 'COMPLETE' }]);
    await exporter.until('the scan has ended', (page) => page.value('acr_scan_tag_status', status('complete')) === 1);
    t.is(polls(simulator), 2, 'the one at the start and the one after the event');
    t.deepEqual(await counted(exporter, { instance_id: 'cri-1', type: 'ScanCompleted', channel: 'webhook' }), {
      taken: 1,
    });
  });
}

test('an event changes nothing by what it says, and is counted', async (t) => {
  const { simulator, exporter, port } = await start(t);
  await exporter.until(
    'the first answer is there',
    (page) => page.value('acr_scan_tag_status', status('complete')) === 1,
  );
  const soon = new Date(Date.now() + 10_000).toISOString();
  const send = async (changes: object, data: object = {}) =>
    (await post(port, { body: JSON.stringify(cloudEvent({ time: soon, ...changes }, { ...data })) })).status;
  t.is(await send({ id: 'a' }, { Status: 'FAILED', HighSeverity: 1_000 }), 204);
  await eventually('it is polled', () => polls(simulator) === 2 || undefined);
  t.is(await send({ id: 'a' }), 204, 'the same again');
  t.is(await send({ id: 'b' }, { InstanceId: 'cri-other' }), 204, 'of another instance');
  t.is(await send({ id: 'c' }, { Tag: 'other' }), 204, 'of a tag that is not watched');
  t.is(await send({ id: 'd' }, { RepoId: 'crr-other', RepoName: 'other' }), 204, 'of another repository');
  t.is(await send({ id: 'e', time: '2099-01-01T00:00:00Z' }), 204, 'in the future');
  t.is(await send({ id: 'f', time: '2020-01-01T00:00:00Z' }), 204, 'long before the last answer');
  t.is(await send({ id: 'g', time: 'yesterday' }), 400);
  t.is(await send({ id: 'h', type: 'cr:Artifact:BuildCompleted' }), 204);
  await exporter.until('the last event is applied', (page) => page.value('acr_events_total', OUTDATED) === 1);
  t.deepEqual(await counted(exporter, { instance_id: 'cri-1', type: 'ScanCompleted' }), {
    taken: 1,
    duplicate: 1,
    unwatched: 2,
    future: 1,
    outdated: 1,
  });
  t.deepEqual(await counted(exporter, { instance_id: '', type: 'ScanCompleted' }), { unwatched: 1 });
  t.deepEqual(await counted(exporter, { instance_id: '', type: '' }), { invalid: 1, unwatched: 1 });
  const page = await exporter.page();
  t.is(page.value('acr_scan_tag_status', status('complete')), 1);
  t.is(polls(simulator), 2);
});

test('a forged event is refused, and nothing is asked', async (t) => {
  const { simulator, exporter, port } = await start(t, { webhook: { signature: true } });
  await exporter.until(
    'the first answer is there',
    (page) => page.value('acr_scan_tag_status', status('complete')) === 1,
  );
  const body = JSON.stringify(cloudEvent({ time: new Date(Date.now() + 10_000).toISOString() }));
  t.is((await post(port, { body })).status, 401, 'without a signature');
  t.is((await post(port, { body, headers: { 'x-eventbridge-signature-token': 'x' } })).status, 401);
  t.deepEqual(await counted(exporter, { channel: 'webhook' }), { refused: 2 });
  t.is(polls(simulator), 1);
});

test('a reload adds the webhook, gives it another token, and takes it away', async (t) => {
  const path = join(temporaryDirectory(t), 'token');
  writeFileSync(path, 'next-token');
  const { exporter, port, configuration } = await start(t, { events: {} });
  const statusOf = async (token: string) =>
    (await post(port, { headers: { 'x-eventbridge-signature-token': token } })).status;
  const reload = async (events: object) => {
    exporter.write({ ...configuration, events });
    t.deepEqual(await exporter.app.reload(), { problems: [] });
  };
  t.is(await statusOf(TOKEN), 404);
  await reload({ webhook: { token_env: 'EVENTS' } });
  t.is(await statusOf(TOKEN), 204);
  await reload({ webhook: { token_file: path } });
  t.is(await statusOf(TOKEN), 401);
  t.is(await statusOf('next-token'), 204);
  exporter.write({ ...configuration, events: { webhook: {} } });
  t.is((await exporter.app.reload()).problems.length, 1);
  t.is(await statusOf('next-token'), 204, 'the last good configuration stays');
  await reload({});
  t.is(await statusOf('next-token'), 404);
  t.false(exporter.log.join('').includes('next-token'));
});
