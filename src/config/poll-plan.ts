// The poll plan: how many requests the configured intervals need, and how often tags are polled within the rate limit.
import type { ConfiguredRepository } from '../model/settings.ts';
import { formatDuration } from '../util/duration.ts';
import type { Config } from './config.ts';
import { type CredentialSet, credentialSets } from './credential-sets.ts';

/** The share of tags that are scanning in the second case. */
const SCANNING_SHARE = 0.01;
/** Scanning tags get at most four of five requests while other tags are due. */
const MAX_SCANNING_SHARE = 0.8;
/** Discovery gets at most one of three requests while tags are due. */
const MAX_DISCOVERY_SHARE = 1 / 3;
/** Requests for events get at most two of five requests while tags of all kinds are due. */
const MAX_FEED_SHARE = 2 / 5;
/** The file does not say how many repositories discovery finds in an instance. Each needs one request, and their list one more. */
const EXPECTED_REPOSITORIES = 100;
/** The interval of requests for the vulnerabilities of a tag whose scan is complete. */
const SUMMARIES_EVERY_MS = 3_600_000;

/** The plan of one set of credentials. Rates are in requests per second. */
export type SetPlan = {
  readonly credentials: string;
  readonly instances: number;
  readonly tags: number;
  /** Repositories whose id or names are looked up first, with one request each. */
  readonly lookups: number;
  readonly allowedRate: number;
  /** Requests of discovery, with the expected number of repositories; 0 without discovery rules. */
  readonly discoveryRate: number;
  /** Requests for vulnerabilities when the scans of all listed tags are complete. */
  readonly summaryRate: number;
  /** Requests of the feeds of events. */
  readonly feedRate: number;
  /** The time until every tag was polled once. */
  readonly firstSweepMs: number;
  /** The plan when the scans of all tags are complete. */
  readonly allComplete: CasePlan;
  /** The same while events are healthy; undefined if no instance has events. */
  readonly eventsHealthy: CasePlan | undefined;
  /** The plan when 1 % of the tags, and at least one, are scanning and the others are complete. */
  readonly someScanning: CasePlan;
};

/** One case: the rate that the configured intervals need, and the intervals that the rate limit allows. */
export type CasePlan = {
  readonly askedRate: number;
  readonly scanningTags: number;
  /** Undefined if no tag is scanning. */
  readonly scanningEveryMs: number | undefined;
  /** Undefined if all tags are scanning. */
  readonly completeEveryMs: number | undefined;
};

export type Plan = {
  readonly sets: readonly SetPlan[];
  readonly intervals: Config['intervals'];
  /** The interval of complete tags while events are healthy; undefined if no instance has events. */
  readonly healthyCompleteMs: number | undefined;
  readonly replicas: Config['replicas'];
  /** One for each set that needs more than its quota. */
  readonly warnings: readonly string[];
};

/** The plan of a configuration, for each set of credentials in use. */
export function planPolls(config: Config): Plan {
  const sets = credentialSets(config).map((set) => planSet(set, config));
  const hasEvents = sets.some(({ eventsHealthy }) => eventsHealthy !== undefined);
  const healthyCompleteMs = hasEvents ? healthyCompleteMsOf(config) : undefined;
  const { intervals, replicas } = config;
  return { sets, intervals, healthyCompleteMs, replicas, warnings: sets.flatMap(warningsOf) };
}

function planSet({ name, instanceIds }: CredentialSet, config: Config): SetPlan {
  const ids = new Set(instanceIds);
  const instances = config.instances.filter(({ id }) => ids.has(id));
  const repositories = instances.flatMap((instance) => instance.repositories);
  const tags = tagsIn(repositories);
  const lookups = repositories.filter(({ id, name: given }) => id === '' || given === '').length;
  const allowedRate = config.rateLimit.requestsPerSecond;
  const discovering = instances.filter(({ discover }) => discover.length > 0).length;
  const discoveryRate = (1000 * discovering * (1 + EXPECTED_REPOSITORIES)) / config.discoveryIntervalMs;
  const feedRate = instances.reduce((sum, { feedMs }) => sum + (feedMs === undefined ? 0 : 1000 / feedMs), 0);
  const forTags =
    allowedRate -
    Math.min(discoveryRate, MAX_DISCOVERY_SHARE * allowedRate) -
    Math.min(feedRate, MAX_FEED_SHARE * allowedRate);
  return {
    credentials: name,
    instances: ids.size,
    tags,
    lookups,
    allowedRate,
    discoveryRate,
    feedRate,
    summaryRate: (1000 * tagsIn(repositories.filter(({ vulnerabilities }) => vulnerabilities))) / SUMMARIES_EVERY_MS,
    firstSweepMs: (1000 * (tags + lookups)) / forTags,
    allComplete: planCase(0, tags, forTags, config),
    eventsHealthy: planHealthy(instances, forTags, config),
    someScanning: planCase(Math.min(tags, Math.ceil(tags * SCANNING_SHARE)), tags, forTags, config),
  };
}

