// The pipeline of a running exporter with a scripted API and a manual clock.
import { setImmediate } from 'node:timers/promises';
import { ApiError, type ApiErrorKind, StaleConnection } from '../../src/acr/api-error.ts';
import type { AcrApi, AcrOperations, ApiAction } from '../../src/acr/operations.ts';
import { createPipeline } from '../../src/app/pipeline.ts';
import type { EventChannel, EventLabels, EventOutcome } from '../../src/model/events.ts';
import type { Ownership } from '../../src/model/replicas.ts';
import type { ScanStatus } from '../../src/model/scan.ts';
import type { ConfiguredRepository, DiscoverRule, Timing } from '../../src/model/settings.ts';
import type { WatchedInstance } from '../../src/polling/watched-instance.ts';
import { AdaptiveRate } from '../../src/scheduler/adaptive-rate.ts';
import { Scheduler, type SchedulerGroup, type SlotLimiter } from '../../src/scheduler/scheduler.ts';
import type { StoreObserver, WatchedTag } from '../../src/state/store.ts';
import { type Component, InternalErrors } from '../../src/util/internal-errors.ts';
import type { Logger } from '../../src/util/logger.ts';
import { ManualClock } from './manual-clock.ts';

export const TIMING: Timing = {
  intervals: { scanningMs: 15_000, completeMs: 600_000, failedMs: 300_000, notScannedMs: 600_000 },
  backoff: { initialMs: 5_000, maxMs: 600_000 },
};

/** A rule of discovery that takes everything. */
export const EVERYTHING: DiscoverRule = {
  namespaces: ['*'],
  repositories: ['*'],
  excludeRepositories: [],
  tags: ['*'],
  excludeTags: [],
  newest: undefined,
  maxAgeMs: undefined,
  vulnerabilities: false,
};

const STATUSES: Readonly<Record<string, ScanStatus>> = {
  SCANNING: 'scanning',
  RETRYING: 'retrying',
  COMPLETE: 'complete',
  FAILED: 'failed',
  '': 'not_scanned',
};

/** A request that waits for the test to answer it. */
export type Pending = {
  readonly action: ApiAction;
  readonly request: Readonly<Record<string, string | number>>;
  /** Whether it goes on a connection that was just opened. */
  readonly isFresh: boolean;
  readonly answer: Answerer;
};

type Named = { readonly id: string; readonly namespace?: string; readonly name: string; readonly isGone?: boolean };
type Pushed = {
  readonly tag: string;
  readonly digest?: string;
  readonly updatedMs?: number;
  readonly isDeleting?: boolean;
};

type RecordInput = { readonly id: string; readonly tag: string; readonly timeMs: number; readonly name?: string };

/** Each answers a request of one operation, but for the last, which answers any. */
type Answerer = {
  /** @param text the status as the API writes it */
  status(text: string): void;
  summary(high: number, medium: number, low: number, unknown: number): void;
  repository(id: string, namespace: string, name: string): void;
  repositories(repositories: readonly Named[], totalCount?: number, nextToken?: string): void;
  tags(tags: readonly Pushed[], totalCount?: number, nextToken?: string): void;
  /** One tag that exists, with its digest and when it was pushed. */
  tag(digest?: string, imageUpdate?: number, isDeleting?: boolean): void;
  /** Records of the event center, all of the repository \`shop/api\` unless they say otherwise. */
  records(records: readonly RecordInput[], totalCount?: number): void;
  /** The names of the event rules. */
  rules(...names: readonly string[]): void;
  stale(): void;
  error(code: string, kind: ApiErrorKind, retryAfterMs?: number): void;
  /** An error of our own code, which the port promises not to throw. */
  throws(error: unknown): void;
};

const SILENT: StoreObserver = {
  tagAdded() {},
  tagChanged() {},
  tagRemoved() {},
  repositoryAdded() {},
  repositoryChanged() {},
  repositoryRemoved() {},
};

