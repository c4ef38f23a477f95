// The schedulers and API clients of the configuration: one scheduler for each set of credentials, one client for each instance.

import { createAcrApi } from '../acr/acr-api.ts';
import { Routes } from '../acr/connections/routes.ts';
import { type CredentialSource, createCredentialSource } from '../acr/credentials/credentials.ts';
import { ErrorCodeLimiter } from '../acr/error-code-limiter.ts';
import type { Sdk } from '../acr/sdk.ts';
import type { Config, InstanceConfig } from '../config/config.ts';
import { type CredentialSet, credentialSets } from '../config/credential-sets.ts';
import type { ConnectionSettings } from '../model/connection-settings.ts';
import type { SchedulerStatus } from '../model/exporter-status.ts';
import type { Moment, RestoreMoment } from '../model/moment.ts';
import type { RateMemory, RateRecord } from '../model/snapshot.ts';
import type { WatchedInstance } from '../polling/watched-instance.ts';
import { AdaptiveRate } from '../scheduler/adaptive-rate.ts';
import { RateLimiter } from '../scheduler/rate-limiter.ts';
import { type Quota, Scheduler } from '../scheduler/scheduler.ts';
import type { WatchList } from '../targets/watch-list.ts';
import type { Clock } from '../util/clock.ts';
import type { InternalErrors } from '../util/internal-errors.ts';
import type { Logger } from '../util/logger.ts';
import type { Redactor } from '../util/redactor.ts';

/** The replicas, for every set of credentials. */
export interface SchedulerPoolGroup {
  /** The part of a rate that this replica may use now, in requests per second. */
  share(credentials: string, total: number): number;
  throttled(credentials: string, retryAfterMs: number | undefined): void;
  refused(credentials: string): void;
}

export type SchedulerPoolOptions = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly redactor: Redactor;
  readonly watchList: WatchList;
  readonly errors: InternalErrors;
  /** The replicas that share the rates; undefined for one exporter alone. */
  readonly group: SchedulerPoolGroup | undefined;
};

/** `settingsKey` is the settings that `source` was created from. `source` is undefined until the SDK is loaded. */
type SchedulerEntry = {
  readonly scheduler: Scheduler;
  readonly stopping: AbortController;
  source: CredentialSource | undefined;
  settingsKey: string;
};

/** `clientKey` and `source` are what the API client of the instance was created from. */
type InstanceEntry = { readonly instance: WatchedInstance; clientKey: string; source: CredentialSource | undefined };

/** The number of sets of credentials whose quota is kept after they were removed from the configuration. */
const MAX_RETIRED = 100;

export class SchedulerPool {
  readonly #options: SchedulerPoolOptions;
  readonly #errorCodes: ErrorCodeLimiter;
  /** By set of credentials. An entry that the configuration no longer has stays until {@link retireUnused}. */
  readonly #schedulers = new Map<string, SchedulerEntry>();
  /** The quotas of removed sets, oldest first: a set that is added again does not start with a fresh quota. */
  readonly #retired = new Map<string, Quota>();
  #instances = new Map<string, InstanceEntry>();
  /** By connection settings: instances with the same settings share their connections. */
  #routes = new Map<string, Routes>();
  #inUse: readonly SchedulerEntry[] = [];
  #isOn = false;

  constructor(options: SchedulerPoolOptions) {
    this.#options = options;
    this.#errorCodes = new ErrorCodeLimiter(options.redactor);
  }