function healthyCompleteMsOf({ events, intervals }: Config): number {
  return Math.max(events.completeMs, intervals.completeMs);
}

/** The plan when the scans of all tags are complete and events are healthy where there are some. */
function planHealthy(instances: Config['instances'], allowed: number, config: Config): CasePlan | undefined {
  const hasEvents = ({ feedMs }: Config['instances'][number]) =>
    feedMs !== undefined || config.events.webhook !== undefined;
  const tagsOf = (some: Config['instances']) => tagsIn(some.flatMap(({ repositories }) => repositories));
  const withEvents = instances.filter(hasEvents);
  if (withEvents.length === 0) return undefined;
  const completeMs = healthyCompleteMsOf(config);
  const others = instances.filter((instance) => !hasEvents(instance));
  const askedRate = (1000 * tagsOf(withEvents)) / completeMs + (1000 * tagsOf(others)) / config.intervals.completeMs;
  const completeEveryMs = tagsOf(withEvents) === 0 ? undefined : completeMs * Math.max(1, askedRate / allowed);
  return { askedRate, scanningTags: 0, scanningEveryMs: undefined, completeEveryMs };
}

function tagsIn(repositories: readonly ConfiguredRepository[]): number {
  return repositories.reduce((sum, { tags }) => sum + tags.length, 0);
}

function planCase(scanning: number, tags: number, allowed: number, { intervals }: Config): CasePlan {
  const complete = tags - scanning;
  const askedScanning = (1000 * scanning) / intervals.scanningMs;
  const askedComplete = (1000 * complete) / intervals.completeMs;
  const isTooMuch = askedScanning + askedComplete > allowed;
  // Scanning tags have priority, but never get all requests while others are due.
  const reserved = Math.min(askedComplete, (1 - MAX_SCANNING_SHARE) * allowed);
  const forScanning = isTooMuch ? Math.min(askedScanning, allowed - reserved) : askedScanning;
  const forComplete = isTooMuch ? allowed - forScanning : askedComplete;
  return {
    askedRate: askedScanning + askedComplete,
    scanningTags: scanning,
    scanningEveryMs: scanning === 0 ? undefined : Math.max(intervals.scanningMs, (1000 * scanning) / forScanning),
    completeEveryMs: complete === 0 ? undefined : Math.max(intervals.completeMs, (1000 * complete) / forComplete),
  };
}

function warningsOf({ credentials, allowedRate, discoveryRate, summaryRate, feedRate, ...cases }: SetPlan): string[] {
  const { eventsHealthy } = cases;
  const healthy =
    eventsHealthy === undefined ? '' : ` (${formatRate(eventsHealthy.askedRate)} while events are healthy)`;
  const allowed = `${formatRate(allowedRate)} requests a second are allowed`;
  const late = 'tags will be polled less often than configured';
  for (const [when, { askedRate }] of [
    ['', cases.allComplete],
    [' while 1 % of the tags are scanning', cases.someScanning],
  ] as const) {
    if (askedRate <= allowedRate) continue;
    return [
      `credentials ${credentials}: the intervals ask for ${formatRate(askedRate)} requests a second${when}${healthy}, ${allowed}: ${late}`,
    ];
  }
  const forDiscovery = MAX_DISCOVERY_SHARE * allowedRate;
  const forTags = cases.allComplete.askedRate + summaryRate + feedRate;
  if (forTags + Math.min(discoveryRate, forDiscovery) > allowedRate) {
    const all = formatRate(forTags + Math.min(discoveryRate, forDiscovery));
    return [
      `credentials ${credentials}: polls, vulnerabilities${feedRate > 0 ? ', discovery and events' : ' and discovery'} ask for ${all} requests a second together, ${allowed}: ${late}`,
    ];
  }
  if (discoveryRate <= forDiscovery) return [];
  const third = `while tags are due it gets ${formatRate(forDiscovery)} at most: runs will take longer than discovery_interval`;
  return [
    `credentials ${credentials}: discovery asks for ${formatRate(discoveryRate)} requests a second if it finds ${EXPECTED_REPOSITORIES} repositories in each instance, ${third}`,
  ];
}