/** Instances under credentials `default`; every slot is free at once, every request waits for its answer. */
export function createScriptedPipeline({
  maxTags = 100_000,
  ids = ['cri-1'],
  startMs,
  random = () => 0,
  api: givenApi,
  owns = () => true,
  group,
}: {
  readonly maxTags?: number;
  readonly ids?: readonly [string, ...string[]];
  /** What the wall clock shows at first. */
  readonly startMs?: number;
  readonly random?: () => number;
  /** Answers in place of the test. */
  readonly api?: (clock: ManualClock) => AcrApi;
  /** Whether this replica watches a repository. */
  readonly owns?: Ownership['owns'];
  /** The other replicas. */
  readonly group?: SchedulerGroup;
} = {}) {
  const clock = new ManualClock(startMs);
  const pending: Pending[] = [];
  const events: string[] = [];
  const log = (message: string, fields?: object) => void events.push(`${message} ${JSON.stringify(fields ?? {})}`);
  const logger = { debug() {}, info: log, warn: log, error: log };
  const failures: string[] = [];
  const scans: number[] = [];
  const outcomes: EventOutcome[] = [];
  const missed: number[] = [];
  const delays: [EventChannel, number][] = [];
  const meter = {
    requestSent() {},
    requestEnded() {},
    requestFailed: (_instance: string, action: string, code: string) => void failures.push(`${action} ${code}`),
    scanEnded: (_instance: string, seconds: number) => void scans.push(seconds),
    eventsReceived: ({ outcome }: EventLabels) => void outcomes.push(outcome),
    eventMissed: () => void missed.push(clock.now()),
    eventAnswered: (_instance: string, channel: EventChannel, seconds: number) => void delays.push([channel, seconds]),
  };
  /** What a test may want to happen when long work lets the event loop turn, and around a change that is to be seen whole. */
  const hooks = {
    turn: (): Promise<void> => setImmediate(),
    whole: (change: () => Promise<void>) => change(),
    tagAdded(_tag: WatchedTag) {},
    tagChanged(_tag: WatchedTag, _isRestored: boolean) {},
    tagRemoved(_tag: WatchedTag) {},
  };
  const passes: number[] = [];
  const internalErrors: Component[] = [];
  const errors = new InternalErrors({ logger, clock, count: (component) => void internalErrors.push(component) });
  const pipeline = createPipeline({
    observer: {
      ...SILENT,
      tagAdded: (tag) => hooks.tagAdded(tag),
      tagChanged: (tag, isRestored) => hooks.tagChanged(tag, isRestored),
      tagRemoved: (tag) => hooks.tagRemoved(tag),
    },
    meter: { ...meter, discoveryRunEnded: (seconds) => void passes.push(seconds) },
    clock,
    random,
    logger,
    errors,
    stopping: new AbortController().signal,
    timing: TIMING,
    maxTags,
    turn: () => hooks.turn(),
    holdScrapes: (change) => hooks.whole(change),
    owns,
  });
  const { store, watchList, discoveryManager } = pipeline;
  const credentials = new ScriptedCredentials();
  const scheduler = createScheduler('default', { clock, credentials, errors, logger, ...(group && { group }) });
  const api = givenApi?.(clock) ?? scriptedApi(pending);
  const instanceOf = (id: string): WatchedInstance => ({
    id,
    api,
    scheduler,
    tasks: new Set(),
    completeMs: undefined,
    discoveredTags: 0,
  });
  const instance = instanceOf(ids[0]);
  const instances = new Map([instance, ...ids.slice(1).map(instanceOf)].map((each) => [each.id, each]));
  let rules: readonly DiscoverRule[] = [];
  return {
    ...pipeline,
    clock,
    hooks,
    errors,
    /** The components that had an error of our own code. */
    internalErrors,
    passes,
    scheduler,
    credentials,
    /** The first one. */
    instance,
    instances,
    pending,
    events,
    failures,
    scans,
    /** What became of events, when the end of a scan was found that none announced, and the seconds from events to answers. */
    outcomes,
    missed,
    delays,
    /** Watches these repositories of the first instance, and nothing of the others. */
    watch(...repositories: readonly ConfiguredRepository[]): Promise<void> {
      const list = ids.map((id, index) => {
        return { id, domain: '', discover: rules, repositories: index === 0 ? repositories : [] };
      });
      return watchList.apply(list, instances);
    },
    /** Discovers this of every instance, every 5 minutes. */
    discover(...discover: readonly DiscoverRule[]): Promise<void> {
      rules = discover;
      const configs = ids.map((id) => ({ id, domain: '', discover }));
      return discoveryManager.configure(configs, 300_000, instances);
    },
    /** Uses events of every instance. */
    listen(channels: { readonly feedMs?: number; readonly hasWebhook?: boolean }, completeMs = 21_600_000): boolean {
      const { feedMs, hasWebhook = false } = channels;
      return pipeline.eventManager.configure(
        ids.map((id) => ({ id, feedMs })),
        { hasWebhook, completeMs },
        instances,
      );
    },
    /** The watched tags as `NAMESPACE/NAME:TAG STATUS`, sorted. */
    shown(): string[] {
      const lines = [...store.tags()].map(({ target: { repository, tag }, state }) => {
        return `${repository.namespace}/${repository.name}:${tag} ${state.status}`;
      });
      return lines.sort();
    },
    /** Takes the only request that waits. */
    next(): Pending {
      const [first, ...others] = pending.splice(0);
      if (first === undefined || others.length > 0)
        throw new Error(`expected one request, found ${others.length + (first ? 1 : 0)}`);
      return first;
    },
  };
}

/** Credentials that a test takes away and gives back. */
export class ScriptedCredentials {
  unavailable = false;
  /** What is no `ApiError`: an error of our own code. */
  broken = false;
  changed = false;
  refreshes = 0;
  ensures = 0;

  async ensure(): Promise<void> {
    this.ensures += 1;
    if (this.broken) throw new TypeError('cannot read credentials');
    if (this.unavailable) throw new ApiError({ code: 'CredentialsUnavailable', kind: 'refused', message: 'none' });
  }

  async refresh(): Promise<boolean> {
    this.refreshes += 1;
    const { changed } = this;
    this.changed = false;
    return changed;
  }
}

