// The composition root: everything is wired here and nowhere else.
import { setImmediate } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Sdk } from '../acr/client.ts';
import type { Config } from '../config/config.ts';
import { Exposition } from '../metrics/exposition.ts';
import { SelfMetrics } from '../metrics/self-metrics.ts';
import { SCAN_STATUSES } from '../model/scan.ts';
import type { Clock } from '../util/clock.ts';
import { InternalErrors } from '../util/internal-errors.ts';
import type { ListenAddress } from '../util/listen-address.ts';
import type { Logger } from '../util/logger.ts';
import type { Redactor } from '../util/redactor.ts';
import { ConfigError, formatProblems } from '../util/yaml/problems.ts';
import { AccessControl } from '../web/access/access-control.ts';
import type { WebConfigWatcher } from '../web/access/web-config-watcher.ts';
import type { TargetList } from '../web/overview.ts';
import { createRoutes, type ReloadResult } from '../web/routes.ts';
import { WebServer } from '../web/server.ts';
import { overviewOf, type WatchedOverview, watchedOverview } from './overview.ts';
import { SchedulerPool } from './scheduler-pool.ts';
import { WatchedTargets } from './watched-targets.ts';
import { createWatching, timingOf } from './watching.ts';

/** What the program is made of that a test may want otherwise. */
export type AppDependencies = {
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly logger: Logger;
  /** How many lines of the log were lost so far. */
  readonly droppedLogLines: () => number;
  readonly redactor: Redactor;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Reads the configuration for a reload. Rejects with {@link ConfigError}. */
  readonly loadConfig: () => Promise<Config>;
  readonly loadSdk: () => Promise<Sdk>;
  readonly listenAddress: ListenAddress;
  readonly telemetryPath: string;
  /** Says who may scrape, and how. Undefined: everyone, over HTTP. */
  readonly webSettings: WebConfigWatcher | undefined;
  /** Whether `process_*` and `nodejs_*` are shown. */
  readonly processMetrics: boolean;
  /** Whether `POST /-/reload` is allowed. */
  readonly enableLifecycle: boolean;
  readonly build: { readonly version: string; readonly revision: string; readonly nodeVersion: string };
};

export interface App {
  /** Resolves when polling runs. Rejects when the address cannot be listened on or the SDK cannot be loaded. */
  start(): Promise<{ address: string }>;
  /** Puts the present file in force, or says why the old one stays. One at a time; never rejects. */
  reload(): Promise<ReloadResult>;
  /** Starts no new poll, lets the scrapes under way finish, and closes. */
  stop(): Promise<void>;
}

/** How long a stop waits for scrapes. */
const STOP_GRACE_MS = 4_500;

