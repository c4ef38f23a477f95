// Measures how long after its end a scan is seen: with a webhook, with a feed, and without events, side by side.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { BenchPart, Row } from '../part.ts';
import type { EventsReport, Mode } from './child.ts';

const MODES: readonly (readonly [Mode, string])[] = [
  ['webhook', 'webhook'],
  ['feed', 'feed of 15 s'],
  ['none', 'no events'],
];

export const eventsPart: BenchPart = {
  name: 'events',
  run: async ({ compiled, progress }) => {
    progress('events: half a day of simulated time');
    // At the same time: what they measure does not depend on the speed of the machine.
    const rows = await Promise.all(
      MODES.map(async ([mode, title]): Promise<Row> => ({ events: title, ...rowOf(await measure(compiled, mode)) })),
    );
    return {
      title: '1,000 scans that end within ten minutes, among 100,000 tags at 5 requests a second',
      rows,
      notes: [
        'Seconds from the end of a scan to the answer that shows it, on simulated time, after twelve hours of the same without these scans.',
        'Answers take 20 to 200 ms, an event arrives at the webhook 50 to 500 ms after the end of its scan, and a record is listed after 500 ms.',
        'Requests are those of the ten minutes in which the scans end. The queue, the polls, the events and the simulated registry are those of the programs; HTTP and the pacing of bottleneck are not part of it.',
        'Overdue tags are those at the end of the ten minutes whose poll is late: without events, ten minutes between two polls would need 167 requests a second.',
      ],
    };
  },
};

async function measure(compiled: string, mode: Mode): Promise<EventsReport> {
  const child = fork(`${compiled}/bench/events/child.js`, [mode], { execArgv: [] });
  const failed = once(child, 'exit').then(([status]) => {
    throw new Error(`the process for ${mode} ended with ${status} before it sent a report`);
  });
  const [report] = (await Promise.race([once(child, 'message'), failed])) as [EventsReport];
  failed.catch(() => {}); // it ends after its report
  return report;
}

function rowOf({ delaysMs, requests, windowMs, overdue, missed }: EventsReport): Row {
  const sorted = delaysMs.toSorted((a, b) => a - b);
  const seconds = (share: number) => ((sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN) / 1_000).toFixed(2);
  const { GetRepoTagScanStatus: polls = 0, ListEventCenterRecord: lists = 0 } = requests;
  const all = Object.values(requests).reduce((sum, count) => sum + count, 0);
  return {
    'p50 s': seconds(0.5),
    'p99 s': seconds(0.99),
    'max s': seconds(1),
    requests: all,
    'a second': (all / (windowMs / 1_000)).toFixed(2),
    polls,
    'of the feed': lists,
    'overdue tags': overdue,
    'missed events': missed,
  };
}