  /**
   * Creates and changes schedulers and clients as the configuration says. Those that did not change keep running. Schedulers that the
   * configuration no longer needs keep running until their tasks are moved: see {@link retireUnused}.
   *
   * @param sdk undefined until it is loaded: schedulers exist and take tasks, but send nothing
   * @returns the instances by id
   */
  async configure(config: Config, sdk: Sdk | undefined): Promise<ReadonlyMap<string, WatchedInstance>> {
    const sets = credentialSets(config);
    const routesBefore = this.#routes;
    this.#routes = new Map();
    for (const { connection } of [...sets, ...config.instances]) {
      const key = JSON.stringify(connection);
      this.#routes.set(key, routesBefore.get(key) ?? this.#routes.get(key) ?? new Routes(connection, this.#options));
    }
    this.#inUse = sets.map((set) => this.#schedulerEntry(set, config, sdk));
    const setOf = new Map(sets.flatMap(({ name, instanceIds }) => instanceIds.map((id) => [id, name])));
    const instances = new Map<string, InstanceEntry>();
    const moves: Promise<void>[] = [];
    for (const each of config.instances) {
      const entry = this.#schedulers.get(setOf.get(each.id) ?? '');
      if (entry === undefined) continue;
      const instanceEntry = this.#instanceEntry(each, config, entry, sdk);
      const { instance } = instanceEntry;
      if (instance.scheduler !== entry.scheduler)
        moves.push(this.#options.watchList.moveToScheduler(instance, entry.scheduler));
      instances.set(each.id, instanceEntry);
    }
    this.#instances = instances;
    for (const [key, routes] of routesBefore) if (!this.#routes.has(key)) routes.close();
    await Promise.all(moves);
    return new Map([...instances].map(([id, { instance }]) => [id, instance]));
  }

  /** Stops the schedulers whose credentials are no longer configured. Call it after their tasks were moved or removed. */
  retireUnused(): void {
    for (const [name, entry] of this.#schedulers) {
      if (this.#inUse.includes(entry)) continue;
      const { scheduler } = entry;
      if (scheduler.size > 0) {
        const left = `${scheduler.size} tasks are left under credentials that are not configured any more`;
        this.#options.errors.report('scheduler', new Error(left), { credentials: name });
        continue;
      }
      stop(entry);
      this.#schedulers.delete(name);
      this.#retired.set(name, scheduler.quota);
      const [oldest] = this.#retired.keys();
      if (this.#retired.size > MAX_RETIRED && oldest !== undefined) this.#retired.delete(oldest);
    }
  }

  /** Starts every scheduler, and every one that is created later. */
  start(): void {
    this.#isOn = true;
    for (const entry of this.#schedulers.values()) launch(entry);
  }

  /** Stops every scheduler and the renewal of its credentials. Does not wait for requests under way. */
  stop(): void {
    this.#isOn = false;
    for (const entry of this.#schedulers.values()) stop(entry);
  }

  /** Whether all schedulers of the configuration run. */
  get isScheduling(): boolean {
    return this.#inUse.every(({ scheduler }) => scheduler.isRunning);
  }

  /** The status of the schedulers of the configuration, for the `acr_scheduler_*` families. */
  schedulers(): readonly SchedulerStatus[] {
    const nowMs = this.#options.clock.monotonic();
    return this.#inUse.map(({ scheduler, source }) => {
      const { urgent, background } = scheduler.backlog(nowMs);
      return {
        credentials: scheduler.name,
        running: scheduler.isRunning,
        due: { urgent: urgent.due, background: background.due },
        oldestDueSeconds: { urgent: urgent.oldestMs / 1_000, background: background.oldestMs / 1_000 },
        inFlight: scheduler.inFlight,
        rate: scheduler.rate,
        inUse: source?.inUse(),
        refusal: scheduler.refusal,
        paused: { refused: scheduler.breaker.isRefused, throttled: scheduler.quota.adaptiveRate.pausedUntilMs > nowMs },
      };
    });
  }

  /** The schedulers of the configuration, by the name of their credentials. */
  get all(): readonly Scheduler[] {
    return this.#inUse.map(({ scheduler }) => scheduler);
  }

  /** The rates that throttling has lowered. */
  *rates(moment: Moment): Generator<RateRecord> {
    for (const { scheduler } of this.#inUse) {
      const memory = scheduler.quota.adaptiveRate.memory(moment);
      if (memory !== undefined) yield { kind: 'rate', credentials: scheduler.name, ...memory };
    }
  }

  /** Goes on with the rate that a former process knew. */
  resumeRate(credentials: string, memory: RateMemory, moment: RestoreMoment): void {
    this.#schedulers.get(credentials)?.scheduler.quota.adaptiveRate.resume(memory, moment);
  }

  #schedulerEntry(set: CredentialSet, { rateLimit }: Config, sdk: Sdk | undefined): SchedulerEntry {
    const { name, settings, connection } = set;
    const settingsKey = JSON.stringify([settings, connection]);
    const known = this.#schedulers.get(name);
    const entry = known ?? {
      scheduler: this.#scheduler(name, rateLimit),
      stopping: new AbortController(),
      source: undefined,
      settingsKey,
    };
    if (known !== undefined) known.scheduler.configure(rateLimit);
    else this.#schedulers.set(name, entry);
    if (sdk !== undefined && (entry.source === undefined || entry.settingsKey !== settingsKey)) {
      entry.source?.stop();
      entry.source = this.#source(set, sdk);
      entry.scheduler.useCredentials(entry.source);
    }
    entry.settingsKey = settingsKey;
    if (known === undefined && this.#isOn) launch(entry);
    return entry;
  }

  #source({ name, settings, connection }: CredentialSet, { providers }: Sdk): CredentialSource {
    const { env, clock, logger, redactor, errors } = this.#options;
    const report = (error: unknown) => errors.report('scheduler', error, { credentials: name });
    const routes = this.#routesOf(connection);
    return createCredentialSource(settings, { name, providers, routes, env, clock, logger, redactor, report });
  }

  #routesOf(connection: ConnectionSettings): Routes {
    const routes = this.#routes.get(JSON.stringify(connection));
    if (routes === undefined) throw new Error('a connection has no routes');
    return routes;
  }

  #scheduler(name: string, limits: Config['rateLimit']): Scheduler {
    const { clock, logger, errors, group } = this.#options;
    const retired = this.#retired.get(name);
    this.#retired.delete(name);
    return new Scheduler({
      name,
      limits,
      quota: retired ?? {
        limiter: new RateLimiter(limits, clock),
        adaptiveRate: new AdaptiveRate(limits.requestsPerSecond),
      },
      ...(group && {
        group: {
          share: (total) => group.share(name, total),
          throttled: (retryAfterMs) => group.throttled(name, retryAfterMs),
          refused: () => group.refused(name),
        },
      }),
      clock,
      errors,
      logger,
    });
  }

  #instanceEntry(
    config: InstanceConfig,
    { requestTimeoutMs }: Config,
    schedulerEntry: SchedulerEntry,
    sdk: Sdk | undefined,
  ): InstanceEntry {
    const { id, region, endpoint, connection } = config;
    const known = this.#instances.get(id);
    const entry = known ?? { instance: newInstance(id, schedulerEntry.scheduler), clientKey: '', source: undefined };
    const clientKey = JSON.stringify([region, endpoint, connection, requestTimeoutMs]);
    if (entry.clientKey === clientKey && entry.source === schedulerEntry.source) return entry;
    entry.clientKey = clientKey;
    entry.source = schedulerEntry.source;
    if (sdk !== undefined && schedulerEntry.source !== undefined) {
      const { redactor } = this.#options;
      const errorCodes = this.#errorCodes;
      const client = {
        sdk,
        endpoint,
        region,
        routes: this.#routesOf(connection),
        credentials: schedulerEntry.source,
        requestTimeoutMs,
        errorCodes,
        redactor,
      };
      entry.instance.api = createAcrApi(client);
    }
    return entry;
  }
}

function newInstance(id: string, scheduler: Scheduler): WatchedInstance {
  return { id, api: undefined, scheduler, tasks: new Set(), completeMs: undefined, discoveredTags: 0 };
}

function launch({ scheduler, stopping }: SchedulerEntry): void {
  void scheduler.run(stopping.signal);
}

function stop({ stopping, source }: SchedulerEntry): void {
  stopping.abort();
  source?.stop();
}
