// What is shown is what the file in force lists.
import { samplesOf } from '../exposition.ts';
import { type Configuration, overlap, type RunRecord, type Scrape, type TagName, unionOf } from '../record.ts';
import { DISCOVERED, GUEST } from '../world.ts';
import { Findings, type Law } from './law.ts';
import { repositoryOf, shownTags, time } from './tags.ts';

export const configuredLaw: Law = {
  name: 'configured',
  sentence: 'after a reload is confirmed, everything that is configured is shown, and nothing else',
  check: (record, judged) => {
    const findings = new Findings(judged);
    for (const scrape of unions(record, findings)) {
      if (areMoving(record, scrape.sentAt, scrape.answeredAt)) continue;
      const inForce = inForceDuring(record.configurations, scrape);
      if (inForce !== undefined) findings.note(scrape.answeredAt, () => difference(inForce, scrape));
    }
    return findings;
  },
};

/** Whether repositories may move between two times. They take longer while processes wait for a processor. */
export function areMoving({ moves, pauses }: RunRecord, from: number, to: number): boolean {
  return moves.some((span) => span.from <= to && span.to + overlap(pauses, span.from, span.to) >= from);
}

/** Scrapes of all members that are further apart do not show what they show together. */
const TOGETHER_MS = 1_000;

/** What all members show together, each time that one was scraped. */
function* unions({ scrapes, lives, members }: RunRecord, findings: Findings): Generator<Scrape> {
  if (members === 1) yield* scrapes;
  else {
    const newest = new Map<number, Scrape>();
    for (const scrape of scrapes) {
      newest.set(scrape.life, scrape);
      const { answeredAt } = scrape;
      if (!findings.isJudged(answeredAt)) continue;
      const running = lives.filter(({ from, to }) => from <= answeredAt && answeredAt < to);
      const last = running.flatMap(({ number }) => newest.get(number) ?? []);
      const sentAt = Math.min(...last.map((each) => each.sentAt));
      // The last answer of a process that ends may come after its end is noted.
      const isRunning = running.some(({ number }) => number === scrape.life);
      if (isRunning && last.length === running.length && answeredAt - sentAt <= TOGETHER_MS) yield unionOf(last);
    }
  }
}

const RELOAD_WITHIN_MS = 5_000;

export const reloadLaw: Law = {
  name: 'reload',
  sentence: 'a changed file is in force within 5 s of SIGHUP',
  check: ({ configurations, pauses }, judged) => {
    const findings = new Findings(judged);
    for (const { toldAt, inForceAt, givenUpAt, isOfStart } of configurations) {
      if (isOfStart) continue;
      if (givenUpAt !== undefined)
        findings.note(givenUpAt, `the reload that was asked for at ${time(toldAt)} was never answered`);
      else if (inForceAt !== Number.POSITIVE_INFINITY) {
        const tookMs = inForceAt - toldAt - overlap(pauses, toldAt, inForceAt);
        const late = `the reload that was asked for at ${time(toldAt)} took ${Math.round(tookMs)} ms`;
        findings.note(inForceAt, tookMs > RELOAD_WITHIN_MS ? late : undefined);
      }
    }
    return findings;
  },
};

/** The only configuration that can be in force while a scrape is answered; undefined where it may be one of two. */
export function inForceDuring(
  configurations: readonly Configuration[],
  { sentAt, answeredAt }: Scrape,
): Configuration | undefined {
  const told = configurations.filter(({ toldAt }) => toldAt <= answeredAt).at(-1);
  return told !== undefined && told.inForceAt <= sentAt ? told : undefined;
}

function difference({ tags, perTag, discovers }: Configuration, scrape: Scrape): string | undefined {
  const shown = [...shownTags(scrape).keys()];
  const alien = shown.filter((name) => !tags.has(name) && !(discovers && isDiscovered(name)));
  if (alien.length > 0) return `shown, but not configured: ${alien.join(', ')}`;
  const missing = [...tags].filter((name) => !shown.includes(name));
  if (perTag === 'full' && missing.length > 0)
    return `configured, but not shown: ${missing.join(', ')} (${scrape.mode})`;
  if (perTag === 'none' && shown.length > 0) return `shown, though no tag has series of its own: ${shown.join(', ')}`;
  return wrongSums(tags, scrape);
}

/** Of each repository that the file lists, the sum over all statuses is the number of its tags. */
function wrongSums(tags: ReadonlySet<TagName>, { exposition }: Scrape): string | undefined {
  const sums = new Map<string, number>();
  for (const name of tags) add(sums, name.split(' ').slice(0, 3).join(' '), 1);
  for (const [labels, value] of samplesOf(exposition, 'acr_scan_tags')) {
    const name = repositoryOf(labels);
    if (!isDiscovered(`${name} `)) add(sums, name, -value);
  }
  const wrong = [...sums].filter(([, sum]) => sum !== 0).map(([name, sum]) => `${name} (${-sum})`);
  return wrong.length === 0
    ? undefined
    : `the sums over all statuses are not the numbers of configured tags: ${wrong.join(', ')}`;
}

function add(sums: Map<string, number>, name: string, number: number): void {
  sums.set(name, (sums.get(name) ?? 0) + number);
}

export function isDiscovered(name: TagName): boolean {
  return isOfBuild(name) || isOf(GUEST, name);
}

/** Whether a tag is of the repository that is discovered for as long as discovery is configured. */
export function isOfBuild(name: TagName): boolean {
  return isOf(DISCOVERED, name);
}

function isOf(
  repository: { readonly instance: string; readonly namespace: string; readonly name: string },
  tag: TagName,
) {
  return tag.startsWith(`${repository.instance} ${repository.namespace} ${repository.name} `);
}
