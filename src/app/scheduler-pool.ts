// The schedulers and API clients that a configuration asks for: one scheduler for each set of credentials, one client for each instance.

import { createAcrApi } from '../acr/acr-api.ts';
import type { Sdk } from '../acr/client.ts';
import { type CredentialSource, createCredentialSource } from '../acr/credentials.ts';
import { ErrorCodeLimiter } from '../acr/error-code-limiter.ts';
import type { Config, InstanceConfig } from '../config/config.ts';
import { type CredentialSet, credentialSets } from '../config/credential-sets.ts';
import type { CredentialSettings } from '../model/credential-settings.ts';
import type { SchedulerStatus } from '../model/status.ts';
import type { WatchedInstance } from '../polling/instance.ts';
import { AdaptiveRate } from '../scheduler/adaptive-rate.ts';
import { RateLimiter } from '../scheduler/rate-limiter.ts';
import { type Quota, Scheduler } from '../scheduler/scheduler.ts';
import type { WatchList } from '../targets/watch-list.ts';
import type { Clock } from '../util/clock.ts';
import type { InternalErrors } from '../util/internal-errors.ts';
import type { Logger } from '../util/logger.ts';
import type { Redactor } from '../util/redactor.ts';

export type SchedulerPoolOptions = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly redactor: Redactor;
  readonly watchList: WatchList;
  readonly errors: InternalErrors;
};

/** A scheduler, what its credentials were made from, and what ends it. `source` is undefined until the SDK is loaded. */
type Berth = {
  readonly scheduler: Scheduler;
  readonly end: AbortController;
  source: CredentialSource | undefined;
  settingsKey: string;
};

/** An instance and what its client was made from. */
type EquippedInstance = { readonly instance: WatchedInstance; clientKey: string; source: CredentialSource | undefined };

/** Of so many sets of credentials that are not configured any more, it is known what they have used of their quota. */
const MOST_RETIRED = 100;

export class SchedulerPool {
  readonly #options: SchedulerPoolOptions;
  readonly #errorCodes: ErrorCodeLimiter;
  /** By set. One that the configuration lacks stays until {@link retireUnused}. */
  readonly #berths = new Map<string, Berth>();
  /** Of sets that have gone, so that one that comes back does not start with a fresh quota. The last to go is the last here. */
  readonly #retired = new Map<string, Quota>();
  #instances = new Map<string, EquippedInstance>();
  #inUse: readonly Berth[] = [];
  #isOn = false;

  constructor(options: SchedulerPoolOptions) {
    this.#options = options;
    this.#errorCodes = new ErrorCodeLimiter(options.redactor);
  }