/** The plan as a table with two rows for each set of credentials, three with events, and notes on discovery and vulnerabilities. Ends in a newline. */
export function formatPlan({ sets, intervals, healthyCompleteMs, replicas }: Plan): string {
  const { scanningMs, completeMs, failedMs, notScannedMs } = intervals;
  const header = ['CREDENTIALS', 'TAGS', 'FIRST SWEEP', 'WHEN', 'ASKED', 'ALLOWED', 'SCANNING EVERY', 'COMPLETE EVERY'];
  const rows = sets.flatMap((set) => {
    const tags = set.discoveryRate > 0 ? `${set.tags} + found` : `${set.tags}`;
    const start = [set.credentials, tags, set.tags === 0 ? '-' : formatLength(set.firstSweepMs)];
    return [
      [...start, 'all complete', ...caseCells(set.allComplete, set.allowedRate, intervals)],
      ['', '', '', '1 % scanning', ...caseCells(set.someScanning, set.allowedRate, intervals)],
      ...(set.eventsHealthy === undefined || healthyCompleteMs === undefined
        ? []
        : [
            [
              '',
              '',
              '',
              'events healthy',
              ...caseCells(set.eventsHealthy, set.allowedRate, { ...intervals, completeMs: healthyCompleteMs }),
            ],
          ]),
    ];
  });
  const configured = `scanning ${formatDuration(scanningMs)}, complete ${formatDuration(completeMs)}, failed ${formatDuration(failedMs)}, not scanned ${formatDuration(notScannedMs)}`;
  const healthy =
    healthyCompleteMs === undefined ? '' : `, complete while events are healthy ${formatDuration(healthyCompleteMs)}`;
  const notes = [...replicaNotes(replicas, sets), ...sets.flatMap((set) => notesOf(set, intervals))].map(
    (note) => `${note}\n`,
  );
  return `Intervals: ${configured}${healthy}\n\n${alignColumns([header, ...rows])}\n${notes.length > 0 ? '\n' : ''}${notes.join('')}`;
}

/** The plan is that of all replicas together. */
function replicaNotes(replicas: Config['replicas'], sets: readonly SetPlan[]): string[] {
  if (replicas === undefined) return [];
  const [rate] = sets.map(({ allowedRate }) => `${formatRate(allowedRate / replicas.max)}/s`);
  return [
    `replicas: at most ${replicas.max} of the group ${replicas.group} share this plan; without Redis each has ${rate ?? 'a part'} of a rate`,
  ];
}

function notesOf(
  { credentials, discoveryRate, summaryRate, feedRate }: SetPlan,
  { completeMs }: Config['intervals'],
): string[] {
  const notes: string[] = [];
  if (discoveryRate > 0) {
    const polls = formatRate((1000 * 1000) / completeMs);
    const summaries = formatRate((1000 * 1000) / SUMMARIES_EVERY_MS);
    notes.push(
      `${credentials}: discovery asks for ${formatRate(discoveryRate)}/s more if it finds ${EXPECTED_REPOSITORIES} repositories in each instance`,
      `${credentials}: each 1,000 tags that it finds ask for ${polls}/s when complete, and for ${summaries}/s with vulnerabilities`,
    );
  }
  if (feedRate > 0) {
    notes.push(`${credentials}: feeds of events ask for ${formatRate(feedRate)}/s more, whatever the number of tags`);
  }
  if (summaryRate > 0) {
    notes.push(
      `${credentials}: vulnerabilities ask for ${formatRate(summaryRate)}/s more, each complete tag once an hour`,
    );
  }
  return notes;
}

function caseCells(planned: CasePlan, allowedRate: number, intervals: Config['intervals']): string[] {
  return [
    `${formatRate(planned.askedRate)}/s`,
    `${formatRate(allowedRate)}/s`,
    everyCell(planned.scanningEveryMs, intervals.scanningMs),
    everyCell(planned.completeEveryMs, intervals.completeMs),
  ];
}

/** The interval, with the configured one if that is shorter. */
function everyCell(everyMs: number | undefined, wantedMs: number): string {
  if (everyMs === undefined) return '-';
  const [every, wanted] = [formatLength(everyMs), formatDuration(wantedMs)];
  return everyMs < wantedMs * 1.005 ? wanted : `${every}, not ${wanted}`;
}

function alignColumns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => [...(row[column] ?? '')].length)));
  return rows
    .map((row) => row.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - [...cell].length)).join('  '))
    .map((line) => line.trimEnd())
    .join('\n');
}

/** A duration, in whole seconds from 10 s. */
function formatLength(ms: number): string {
  return formatDuration(ms < 10_000 ? ms : Math.round(ms / 1000) * 1000);
}

/** Three significant digits: `33.3`, `0.0167`. */
function formatRate(rate: number): string {
  return rate >= 1000 ? Math.round(rate).toString() : Number(rate.toPrecision(3)).toString();
}
