// The composition root: creates and connects every part of the exporter.
import { isDeepStrictEqual } from 'node:util';
import type { Sdk } from '../acr/sdk.ts';
import type { Config } from '../config/config.ts';
import { Exposition } from '../metrics/exposition.ts';
import { SelfMetrics } from '../metrics/self-metrics.ts';
import type { EventChannel } from '../model/events.ts';
import { SCAN_STATUSES } from '../model/scan.ts';
import type { FoundRepository } from '../model/target.ts';
import type { StoreObserver } from '../state/store.ts';
import { Saver } from '../storage/saver.ts';
import type { Storage } from '../storage/storage.ts';
import type { Clock } from '../util/clock.ts';
import { InternalErrors } from '../util/internal-errors.ts';
import type { ListenAddress } from '../util/listen-address.ts';
import type { Logger } from '../util/logger.ts';
import type { Redactor } from '../util/redactor.ts';
import type { OpenSocket } from '../util/systemd-sockets.ts';
import { ConfigError, formatProblems } from '../util/yaml/problems.ts';
import { AccessControl } from '../web/access/access-control.ts';
import type { WebConfigWatcher } from '../web/access/web-config-watcher.ts';
import { EventWebhook } from '../web/events/event-webhook.ts';
import type { ReloadFailure } from '../web/overview.ts';
import { createRoutes, type ReloadResult } from '../web/routes.ts';
import { WebServer } from '../web/server.ts';
import { AutoReload, type WatchedFile } from './auto-reload.ts';
import { uncheckedInstances, uncheckedWarning, unusedProxyVariables } from './connection-report.ts';
import { PageData } from './page-data.ts';
import { createPipeline, type Pipeline, timingOf } from './pipeline.ts';
import { ReloadQueue } from './reload-queue.ts';
import type { OwnershipChange, Replica, ReplicaOptions } from './replica.ts';
import { SchedulerPool } from './scheduler-pool.ts';
import type { SharedState } from './shared-state.ts';
import { SnapshotCapture } from './snapshot-capture.ts';
import { SnapshotRestore } from './snapshot-restore.ts';

/** What a replica uses of the exporter. */
export type ReplicaParts = Pick<ReplicaOptions, 'errors' | 'watchList' | 'tags' | 'receive' | 'schedulers' | 'apply'>;

/** The parts that a test may replace. */
export type AppDependencies = {
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly logger: Logger;
  /** The number of log lines lost so far. */
  readonly droppedLogLines: () => number;
  readonly redactor: Redactor;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Reads the configuration for a reload. Rejects with {@link ConfigError}. */
  readonly loadConfig: () => Promise<Config>;
  /** The configuration file and how often to look whether it has changed. Undefined: it is not watched. */
  readonly autoReload?: { readonly file: WatchedFile; readonly intervalMs: number } | undefined;
  readonly loadSdk: () => Promise<Sdk>;
  /** Creates this exporter's part in the replicas of the configuration. Undefined without replicas. */
  readonly createReplica?: ((parts: ReplicaParts) => Replica) | undefined;
  /** Where what is known outlives the process, and how often it is saved. Undefined: it does not. */
  readonly storage?: { readonly place: Storage; readonly intervalMs: number } | undefined;
  readonly listenAddresses: readonly (ListenAddress | OpenSocket)[];
  /** Where others reach the exporter, without a slash at its end: `https://example.com/acr`, `/acr`, or empty. */
  readonly externalUrl: string;
  /** Before every path: `/acr`, or empty. */
  readonly routePrefix: string;
  readonly telemetryPath: string;
  /** TLS and authentication. Undefined: plain HTTP for everyone. */
  readonly webSettings: WebConfigWatcher | undefined;
  /** Gives the text of a certificate that signs events. Rejects with a message for the log. */
  readonly fetchCertificate: (url: string) => Promise<string>;
  /** Where the certificates of a region are, instead of at Alibaba Cloud: for a simulator. */
  readonly certificateOrigin?: (region: string) => string;
  /** Whether `process_*` and `nodejs_*` are shown. */
  readonly processMetrics: boolean;
  /** Whether `POST /-/reload` is allowed. */
  readonly enableLifecycle: boolean;
  readonly build: { readonly version: string; readonly revision: string; readonly nodeVersion: string };
};

