// Waits after the faults until the exporter shows the truth.
import { setTimeout as sleep } from 'node:timers/promises';
import { samplesOf } from './exposition.ts';
import { isDiscovered } from './laws/configured.ts';
import { healthySpans } from './laws/healthy.ts';
import { shownTags } from './laws/tags.ts';
import { type Calm, overlap, type Rest, type Scrape, timeBefore, unionOf } from './record.ts';
import { MODES, type Mode, scrape } from './scraper.ts';
import type { Stage } from './stage.ts';
import { bare, type State, tagKey } from './truth.ts';
import { DISCOVERED, EVENTS_COMPLETE_MS, INSTANCES, MAX_INTERVAL_MS, MAX_LATENCY_MS } from './world.ts';

const WITHIN_MS = 30_000;
/** What a poll may take beyond its interval: its latency, its turn among those that are due, and a busy machine. */
const SLACK_MS = 2_000;

type Known = Pick<Stage, 'configuration' | 'record'>;

/** Waits until the exporter shows the truth, and continues to; undefined if the run ends before. */
export async function waitForTruth(stage: Stage, ending: AbortSignal): Promise<Calm | undefined> {
  const from = Date.now();
  const calm = (equalAt: number, differences: readonly string[]): Calm | undefined =>
    ending.aborted
      ? undefined
      : { from, to: Date.now(), equalAt, differences, rest: restOf(stage.record.scrapes.at(-1)) };
  const first = await firstTruth(stage, from, WITHIN_MS, ending);
  if (first.length > 0) return calm(Number.POSITIVE_INFINITY, first);
  const equalAt = Date.now();
  // By then each tag was polled once more.
  await sleep(Math.max(MAX_INTERVAL_MS, EVENTS_COMPLETE_MS) + SLACK_MS);
  const later = await firstTruth(stage, from, SLACK_MS, ending);
  return calm(later.length > 0 ? Number.POSITIVE_INFINITY : equalAt, later);
}

function restOf(scrape: Scrape | undefined): Rest | undefined {
  if (scrape === undefined) return undefined;
  const { life, exposition } = scrape;
  const value = (name: string) => [...samplesOf(exposition, name)][0]?.[1] ?? Number.NaN;
  const resources = new Map<string, number>();
  for (const [labels, count] of samplesOf(exposition, 'nodejs_active_resources'))
    resources.set(labels.type ?? '', count);
  return {
    life,
    residentBytes: value('process_resident_memory_bytes'),
    openFiles: value('process_open_fds'),
    resources,
  };
}

/** What still differs after so much time in which the exporter could run; nothing if there is no difference. */
async function firstTruth(
  stage: Stage,
  calmFrom: number,
  withinMs: number,
  ending: AbortSignal,
): Promise<readonly string[]> {
  const from = Date.now();
  const isOver = () => Date.now() - from - overlap(stage.record.pauses, from, Date.now()) >= withinMs;
  let differences: readonly string[] = ['nothing was scraped'];
  const [mode] = MODES;
  while (mode !== undefined && !isOver() && !ending.aborted) {
    const seen = await scrapeAll(stage, mode).catch(() => undefined);
    const state = await stage.simulator.look();
    if (seen !== undefined) differences = difference(stage, calmFrom, seen, state);
    if (differences.length === 0) return [];
    await sleep(200);
  }
  return differences;
}

/** What all members show together; undefined while there are none. */
async function scrapeAll({ running }: Stage, mode: Mode): Promise<Scrape | undefined> {
  const scrapes = await Promise.all(running.map(({ program, life }) => scrape(program.url, life, mode, SLACK_MS)));
  return scrapes.length === 0 ? undefined : unionOf(scrapes);
}

/** Tags without a scan under way get at least one of five turns. */
const TURNS_EACH = 5;

/**
 * How old the last poll of a tag may be: all others may be due before it, at the lowest rate that throttling has left since the calm began, and
 * with what each request takes.
 */
function longestAgeMs({ from, seen, tags }: { from: number; seen: Scrape; tags: number }, stage: Known): number {
  const { configuration, record } = stage;
  const scrapes = [...record.scrapes.filter(({ sentAt }) => sentAt >= from), seen];
  const rates = scrapes.flatMap(({ exposition }) =>
    [...samplesOf(exposition, 'acr_scheduler_rate_limit_requests_per_second')].flatMap(([{ kind }, rate]) =>
      kind === 'current' ? [rate] : [],
    ),
  );
  // Each of several members may have its part of the rate.
  const turnMs = Math.max((1_000 * record.members) / Math.min(...rates), MAX_LATENCY_MS / configuration.maxConcurrent);
  const ageMs = MAX_INTERVAL_MS + SLACK_MS + TURNS_EACH * tags * turnMs;
  return seen.sentAt - timeBefore(record.pauses, seen.sentAt, ageMs);
}

/** What differs between a scrape and the truth. Every tag has to be polled since the calm began, at a time since the epoch. */
export function difference(stage: Known, from: number, seen: Scrape, state: State): string[] {
  const { configuration, record } = stage;
  const differences: string[] = [];
  const names = new Set(configuration.tags);
  const there = new Map(
    state.tags.map((tag) => [`${tag.instanceId} ${tag.repoNamespace} ${tag.repoName} ${tag.tag}`, tag]),
  );
  if (configuration.discovers) for (const name of there.keys()) if (isDiscovered(name)) names.add(name);
  const shown = shownTags(seen);
  // What was polled last in the storm may be too old at any moment of the calm: intervals were longer in the storm.
  const ageMs = longestAgeMs({ from, seen, tags: names.size }, stage);
  const sparse = new Map(INSTANCES.map((id) => [id as string, healthySpans(record, id)]));
  for (const name of shown.keys()) if (!names.has(name)) differences.push(`${name} is shown, but there is none`);
  for (const name of names) {
    const [tag, truth] = [shown.get(name), there.get(name)];
    if (tag === undefined || truth === undefined) {
      differences.push(`${name} is not ${tag === undefined ? 'shown' : 'in the registry'}`);
      continue;
    }
    const longerMs = EVENTS_COMPLETE_MS - MAX_INTERVAL_MS;
    const isSparse =
      tag.status === 'complete' &&
      overlap(sparse.get(truth.instanceId) ?? [], seen.sentAt - ageMs - longerMs, seen.answeredAt) > 0;
    const since = Math.max(from, seen.sentAt - ageMs - (isSparse ? longerMs : 0));
    const phases = record.truth.between(tagKey(truth.instanceId, truth.repoId, truth.tag), since, seen.answeredAt);
    if (!phases.some(({ status }) => status.toLowerCase() === tag.status))
      differences.push(`${name} is shown as ${tag.status}, but is ${truth.status}`);
    if ((tag.lastSuccess ?? 0) * 1_000 < since) differences.push(`${name} has its last success at ${tag.lastSuccess}`);
    if (tag.success !== 1) differences.push(`the last poll of ${name} failed`);
    if (tag.repoId !== truth.repoId)
      differences.push(`${name} is shown with the repository ${tag.repoId}, but is in ${truth.repoId}`);
    if (truth.repoId === DISCOVERED.id && tag.digest !== '' && bare(tag.digest ?? '') !== bare(truth.digest)) {
      differences.push(`${name} is shown with another image than it has`);
    }
  }
  return differences;
}