  /**
   * Makes schedulers and clients those of the configuration; what is the same in both goes on as it is. Schedulers that are not needed any more
   * go on too, until what they schedule has been taken from them: see {@link retireUnused}.
   *
   * @param sdk undefined while it is being loaded: schedulers are there to schedule under, but nothing can be sent
   * @returns the instances by id
   */
  async configure(config: Config, sdk: Sdk | undefined): Promise<ReadonlyMap<string, WatchedInstance>> {
    const sets = credentialSets(config);
    this.#inUse = sets.map((set) => this.#berth(set, config, sdk));
    const setOf = new Map(sets.flatMap(({ name, instanceIds }) => instanceIds.map((id) => [id, name])));
    const instances = new Map<string, EquippedInstance>();
    const moves: Promise<void>[] = [];
    for (const each of config.instances) {
      const berth = this.#berths.get(setOf.get(each.id) ?? '');
      if (berth === undefined) continue;
      const equipped = this.#instance(each, config, berth, sdk);
      const { instance } = equipped;
      if (instance.scheduler !== berth.scheduler)
        moves.push(this.#options.watchList.moveToScheduler(instance, berth.scheduler));
      instances.set(each.id, equipped);
    }
    this.#instances = instances;
    await Promise.all(moves);
    return new Map([...instances].map(([id, { instance }]) => [id, instance]));
  }

  /** Ends the schedulers of credentials that are not configured any more. To be called when nothing is scheduled under them. */
  retireUnused(): void {
    for (const [name, berth] of this.#berths) {
      if (this.#inUse.includes(berth)) continue;
      const { scheduler } = berth;
      if (scheduler.size > 0) {
        const left = `${scheduler.size} tasks are left under credentials that are not configured any more`;
        this.#options.errors.report('scheduler', new Error(left), { credentials: name });
        continue;
      }
      stop(berth);
      this.#berths.delete(name);
      this.#retired.set(name, scheduler.quota);
      const [oldest] = this.#retired.keys();
      if (this.#retired.size > MOST_RETIRED && oldest !== undefined) this.#retired.delete(oldest);
    }
  }

  /** Starts every scheduler, and from now on each new one. */
  start(): void {
    this.#isOn = true;
    for (const berth of this.#berths.values()) launch(berth);
  }

  /** Ends every scheduler, and the renewal of its credentials. Requests under way are not waited for. */
  stop(): void {
    this.#isOn = false;
    for (const berth of this.#berths.values()) stop(berth);
  }

  /** Whether everything that is configured is being scheduled. */
  get isScheduling(): boolean {
    return this.#inUse.every(({ scheduler }) => scheduler.isRunning);
  }

  /** How the schedulers in use stand, as the `acr_scheduler_*` families show it. */
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
        rate: {
          configured: scheduler.quota.adaptiveRate.configured,
          current: scheduler.quota.adaptiveRate.current(nowMs),
        },
        inUse: source?.inUse(),
        paused: { refused: scheduler.breaker.refused, throttled: scheduler.quota.adaptiveRate.pausedUntilMs > nowMs },
      };
    });
  }

  #berth({ name, settings }: CredentialSet, { rateLimit }: Config, sdk: Sdk | undefined): Berth {
    const settingsKey = JSON.stringify(settings);
    const known = this.#berths.get(name);
    const berth = known ?? {
      scheduler: this.#scheduler(name, rateLimit),
      end: new AbortController(),
      source: undefined,
      settingsKey,
    };
    if (known !== undefined) known.scheduler.configure(rateLimit);
    else this.#berths.set(name, berth);
    if (sdk !== undefined && (berth.source === undefined || berth.settingsKey !== settingsKey)) {
      berth.source?.stop();
      berth.source = this.#source(name, settings, sdk);
      berth.scheduler.useCredentials(berth.source);
    }
    berth.settingsKey = settingsKey;
    if (known === undefined && this.#isOn) launch(berth);
    return berth;
  }

  #source(name: string, settings: CredentialSettings, { providers }: Sdk): CredentialSource {
    const { env, clock, logger, redactor, errors } = this.#options;
    const report = (error: unknown) => errors.report('scheduler', error, { credentials: name });
    return createCredentialSource(settings, { name, providers, env, clock, logger, redactor, report });
  }

  #scheduler(name: string, limits: Config['rateLimit']): Scheduler {
    const { clock, logger, errors } = this.#options;
    const retired = this.#retired.get(name);
    this.#retired.delete(name);
    return new Scheduler({
      name,
      limits,
      quota: retired ?? {
        limiter: new RateLimiter(limits, clock),
        adaptiveRate: new AdaptiveRate(limits.requestsPerSecond),
      },
      clock,
      errors,
      logger,
    });
  }

  #instance(
    config: InstanceConfig,
    { requestTimeoutMs }: Config,
    berth: Berth,
    sdk: Sdk | undefined,
  ): EquippedInstance {
    const { id, region, endpoint } = config;
    const known = this.#instances.get(id);
    const equipped = known ?? { instance: newInstance(id, berth.scheduler), clientKey: '', source: undefined };
    const clientKey = JSON.stringify([region, endpoint, requestTimeoutMs]);
    if (equipped.clientKey === clientKey && equipped.source === berth.source) return equipped;
    equipped.clientKey = clientKey;
    equipped.source = berth.source;
    if (sdk !== undefined && berth.source !== undefined) {
      const { redactor } = this.#options;
      const errorCodes = this.#errorCodes;
      const client = { sdk, endpoint, region, credentials: berth.source, requestTimeoutMs, errorCodes, redactor };
      equipped.instance.api = createAcrApi(client);
    }
    return equipped;
  }
}

function newInstance(id: string, scheduler: Scheduler): WatchedInstance {
  return { id, api: undefined, scheduler, discovery: undefined, discoveredTags: 0 };
}

function launch({ scheduler, end }: Berth): void {
  void scheduler.run(end.signal);
}

function stop({ end, source }: Berth): void {
  end.abort();
  source?.stop();
}