/** How long a stop waits for scrapes. */
const STOP_GRACE_MS = 4_500;

export class App {
  readonly #deps: AppDependencies;
  readonly #stopping = new AbortController();
  readonly #startedMs: number;
  readonly #selfMetrics: SelfMetrics;
  readonly #errors: InternalErrors;
  readonly #exposition: Exposition;
  readonly #pipeline: Pipeline;
  readonly #schedulerPool: SchedulerPool;
  readonly #pageData: PageData;
  readonly #accessControl: AccessControl;
  readonly #webhook: EventWebhook;
  /** Undefined for one exporter alone. */
  readonly #replica: Replica | undefined;
  readonly #server: WebServer;
  readonly #reloads = new ReloadQueue(() => this.#reload());
  /** The configuration in force. */
  #config: Config;
  /** Undefined until the SDK is loaded. */
  #sdk: Sdk | undefined;
  #isPolling = false;
  #reloadFailure: ReloadFailure | undefined;
  /** Undefined without storage, and until it is loaded. */
  #saver: Saver | undefined;
  #saved: Promise<void> = Promise.resolve();

  /** Creates everything, but reads, listens and sends nothing before {@link start}. */
  constructor(config: Config, deps: AppDependencies) {
    const { clock, random, logger, redactor, env, droppedLogLines, processMetrics } = deps;
    this.#config = config;
    this.#deps = deps;
    this.#startedMs = clock.now();
    const schedulers = () => this.#schedulerPool.schedulers();
    const selfMetrics = new SelfMetrics({
      schedulers,
      discoveries: () => this.#pipeline.discoveryManager.statuses(),
      events: () => this.#pipeline.eventManager.statuses(),
      saves: () => this.#saver?.status,
      replica: () => this.#replica?.status,
      droppedLogLines,
      processMetrics,
    });
    const errors = new InternalErrors({ logger, clock, count: (component) => selfMetrics.internalError(component) });
    const exposition = new Exposition(selfMetrics);
    this.#selfMetrics = selfMetrics;
    this.#errors = errors;
    this.#exposition = exposition;
    this.#replica = this.#createReplica();
    this.#pipeline = createPipeline({
      observer: this.#replica === undefined ? exposition : observersOf(exposition, this.#replica.sharedState),
      owns: (instanceId, repository) => this.#owns(instanceId, repository),
      forward: (event, channel) => this.#replica?.forward(event, channel) ?? false,
      meter: selfMetrics,
      clock,
      random,
      logger,
      errors,
      stopping: this.#stopping.signal,
      timing: timingOf(config),
      maxTags: config.maxTags,
      holdScrapes: (change) => exposition.holdDuring(change),
    });
    const { watchList } = this.#pipeline;
    this.#schedulerPool = new SchedulerPool({
      env,
      clock,
      logger,
      redactor,
      watchList,
      errors,
      group: this.#replica,
    });
    this.#pageData = new PageData({ ...this.#pipeline, clock, schedulers, about: () => this.#about() });
    this.#accessControl = new AccessControl(deps.webSettings, { clock, logger });
    this.#webhook = new EventWebhook({
      ...deps,
      stopping: this.#stopping.signal,
      meter: selfMetrics,
      receive: (event) => this.#pipeline.eventManager.intake.receive(event, 'webhook'),
      failed: (error) => errors.report('events', error),
    });
    this.#server = new WebServer({
      listener: this.#routes(),
      accessControl: this.#accessControl,
      hasOwnProof: (request) => this.#webhook.isFor(request),
      clock,
      logger,
    });
  }

  /** Resolves when polling runs. Rejects when an address cannot be listened on or the SDK cannot be loaded. */
  start(): Promise<{ addresses: readonly string[] }> {
    const started = this.#start();
    // A reload needs the first configuration in force, and a loaded SDK.
    this.#reloads.waitFor(started);
    return started;
  }

  /**
   * Reads the configuration and puts it in force. If it has problems, the old one stays and the result lists them. Reloads run one at a time.
   * Never rejects.
   */
  reload(): Promise<ReloadResult> {
    return this.#reloads.add();
  }

  /** Starts no new poll, lets running scrapes finish, and closes the server. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#schedulerPool.stop();
    await Promise.all([this.#server.close(STOP_GRACE_MS), this.#saved, this.#replica?.stop()]);
    await this.#deps.storage?.place.close();
  }

  async #start(): Promise<{ addresses: readonly string[] }> {
    const { clock, logger, build, listenAddresses, loadSdk, autoReload } = this.#deps;
    this.#selfMetrics.setBuildInfo({ ...build, sdk: '' });
    this.#warnOfConnections(this.#config);
    await this.#restore();
    this.#selfMetrics.configReloaded(true, clock.now());
    const addresses = await this.#server.listen(listenAddresses);
    for (const address of addresses) logger.info('listening', { address, tls: this.#accessControl.isEncrypted });
    this.#sdk = await loadSdk();
    this.#selfMetrics.setBuildInfo({ ...build, sdk: this.#sdk.label });
    await this.#schedulerPool.configure(this.#config, this.#sdk);
    if (!this.#stopping.signal.aborted) this.#schedulerPool.start();
    this.#isPolling = true;
    this.#replica?.start();
    logger.info('polling', { tags: this.#pipeline.store.size, sdk: this.#sdk.label });
    if (autoReload !== undefined) {
      const watcher = new AutoReload({ ...autoReload, clock, logger, reload: () => this.reload() });
      void watcher.run(this.#stopping.signal);
    }
    return { addresses };
  }

  /** Applies the configuration, and restores what a former process knew of its tags. From then on, what is known is saved. */
  async #restore(): Promise<void> {
    const { storage, clock, logger } = this.#deps;
    if (storage !== undefined && this.#replica !== undefined)
      logger.warn('--storage.path is not used: replicas keep their state in Redis');
    if (storage === undefined || this.#replica !== undefined) return this.#apply(this.#config);
    const { place, intervalMs } = storage;
    const sources = { ...this.#pipeline, schedulerPool: this.#schedulerPool };
    const { records, savedMs } = await place.load();
    const restore = new SnapshotRestore(records, savedMs, sources);
    await this.#apply(this.#config, restore);
    const { restored: tags, invalid } = restore.result;
    this.#selfMetrics.stateRestored(tags);
    if (savedMs !== undefined) {
      // With many tags this takes a second, and the first scrape would wait for it.
      await this.#unlessBroken(this.#exposition.prepare());
      logger.info('state restored', { tags, saved: new Date(savedMs).toISOString() });
      if (invalid > 0)
        logger.warn('records of the saved state were not understood and are left out', { records: invalid });
    }
    if (this.#stopping.signal.aborted) return;
    this.#saver = new Saver({ storage: place, source: new SnapshotCapture(sources), intervalMs, clock, logger });
    this.#saved = this.#saver.run(this.#stopping.signal);
  }

  async #reload(): Promise<ReloadResult> {
    const { clock, logger, loadConfig } = this.#deps;
    try {
      const config = await loadConfig();
      const before = this.#counted();
      const isSame = isDeepStrictEqual(uncheckedInstances(config), uncheckedInstances(this.#config));
      const hasSameReplicas = isDeepStrictEqual(config.replicas, this.#config.replicas);
      await this.#exposition.holdDuring(() => {
        this.#pageData.hold();
        return this.#replace(config);
      });
      if (!isSame) this.#warnOfUnchecked(config);
      if (!hasSameReplicas) logger.warn('replicas have changed in the configuration: restart the exporter to use them');
      this.#selfMetrics.configReloaded(true, clock.now());
      this.#reloadFailure = undefined;
      const after = this.#counted();
      logger.info('configuration reloaded', {
        tags: this.#pipeline.store.size,
        tags_added: after.tags.added - before.tags.added,
        tags_removed: after.tags.removed - before.tags.removed,
        ...changesOf('repositories', before.repositories, after.repositories),
        ...changesOf('instances', before.instances, after.instances),
      });
      return { problems: [] };
    } catch (error) {
      this.#selfMetrics.configReloaded(false, clock.now());
      if (!(error instanceof ConfigError)) this.#errors.report('reload', error);
      const problems = error instanceof ConfigError ? formatProblems(error.problems) : [String(error)];
      this.#reloadFailure = { timeMs: clock.now(), problems };
      for (const problem of problems) logger.error('configuration not reloaded', { problem });
      return { problems };
    } finally {
      this.#pageData.release();
    }
  }

  #warnOfConnections(config: Config): void {
    const { logger, env } = this.#deps;
    const unused = unusedProxyVariables(config, env);
    if (unused !== undefined) logger.info(unused);
    this.#warnOfUnchecked(config);
  }

  #warnOfUnchecked(config: Config): void {
    const warning = uncheckedWarning(config);
    if (warning !== undefined) this.#deps.logger.warn(warning);
  }

  /** What the log line of a reload compares. */
  #counted() {
    const { store, watchList } = this.#pipeline;
    return {
      tags: store.turnover,
      repositories: new Set(watchList.repositories()),
      instances: new Set(idsOf(this.#config)),
    };
  }

  /** Applies another configuration. If an error of the exporter itself interrupts this, applies the configuration in force again. */
  async #replace(config: Config): Promise<void> {
    try {
      await this.#apply(config);
    } catch (error) {
      await this.#apply(this.#config).catch((again) => this.#errors.report('reload', again));
      throw error;
    }
  }

  /**
   * @param restore restores what a former process, or another replica, knew
   * @param takesOver whether this replica gets repositories of others
   */
  async #apply(config: Config, restore?: SnapshotRestore, takesOver = false): Promise<void> {
    const { watchList, polls, discoveryManager, eventManager, reconciler } = this.#pipeline;
    const timing = timingOf(config);
    const isOtherTiming = !isDeepStrictEqual(timing, polls.timing);
    polls.timing = timing;
    // Until the former instances are removed, their requests still count.
    this.#selfMetrics.setInstances([...idsOf(this.#config), ...idsOf(config)]);
    this.#exposition.perTag = config.metrics.perTag;
    this.#replica?.configure(config);
    const instances = await this.#schedulerPool.configure(config, this.#sdk);
    const owned = config.instances.map((instance) => ({
      ...instance,
      repositories: instance.repositories.filter((repository) => this.#owns(instance.id, repository)),
    }));
    await watchList.apply(owned, instances);
    await this.#unlessBroken(restore?.beforeDiscovery());
    const { webhook, completeMs } = config.events;
    const hasWebhook = webhook !== undefined;
    this.#selfMetrics.setEvents(channelsOf(config));
    this.#webhook.configure(
      webhook,
      config.instances.map(({ region }) => region),
    );
    const feeds = config.instances.map(({ id, feedMs }) => {
      const isOwn = this.#replica?.ownsFeed(id) ?? true;
      return { id, feedMs: isOwn ? feedMs : undefined, isForwarded: !isOwn && feedMs !== undefined };
    });
    const isSooner = eventManager.configure(feeds, { hasWebhook, completeMs }, instances);
    await discoveryManager.configure(config.instances, config.discoveryIntervalMs, instances, takesOver);
    await this.#unlessBroken(restore?.tags());
    await reconciler.limit(config.maxTags);
    this.#schedulerPool.retireUnused();
    if (isOtherTiming || isSooner) await watchList.hasten();
    this.#selfMetrics.setInstances(idsOf(config));
    this.#config = config;
  }

  /** An error of our own code in a restore must not end every start with this snapshot. What was restored before is whole tag by tag. */
  async #unlessBroken(restoring: Promise<void> | undefined): Promise<void> {
    await restoring?.catch((error: unknown) => this.#errors.report('storage', error));
  }

  #owns(instanceId: string, repository: FoundRepository): boolean {
    return this.#replica?.owns(instanceId, repository) ?? true;
  }

  #createReplica(): Replica | undefined {
    return this.#deps.createReplica?.({
      errors: this.#errors,
      watchList: () => this.#pipeline.watchList,
      tags: () => this.#pipeline.store.size,
      receive: (event, channel) => this.#pipeline.eventManager.intake.receiveForwarded(event, channel),
      schedulers: () => this.#schedulerPool.all,
      apply: (change) => this.#reloads.between(async () => this.#changeOwnership(await change())),
    });
  }

  /** Applies the configuration in force again, because this replica owns other repositories now. */
  async #changeOwnership({ records, takesOver }: OwnershipChange): Promise<void> {
    const schedulerPool = this.#schedulerPool;
    const restore = new SnapshotRestore(records, undefined, { ...this.#pipeline, schedulerPool });
    const applied = this.#exposition.holdDuring(() => this.#apply(this.#config, restore, takesOver));
    await Promise.all(schedulerPool.all.map((scheduler) => scheduler.holdDuring(applied)));
    await applied;
  }

  #routes(): ReturnType<typeof createRoutes> {
    const { externalUrl, routePrefix, telemetryPath, enableLifecycle } = this.#deps;
    return createRoutes({
      externalUrl,
      routePrefix,
      telemetryPath,
      metrics: async (request) => {
        await this.#replica?.settled();
        return this.#exposition.scrape(request);
      },
      isReady: () => this.#isReady,
      statuses: SCAN_STATUSES,
      overview: () => this.#pageData.overview(),
      problems: (range) => this.#pageData.problems(range),
      details: (row) => this.#pageData.details(row),
      targets: () => this.#pageData.targets(),
      reload: enableLifecycle ? () => this.reload() : undefined,
      events: this.#webhook,
      failed: (error) => this.#errors.report('web', error),
    });
  }

  get #isReady(): boolean {
    return this.#isPolling && !this.#stopping.signal.aborted && this.#schedulerPool.isScheduling;
  }

  #about() {
    const { build, telemetryPath } = this.#deps;
    return {
      startedMs: this.#startedMs,
      version: build.version,
      revision: build.revision,
      sdk: this.#sdk?.label ?? '',
      telemetryPath,
      ready: this.#isReady,
      instances: this.#config.instances.length,
      reloadFailure: this.#reloadFailure,
      replica: this.#replica?.status,
    };
  }
}

