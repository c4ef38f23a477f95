// What holds for the text of every scrape, and from one to the next.
import { type EventsFile, overlap, type Scrape, spansWithout, type TagName } from '../record.ts';
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
  sentence: 'no counter falls while its process lives and its instance and its channel of events are configured',
  check: ({ scrapes, configurations }, judged) => {
    const findings = new Findings(judged);
    const absences = new Map(
      INSTANCES.map((id) => [id, spansWithout(configurations, ({ tags }) => hasInstance(tags, id))]),
    );
    const withoutChannel = new Map(
      CHANNELS.map((channel) => [channel, spansWithout(configurations, ({ events }) => hasChannel(events, channel))]),
    );
    const before = new Map<number, Scrape>();
    for (const scrape of scrapes) {
      const last = before.get(scrape.life);
      before.set(scrape.life, scrape);
      if (last === undefined || !findings.isJudged(scrape.answeredAt)) continue;
      const begunAnew = INSTANCES.filter((id) => overlap(absences.get(id) ?? [], last.sentAt, scrape.answeredAt) > 0);
      const withoutChannels = CHANNELS.filter(
        (channel) => overlap(withoutChannel.get(channel) ?? [], last.sentAt, scrape.answeredAt) > 0,
      );
      const { samples, types } = scrape.exposition;
      for (const [series, value] of samples) {
        const lastValue = last.exposition.samples.get(series);
        if (lastValue === undefined || !isCounter(series, types)) continue;
        if (begunAnew.some((id) => series.includes(`instance_id="${id}"`))) continue;
        if (series.startsWith('acr_events_') && withoutChannels.some((channel) => isOfChannel(series, channel)))
          continue;
        findings.note(
          scrape.answeredAt,
          value < lastValue ? `${series} fell from ${lastValue} to ${value}` : undefined,
        );
      }
    }
    return findings;
  },
};

const CHANNELS = ['feed', 'webhook'] as const;
type Channel = (typeof CHANNELS)[number];

function hasChannel(events: EventsFile | undefined, channel: Channel): boolean {
  return channel === 'webhook' ? events?.webhook === true : events?.feedMs !== undefined;
}

/** Whether a series about events ends with a channel. Missed events belong to both. */
function isOfChannel(series: string, channel: Channel): boolean {
  return series.includes(`channel="${channel}"`) || !series.includes('channel="');
}

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