type SchedulerParts = {
  readonly clock: ManualClock;
  readonly credentials: ScriptedCredentials;
  readonly errors: InternalErrors;
  readonly limiter?: SlotLimiter;
  readonly logger?: Logger;
  readonly group?: SchedulerGroup;
};

const SILENT_LOGGER: Logger = { debug() {}, info() {}, warn() {}, error() {} };

export function createScheduler(
  name: string,
  { clock, credentials, errors, limiter = new InstantLimiter(), logger = SILENT_LOGGER, group }: SchedulerParts,
): Scheduler {
  const scheduler = new Scheduler({
    name,
    limits: { requestsPerSecond: 10, maxConcurrent: 100 },
    quota: { limiter, adaptiveRate: new AdaptiveRate(10) },
    ...(group && { group }),
    clock,
    errors,
    logger,
  });
  scheduler.useCredentials(credentials);
  return scheduler;
}

class InstantLimiter {
  inFlight = 0;
  limits = { requestsPerSecond: 0, maxConcurrent: 0 };

  async start(job: () => Promise<void>, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false;
    this.inFlight += 1;
    void job().finally(() => {
      this.inFlight -= 1;
    });
    return true;
  }
}

function scriptedApi(pending: Pending[]): AcrApi {
  return { ...scriptedOperations(pending, false), afresh: scriptedOperations(pending, true) };
}

function scriptedOperations(pending: Pending[], isFresh: boolean): AcrOperations {
  const wait =
    (action: ApiAction) =>
    <Body>(request: object): Promise<Body> =>
      new Promise((resolve, reject) => {
        // What the test answers with is of the operation that it answers, or the test is wrong.
        const give = (of: ApiAction) => (body: object) => {
          if (of === action) resolve({ ...body, requestId: 'R' } as Body);
          else reject(new Error(`not a ${of} request`));
        };
        pending.push({ action, request: request as Pending['request'], isFresh, answer: answerer(give, reject) });
      });
  return {
    getRepoTagScanStatus: wait('GetRepoTagScanStatus'),
    getRepoTagScanSummary: wait('GetRepoTagScanSummary'),
    getRepository: wait('GetRepository'),
    listRepository: wait('ListRepository'),
    listRepoTag: wait('ListRepoTag'),
    getRepoTag: wait('GetRepoTag'),
    listEventCenterRecord: wait('ListEventCenterRecord'),
    listEventCenterRuleName: wait('ListEventCenterRuleName'),
  };
}

function answerer(give: (action: ApiAction) => (body: object) => void, reject: (error: unknown) => void): Answerer {
  return {
    status: (text) =>
      give('GetRepoTagScanStatus')({
        status: STATUSES[text] ?? 'unknown',
        statusText: text,
        scanService: 'ACR_SCAN_SERVICE',
      }),
    summary: (highSeverity, mediumSeverity, lowSeverity, unknownSeverity) =>
      give('GetRepoTagScanSummary')({ highSeverity, mediumSeverity, lowSeverity, unknownSeverity }),
    repository: (repoId, repoNamespaceName, repoName) => give('GetRepository')({ repoId, repoNamespaceName, repoName }),
    repositories: (repositories, totalCount = repositories.length, nextToken = '') =>
      give('ListRepository')({
        repositories: repositories.map(({ id, namespace = 'shop', name, isGone = false }) => {
          return { repoId: id, repoNamespaceName: namespace, repoName: name, isGone };
        }),
        totalCount,
        nextToken,
      }),
    tags: (tags, totalCount = tags.length, nextToken = '') =>
      give('ListRepoTag')({
        images: tags.map(({ tag, digest = `sha256:${tag}`, updatedMs, isDeleting = false }) => {
          return { tag, digest, imageUpdate: updatedMs, isDeleting };
        }),
        totalCount,
        nextToken,
      }),
    tag: (digest = '', imageUpdate, isDeleting = false) => give('GetRepoTag')({ digest, imageUpdate, isDeleting }),
    records: (records, totalCount = records.length) =>
      give('ListEventCenterRecord')({
        records: records.map(({ id, tag, timeMs, name = 'api' }) => {
          const eventType = 'cr:Artifact:ScanCompleted';
          return { recordId: id, eventType, namespace: 'shop', repoName: name, tag, createTime: timeMs };
        }),
        totalCount,
      }),
    rules: (...ruleNames) => give('ListEventCenterRuleName')({ ruleNames }),
    stale: () => reject(new StaleConnection()),
    error: (code, kind, retryAfterMs) =>
      reject(new ApiError({ code, kind, message: `the API said ${code}`, retryAfterMs })),
    throws: reject,
  };
}

/** An entry of a watch list. */
export function entry(
  names: { namespace?: string; name?: string; id?: string },
  ...tags: readonly string[]
): ConfiguredRepository {
  const { namespace = '', name = '', id = '' } = names;
  return {
    namespace,
    name,
    id,
    vulnerabilities: false,
    tags: tags.map((tag) => ({ tag, digest: '', scanTaskId: '' })),
  };
}
