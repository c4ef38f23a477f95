// What holds for the text of every scrape, and from one to the next.
import { Findings, type Law } from './law.ts';

export const wellFormedLaw: Law = {
  name: 'text',
  sentence: 'every scrape is whole, and no series is there twice',
  check: ({ scrapes }) => {
    const findings = new Findings();
    for (const { answeredAt, mode, exposition } of scrapes) {
      const [mistake] = exposition.mistakes;
      findings.note(answeredAt, mistake === undefined ? undefined : `${mode}: ${mistake}`);
    }
    return findings;
  },
};

export const counterLaw: Law = {
  name: 'counters',
  sentence: 'no counter falls within a life of the process',
  check: ({ scrapes }) => {
    const findings = new Findings();
    let highest = new Map<string, number>();
    let life = -1;
    for (const scrape of scrapes) {
      if (scrape.life !== life) highest = new Map();
      life = scrape.life;
      const { samples, types } = scrape.exposition;
      for (const [series, value] of samples) {
        if (!isCounter(series, types)) continue;
        const before = highest.get(series) ?? 0;
        findings.note(scrape.answeredAt, value < before ? `${series} fell from ${before} to ${value}` : undefined);
        highest.set(series, Math.max(before, value));
      }
    }
    return findings;
  },
};

/** Counters, and the buckets, sums and counts of histograms. OpenMetrics names the family of a counter without `_total`. */
function isCounter(series: string, types: ReadonlyMap<string, string>): boolean {
  const name = series.replace(/\{.*/s, '');
  const type = types.get(name) ?? types.get(name.replace(/_total$/, ''));
  if (type === 'counter') return true;
  return /_(bucket|count|sum)$/.test(name) && types.get(name.replace(/_(bucket|count|sum)$/, '')) === 'histogram';
}
