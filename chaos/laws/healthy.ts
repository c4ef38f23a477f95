// While events are healthy, complete tags are polled less often: when that may have been so, as the exporter shows it.
import type { Configuration, RunRecord, Scrape, Span } from '../record.ts';

/** 1 or 0; undefined where the instance has no events. */
export function shownHealth({ exposition }: Scrape, instanceId: string): number | undefined {
  return exposition.samples.get(`acr_events_healthy{instance_id="${instanceId}"}`);
}

/** Times in which the events of an instance may have been healthy. */
export function healthySpans({ scrapes, lives, configurations }: RunRecord, instanceId: string): Span[] {
  const spans: Span[] = [];
  let last: Scrape | undefined;
  const isTold = (from: number, to: number) =>
    configurations.some(({ toldAt, inForceAt }) => toldAt <= to && inForceAt >= from);
  for (const scrape of scrapes) {
    const isFirst = last?.life !== scrape.life;
    const from = isFirst ? (lives.find(({ number }) => number === scrape.life)?.startedAt ?? 0) : (last?.sentAt ?? 0);
    const isShown = [last, scrape].some((each) => each?.life === scrape.life && shownHealth(each, instanceId) === 1);
    if (isFirst || isShown || isTold(from, scrape.answeredAt)) spans.push({ from, to: scrape.answeredAt });
    last = scrape;
  }
  if (last !== undefined) spans.push({ from: last.sentAt, to: Number.POSITIVE_INFINITY });
  return spans;
}

/** When a complete tag is due at the latest, which was answered at a time: by `shortMs` from when on its events are not healthy. */
export function latestDue(
  spans: readonly Span[],
  answeredAt: number,
  { shortMs, longMs }: { readonly shortMs: number; readonly longMs: number },
): number {
  const last = answeredAt + Math.max(shortMs, longMs);
  let due = answeredAt + shortMs;
  for (const { from, to } of spans)
    if (to >= answeredAt && from <= due) due = Math.max(due, Math.min(last, to + shortMs));
  return due;
}

/** The longest interval of complete tags with healthy events that files say; 0 where none has events. */
export function longestHealthyMs(files: readonly Configuration[]): number {
  return Math.max(
    0,
    ...files.map(({ events }) => (events?.webhook || events?.feedMs !== undefined ? events.completeMs : 0)),
  );
}
