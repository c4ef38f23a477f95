// What holds for the text of every scrape, and from one to the next.
import { overlap, type Scrape, spansWithout, type TagName } from '../record.ts';
import { INSTANCES } from '../world.ts';
import { Findings, type Law } from './law.ts';

export const wellFormedLaw: Law = {
  name: 'text',
  sentence: 'every scrape is complete, and no series appears twice',
  check: ({ scrapes }, judged) => {
    const findings = new Findings(judged);
    for (const { answeredAt, mode, exposition } of scrapes) {
      const [mistake] = exposition.mistakes;
      findings.note(answeredAt, mistake === undefined ? undefined : `${mode}: ${mistake}`);
    }
    return findings;
  },
};

export const counterLaw: Law = {
  name: 'counters',
  sentence: 'no counter falls while its process lives and its instance is configured',
  check: ({ scrapes, configurations }, judged) => {
    const findings = new Findings(judged);
    const absences = new Map(
      INSTANCES.map((id) => [id, spansWithout(configurations, ({ tags }) => hasInstance(tags, id))]),
    );
    let before: Scrape | undefined;
    for (const scrape of scrapes) {
      const last = before?.life === scrape.life ? before : undefined;
      before = scrape;
      if (last === undefined || !findings.isJudged(scrape.answeredAt)) continue;
      const begunAnew = INSTANCES.filter((id) => overlap(absences.get(id) ?? [], last.sentAt, scrape.answeredAt) > 0);
      const { samples, types } = scrape.exposition;
      for (const [series, value] of samples) {
        const lastValue = last.exposition.samples.get(series);
        if (lastValue === undefined || !isCounter(series, types)) continue;
        if (begunAnew.some((id) => series.includes(`instance_id="${id}"`))) continue;
        findings.note(
          scrape.answeredAt,
          value < lastValue ? `${series} fell from ${lastValue} to ${value}` : undefined,
        );
      }
    }
    return findings;
  },
};

function hasInstance(tags: ReadonlySet<TagName>, id: string): boolean {
  return [...tags].some((name) => name.startsWith(`${id} `));
}

/** Counters, and the buckets, sums and counts of histograms. OpenMetrics names the family of a counter without `_total`. */
function isCounter(series: string, types: ReadonlyMap<string, string>): boolean {
  const name = series.replace(/\{.*/s, '');
  const type = types.get(name) ?? types.get(name.replace(/_total$/, ''));
  if (type === 'counter') return true;
  return /_(bucket|count|sum)$/.test(name) && types.get(name.replace(/_(bucket|count|sum)$/, '')) === 'histogram';
}