/** Reports every change to the exposition, and those of tags to the other replicas too. */
function observersOf(exposition: Exposition, sharedState: SharedState): StoreObserver {
  return {
    tagAdded(tag) {
      exposition.tagAdded(tag);
      sharedState.tagAdded(tag);
    },
    tagChanged(tag, isRestored) {
      exposition.tagChanged(tag);
      sharedState.tagChanged(tag, isRestored);
    },
    tagRemoved(tag) {
      exposition.tagRemoved(tag);
      sharedState.tagRemoved(tag);
    },
    repositoryAdded: (totals) => exposition.repositoryAdded(totals),
    repositoryChanged: (totals) => exposition.repositoryChanged(totals),
    repositoryRemoved: (totals) => exposition.repositoryRemoved(totals),
  };
}

function idsOf({ instances }: Config): readonly string[] {
  return instances.map(({ id }) => id);
}

/** The channels by which events of each instance may come; without instances that have none. */
function channelsOf({ events, instances }: Config): ReadonlyMap<string, readonly EventChannel[]> {
  const channels = instances.map(({ id, feedMs }): [string, EventChannel[]] => [
    id,
    [...(feedMs === undefined ? [] : ['feed' as const]), ...(events.webhook === undefined ? [] : ['webhook' as const])],
  ]);
  return new Map(channels.filter(([, each]) => each.length > 0));
}

/** The number of items, and how many were added and removed, as log fields. */
function changesOf<Item>(what: string, before: ReadonlySet<Item>, after: ReadonlySet<Item>): Record<string, number> {
  let kept = 0;
  for (const each of after) if (before.has(each)) kept += 1;
  return { [what]: after.size, [`${what}_added`]: after.size - kept, [`${what}_removed`]: before.size - kept };
}
