// The programs as users start them: scans end in the simulator, and events bring that to /metrics, because the next polls are an hour away.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { LoggedEvent } from '../../src/simulator/event-log.ts';
import type { LoggedRequest } from '../../src/simulator/request-log.ts';
import { configurationFor, instanceAt, KEY, scrape } from '../helpers/exporter.ts';
import { temporaryDirectory } from './helpers/exporter.ts';
import { Program } from './helpers/program.ts';
import { until } from './helpers/until.ts';

const TAGS = 40;
const NEVER = '1h';
const FIRST_END_S = 30;
const TOKEN = 'token-of-the-test';

/** The tags whose scans end one after the other, four a second; every fifth fails. */
const tags = Array.from({ length: TAGS }, (_, index) => ({
  tag: `v${index}`,
  timeline: [
    { status: 'SCANNING', for: `${FIRST_END_S * 1_000 + index * 250}ms` },
    { status: index % 5 === 0 ? 'FAILED' : 'COMPLETE' },
  ],
}));

const CHANNELS = {
  webhook: { events: { webhook: { token_file: 'token' } }, instance: {} },
  feed: { events: {}, instance: { events: { feed: '1s' } } },
} as const;

async function startPrograms(t: ExecutionContext, channel: keyof typeof CHANNELS) {
  const directory = temporaryDirectory(t);
  const write = (name: string, content: unknown) => {
    const file = join(directory, name);
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
    return file;
  };
  const repositories = [{ namespace: 'shop', name: 'api', id: 'crr-1', tags }];
  const scenario = { keys: [KEY], instances: [{ id: 'cri-1', event_center: { rules: ['scans'] }, repositories }] };
  const simulator = await Program.start(t, process.execPath, [
    'dist/simulator/bin.js',
    '--listen-address=127.0.0.1:0',
    `--scenario=${write('scenario.yml', scenario)}`,
  ]);
  const listening = /msg="listening" address=(\S+)/;
  const simulatorUrl = `http://${await simulator.outputMatch(listening)}`;
  write('token', TOKEN);
  const { events, instance } = CHANNELS[channel];
  const watched = [{ namespace: 'shop', name: 'api', id: 'crr-1', tags: tags.map(({ tag }) => tag) }];
  const configuration = configurationFor(new URL(simulatorUrl).host, {
    intervals: { scanning: NEVER, complete: NEVER, failed: NEVER, not_scanned: NEVER },
    events,
    instances: [instanceAt(new URL(simulatorUrl).host, { repositories: watched, ...instance })],
  });
  const exporter = await Program.start(t, process.execPath, [
    'dist/bin.js',
    `--config.file=${write('config.yml', configuration)}`,
    '--web.listen-address=127.0.0.1:0',
  ]);
  return { simulatorUrl, exporterUrl: `http://${await exporter.outputMatch(listening)}` };
}

async function logOf<Entry>(simulatorUrl: string, name: 'events' | 'requests'): Promise<readonly Entry[]> {
  const log = (await (await fetch(`${simulatorUrl}/_sim/${name}`)).json()) as Readonly<
    Record<string, readonly Entry[]>
  >;
  return log[name] ?? [];
}

for (const channel of ['webhook', 'feed'] as const) {
  test(`the end of a scan is on /metrics within seconds by the ${channel}, with one poll`, async (t) => {
    const { simulatorUrl, exporterUrl } = await startPrograms(t, channel);
    if (channel === 'webhook') {
      const settings = { to: `${exporterUrl}/api/v1/events`, token: TOKEN, duplicates: 0.5 };
      const set = await fetch(`${simulatorUrl}/_sim/events`, { method: 'PUT', body: JSON.stringify(settings) });
      t.is(set.status, 200);
    }
    const shownAtMs = new Map<string, number>();
    await until('every end of a scan on the page', 120_000, async () => {
      const page = await scrape(`${exporterUrl}/metrics`);
      for (const { labels } of page.families.get('acr_scan_tag_status')?.samples ?? []) {
        const { tag = '', status = '' } = labels;
        if (['complete', 'failed'].includes(status) && !shownAtMs.has(tag)) shownAtMs.set(tag, Date.now());
      }
      return shownAtMs.size === TAGS || undefined;
    });

    const events = await logOf<LoggedEvent>(simulatorUrl, 'events');
    t.is(events.length, TAGS);
    const delays = events
      .map(({ tag, happenedAtMs }) => (shownAtMs.get(tag) ?? Number.NaN) - happenedAtMs)
      .toSorted((a, b) => a - b);
    t.true((delays[TAGS / 2] ?? Number.NaN) < 5_000, delays.join(' '));
    const page = await scrape(`${exporterUrl}/metrics`);
    const taken = page.families
      .get('acr_events_total')
      ?.samples.find(({ labels }) => labels.channel === channel && labels.outcome === 'taken');
    t.is(taken?.value, TAGS);
    const polls = (await logOf<LoggedRequest>(simulatorUrl, 'requests')).filter(
      ({ action }) => action === 'GetRepoTagScanStatus',
    );
    t.is(polls.length, 2 * TAGS, 'one at the start, one after the event');
  });
}

test('an event with another token changes nothing', async (t) => {
  const { simulatorUrl, exporterUrl } = await startPrograms(t, 'webhook');
  const settings = { to: `${exporterUrl}/api/v1/events`, token: 'another-token' };
  await fetch(`${simulatorUrl}/_sim/events`, { method: 'PUT', body: JSON.stringify(settings) });
  const refused = await until('every event refused once', 120_000, async () => {
    const attempts = (await logOf<LoggedEvent>(simulatorUrl, 'events')).flatMap(({ deliveries }) =>
      deliveries.flatMap(({ attempts: [first] }) => first?.httpStatus ?? []),
    );
    return attempts.length === TAGS ? attempts : undefined;
  });
  t.deepEqual([...new Set(refused)], [401]);
  const page = await scrape(`${exporterUrl}/metrics`);
  const statuses = page.families.get('acr_scan_tag_status')?.samples.map(({ labels }) => labels.status);
  t.deepEqual([...new Set(statuses)], ['scanning']);
  const polls = (await logOf<LoggedRequest>(simulatorUrl, 'requests')).length;
  t.is(polls, TAGS);
});