/** Puts the program together. */
export function createApp(initial: Config, deps: AppDependencies): App {
  const { clock, random, logger, redactor, env, build } = deps;
  const accessControl = new AccessControl(deps.webSettings, logger);
  const stopping = new AbortController();
  const own = new SelfMetrics({
    schedulers: () => schedulerPool.schedulers(),
    discoveries: () => discoveryManager.statuses(),
    droppedLogLines: deps.droppedLogLines,
    processMetrics: deps.processMetrics,
  });
  const errors = new InternalErrors({ logger, clock, count: (component) => own.internalError(component) });
  const exposition = new Exposition(own);
  const timing = timingOf(initial);
  const { maxTags } = initial;
  const { store, watchList, polls, discoveryManager, tagLimit } = createWatching({
    observer: exposition,
    meter: own,
    clock,
    random,
    logger,
    errors,
    stopping: stopping.signal,
    timing,
    maxTags,
    turn: () => setImmediate(),
    holdScrapes: (change) => exposition.holdDuring(change),
  });
  const schedulerPool: SchedulerPool = new SchedulerPool({
    env,
    clock,
    logger,
    redactor,
    watchList,
    errors,
  });
  const startedMs = clock.now();
  let instanceIds: readonly string[] = [];
  let inForce = initial;
  let sdk: Sdk | undefined;
  let polling = false;
  let lastReload: Promise<unknown> = Promise.resolve();
  /** While a reload is being applied: what pages for people go on to show. */
  let held: { readonly targets: TargetList; readonly watched: WatchedOverview } | undefined;
  let waitingReload: Promise<ReloadResult> | undefined;

  const isReady = () => polling && !stopping.signal.aborted && schedulerPool.isScheduling;
  const about = () => ({
    startedMs,
    version: build.version,
    revision: build.revision,
    sdk: sdk?.label ?? '',
    telemetryPath: deps.telemetryPath,
    ready: isReady(),
  });
  const targets = new WatchedTargets({ watchList, store, clock });
  const watched = () => watchedOverview({ store, discoveryManager, tagLimit });
  const listener = createRoutes({
    telemetryPath: deps.telemetryPath,
    metrics: (request) => exposition.scrape(request),
    isReady,
    statuses: SCAN_STATUSES,
    overview: () =>
      overviewOf({
        clock,
        watched: () => held?.watched ?? watched(),
        schedulers: () => schedulerPool.schedulers(),
        about,
      }),
    targets: () => held?.targets ?? targets.list(),
    reload: deps.enableLifecycle ? () => reload() : undefined,
    failed: (error) => errors.report('web', error),
  });
  const server = new WebServer({ listener, accessControl, clock, logger });

  async function put(config: Config): Promise<void> {
    const ids = config.instances.map(({ id }) => id);
    const timing = timingOf(config);
    const isOtherTiming = !isDeepStrictEqual(timing, polls.timing);
    polls.timing = timing;
    own.setInstances([...instanceIds, ...ids]);
    exposition.perTag = config.metrics.perTag;
    const instances = await schedulerPool.configure(config, sdk);
    await watchList.apply(config.instances, instances);
    await discoveryManager.configure(config.instances, config.discoveryIntervalMs, instances);
    await discoveryManager.limit(config.maxTags);
    schedulerPool.retireUnused();
    if (isOtherTiming) await watchList.hasten();
    own.setInstances(ids);
    instanceIds = ids;
    inForce = config;
  }

  /** Puts another configuration in force. Where an error of our own stops that half way, the one before is put in force again. */
  async function replace(config: Config): Promise<void> {
    const before = inForce;
    try {
      await put(config);
    } catch (error) {
      await put(before).catch((again) => errors.report('reload', again));
      throw error;
    }
  }

  async function start(config: Config): Promise<{ address: string }> {
    own.setBuildInfo({ ...build, sdk: '' });
    await put(config);
    own.configReloaded(true, clock.now());
    const address = await server.listen(deps.listenAddress);
    logger.info('listening', { address, tls: accessControl.isEncrypted });
    sdk = await deps.loadSdk();
    own.setBuildInfo({ ...build, sdk: sdk.label });
    await schedulerPool.configure(config, sdk);
    if (!stopping.signal.aborted) schedulerPool.start();
    polling = true;
    logger.info('polling', { tags: store.size, sdk: sdk.label });
    return { address };
  }

  /** One at a time. Whoever asks while one waits for its turn gets the result of that one: it has not read the file yet. */
  function reload(): Promise<ReloadResult> {
    waitingReload ??= lastReload.then(() => {
      waitingReload = undefined;
      return reloadNow();
    });
    lastReload = waitingReload;
    return waitingReload;
  }

  async function reloadNow(): Promise<ReloadResult> {
    try {
      const config = await deps.loadConfig();
      const before = {
        tags: store.turnover,
        repositories: new Set(watchList.repositories()),
        instances: new Set(instanceIds),
      };
      await exposition.holdDuring(() => {
        held = { targets: targets.list(), watched: watched() };
        return replace(config);
      });
      own.configReloaded(true, clock.now());
      logger.info('configuration reloaded', {
        tags: store.size,
        tags_added: store.turnover.added - before.tags.added,
        tags_removed: store.turnover.removed - before.tags.removed,
        ...changesOf('repositories', before.repositories, new Set(watchList.repositories())),
        ...changesOf('instances', before.instances, new Set(instanceIds)),
      });
      return { problems: [] };
    } catch (error) {
      own.configReloaded(false, clock.now());
      if (!(error instanceof ConfigError)) errors.report('reload', error);
      const problems = error instanceof ConfigError ? formatProblems(error.problems) : [String(error)];
      for (const problem of problems) logger.error('configuration not reloaded', { problem });
      return { problems };
    } finally {
      held = undefined;
    }
  }

  return {
    start() {
      const started = start(initial);
      // A reload that is asked for meanwhile waits: it would find nothing to replace.
      lastReload = started.catch(() => {});
      return started;
    },
    reload,
    async stop() {
      stopping.abort();
      schedulerPool.stop();
      await server.close(STOP_GRACE_MS);
    },
  };
}

/** How many there are, and how many came and went, as log fields. */
function changesOf<Item>(what: string, before: ReadonlySet<Item>, after: ReadonlySet<Item>): Record<string, number> {
  let kept = 0;
  for (const each of after) if (before.has(each)) kept += 1;
  return { [what]: after.size, [`${what}_added`]: after.size - kept, [`${what}_removed`]: before.size - kept };
}
