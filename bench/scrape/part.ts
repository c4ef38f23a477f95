// Measures the cost of a scrape for the scraped process, compared with prom-client's registry, another server, and the lower limit.
import type { BenchOptions, BenchPart, Row } from '../part.ts';
import type { Report } from './child.ts';
import { type Subject, startPeer, startServer } from './process.ts';
import type { ServerName } from './servers.ts';
import type { ChangeKind } from './tags.ts';

/** The number of tags that 50 requests per second change in a scrape interval of 15 seconds. */
const CHANGES = 750;

/** A scrape of prom-client's registry takes seconds: a few are enough. */
const REPEATS_OF_SLOW = 3;

/** The part of the page with the sums of each repository. */
const SUMS = '/metrics?name[]=acr_scan_tags';

/** Scrapes before the measured ones, so that V8 compiles the hot code. */
const WARM_UPS = 10;

export const scrapePart: BenchPart = {
  name: 'scrape',
  run: async (options) => {
    const rows: Row[] = [];
    for (const tags of options.sizes) rows.push(...(await measureSize(tags, options)));
    return {
      title: `A scrape with ${CHANGES} tags changed since the one before`,
      rows,
      notes: [
        '`polls`: the tags were polled and had the same status; `transitions`: each had another. `first`: all tags are new, nothing is rendered.',
        'CPU is that of the whole process (user and system, all threads), the mean of all scrapes. Hold is the longest that the event loop was held up in any of them, by the scrape or by whatever else kept the machine busy.',
        '`sums` is the part of the page that `?name[]=acr_scan_tags` selects.',
        ...options.sizes.map((tags) => shareOfSums(rows, tags)),
        '`one buffer` sends the same bytes from memory: the limit. `peer` has four of the families, and nothing changes in it.',
      ],
    };
  },
};

/** What the sums cost of the whole page, when tags were polled. */
function shareOfSums(rows: readonly Row[], tags: number): string {
  const shares = ['plain', 'gzip'].map((encoding) => {
    const of = (server: string, column: string) =>
      Number(
        rows.find(
          (each) =>
            each.tags === tags && each.server === server && each.changed === 'polls' && each.encoding === encoding,
        )?.[column],
      );
    const share = (column: string) => `1/${(of('exporter', column) / of('sums', column)).toFixed(0)}`;
    return `${encoding} ${share('CPU ms')} of the CPU time and ${share('MB sent')} of the bytes`;
  });
  return `Sums of ${tags} tags cost of the whole page: ${shares.join(', ')}.`;
}

type Case = { readonly change: ChangeKind | 'none'; readonly gzip: boolean };

const CASES: readonly Case[] = [false, true].flatMap((gzip): Case[] => [
  { change: 'none', gzip },
  { change: 'poll', gzip },
  { change: 'transition', gzip },
]);
const UNCHANGING = CASES.filter(({ change }) => change === 'none');
const POLLED = CASES.filter(({ change }) => change === 'poll');

async function measureSize(tags: number, options: BenchOptions): Promise<Row[]> {
  const { compiled, repeats, peer, progress } = options;
  const slow = Math.min(repeats, REPEATS_OF_SLOW);
  const rows: Row[] = [];
  const measure = async (name: string, start: () => Promise<Subject>, cases: readonly Case[], times: number) => {
    progress(`scrape: ${name} with ${tags} tags`);
    const subject = await start();
    try {
      rows.push(...(await measureSubject(subject, name, tags, cases, times)));
    } finally {
      await subject.stop();
    }
  };
  const ours = (server: ServerName) => () => startServer(compiled, server, tags);
  await measure('exporter', ours('exporter'), CASES, repeats);
  await measure('sums', ours('exporter'), POLLED, repeats);
  await measure('one buffer', ours('buffer'), UNCHANGING, repeats);
  await measure('prom-client', ours('prom-client'), POLLED, slow);
  if (peer !== undefined) await measure('peer', () => startPeer(peer, tags), UNCHANGING, slow);
  return rows;
}

async function measureSubject(
  subject: Subject,
  name: string,
  tags: number,
  cases: readonly Case[],
  repeats: number,
): Promise<Row[]> {
  const path = name === 'sums' ? SUMS : undefined;
  const rows: Row[] = [];
  for (const gzip of [false, true]) {
    let bytes = 0;
    const first = await subject.measure(async () => {
      bytes = (await subject.scrape(gzip, path)).bytes;
    });
    if (name === 'exporter') rows.push(row(name, tags, 'first', gzip, bytes, [first]));
  }
  for (const { change, gzip } of cases) {
    const reports: Partial<Report>[] = [];
    let bytes = 0;
    for (let repeat = -WARM_UPS; repeat < repeats; repeat++) {
      if (change !== 'none') await subject.tell({ do: 'change', count: CHANGES, kind: change });
      const report = await subject.measure(async () => {
        bytes = (await subject.scrape(gzip, path)).bytes;
      });
      if (repeat >= 0) reports.push(report);
    }
    rows.push(
      row(name, tags, { none: 'nothing', poll: 'polls', transition: 'transitions' }[change], gzip, bytes, reports),
    );
  }
  return rows;
}

function row(
  name: string,
  tags: number,
  changed: string,
  gzip: boolean,
  bytes: number,
  reports: readonly Partial<Report>[],
): Row {
  const of = (field: keyof Report) => reports.flatMap((report) => report[field] ?? []);
  const holds = of('longestHoldMs');
  const cpu = of('cpuMs');
  return {
    tags,
    server: name,
    changed,
    encoding: gzip ? 'gzip' : 'plain',
    'MB sent': (bytes / 1e6).toFixed(2),
    'CPU ms': (cpu.reduce((sum, each) => sum + each, 0) / cpu.length).toFixed(1),
    'hold ms': holds.length > 0 ? Math.max(...holds).toFixed(1) : '',
    'RSS MB': (Math.max(...of('rssBytes')) / 2 ** 20).toFixed(0),
    'peak RSS MB': (Math.max(...of('peakRssBytes')) / 2 ** 20).toFixed(0),
  };
}
