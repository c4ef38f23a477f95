// The lanes and API clients that a configuration asks for: one lane for each set of credentials, one client for each instance.
import { createAcrApi } from '../acr/acr-api.ts';
import type { Sdk } from '../acr/client.ts';
import { type CredentialSource, createCredentialSource } from '../acr/credentials.ts';
import { KnownCodes } from '../acr/known-codes.ts';
import { RateLimiter } from '../acr/rate-limiter.ts';
import type { Config, InstanceConfig } from '../config/config.ts';
import { type CredentialSet, credentialSets } from '../config/credential-sets.ts';
import type { SchedulerStatus } from '../metrics/statuses.ts';
import type { Clock } from '../util/clock.ts';
import type { CredentialSettings } from '../util/credential-settings.ts';
import type { Logger } from '../util/logger.ts';
import type { Redactor } from '../util/redactor.ts';
import { Lane } from '../watch/lane.ts';
import type { LaneCredentials, TaskPerformer } from '../watch/lane-parts.ts';
import type { Roster } from '../watch/roster.ts';
import type { WatchedInstance } from '../watch/task.ts';

export type FleetOptions = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly redactor: Redactor;
  readonly performer: TaskPerformer;
  readonly roster: Roster;
};

/** A lane and what its credentials were made from. */
type Berth = { readonly lane: Lane; source: CredentialSource | undefined; settingsKey: string };

/** An instance and what its client was made from. */
type EquippedInstance = { readonly instance: WatchedInstance; clientKey: string; source: CredentialSource | undefined };

/** Until the SDK is loaded no lane runs, so nobody asks. */
const NOT_LOADED_YET: LaneCredentials = {
  ensure: () => Promise.reject(new Error('the SDK is not loaded yet')),
  refresh: () => Promise.resolve(false),
};

export class Fleet {
  readonly #options: FleetOptions;
  readonly #knownCodes: KnownCodes;
  /** By set. Kept when a set goes, so that one that comes back does not start with a fresh quota. */
  readonly #berths = new Map<string, Berth>();
  #instances = new Map<string, EquippedInstance>();
  #inUse: readonly Berth[] = [];
  #running: AbortSignal | undefined;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#knownCodes = new KnownCodes(options.redactor);
  }

  /**
   * Makes lanes and clients those of the configuration; what is the same in both goes on as it is.
   *
   * @param sdk undefined while it is being loaded: lanes are there to schedule under, but nothing can be sent
   * @returns the instances by id
   */
  configure(config: Config, sdk: Sdk | undefined): ReadonlyMap<string, WatchedInstance> {
    const sets = credentialSets(config);
    this.#inUse = sets.map((set) => this.#berth(set, config, sdk));
    const setOf = new Map(sets.flatMap(({ name, instanceIds }) => instanceIds.map((id) => [id, name])));
    const instances = new Map<string, EquippedInstance>();
    for (const each of config.instances) {
      const berth = this.#berths.get(setOf.get(each.id) ?? '');
      if (berth !== undefined) instances.set(each.id, this.#instance(each, config, berth, sdk));
    }
    this.#instances = instances;
    for (const berth of this.#berths.values()) if (!this.#inUse.includes(berth)) retire(berth);
    return new Map([...instances].map(([id, { instance }]) => [id, instance]));
  }

  /** Starts every lane, and from now on each new one. */
  run(signal: AbortSignal): void {
    this.#running = signal;
    for (const { lane } of this.#berths.values()) this.#launch(lane, signal);
  }

  /** How the lanes in use stand, as the `acr_scheduler_*` families show it. */
  schedulers(): readonly SchedulerStatus[] {
    const nowMs = this.#options.clock.monotonic();
    return this.#inUse.map(({ lane }) => {
      const { urgent, background } = lane.backlog(nowMs);
      return {
        credentials: lane.name,
        due: { urgent: urgent.due, background: background.due },
        oldestDueSeconds: { urgent: urgent.oldestMs / 1_000, background: background.oldestMs / 1_000 },
        inFlight: lane.inFlight,
        rate: { configured: lane.pace.configured, current: lane.pace.current(nowMs) },
        paused: { refused: lane.refusal.refused, throttled: lane.pace.pausedUntilMs > nowMs },
      };
    });
  }

  #berth({ name, settings }: CredentialSet, { rateLimit }: Config, sdk: Sdk | undefined): Berth {
    const settingsKey = JSON.stringify(settings);
    const known = this.#berths.get(name);
    if (known === undefined) {
      const source = this.#source(settings, sdk);
      const berth: Berth = { lane: this.#lane(name, rateLimit, source ?? NOT_LOADED_YET), source, settingsKey };
      this.#berths.set(name, berth);
      if (this.#running !== undefined) this.#launch(berth.lane, this.#running);
      return berth;
    }
    known.lane.configure(rateLimit);
    if (known.settingsKey !== settingsKey || known.source === undefined) {
      known.source = this.#source(settings, sdk);
      known.settingsKey = settingsKey;
      known.lane.replaceCredentials(known.source ?? NOT_LOADED_YET);
    }
    return known;
  }

  #source(settings: CredentialSettings, sdk: Sdk | undefined): CredentialSource | undefined {
    const { env, clock, redactor } = this.#options;
    return sdk && createCredentialSource(settings, { createCredential: sdk.createCredential, env, clock, redactor });
  }

  #lane(name: string, limits: Config['rateLimit'], credentials: LaneCredentials): Lane {
    const { clock, logger, performer } = this.#options;
    return new Lane({
      name,
      limits,
      limiter: new RateLimiter(limits, clock),
      credentials,
      performer,
      clock,
      onRefusal: (refused) => {
        if (refused) logger.error('credentials refused: everything under them waits', { credentials: name });
        else logger.info('credentials accepted again', { credentials: name });
      },
    });
  }

  #launch(lane: Lane, signal: AbortSignal): void {
    lane.run(signal).catch((error: Error) => {
      this.#options.logger.error('polling stopped, this is a defect', {
        credentials: lane.name,
        error: error.stack ?? error.message,
      });
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
    const equipped = known ?? { instance: newInstance(id, berth.lane), clientKey: '', source: undefined };
    if (equipped.instance.lane !== berth.lane) this.#options.roster.moveToLane(equipped.instance, berth.lane);
    const clientKey = JSON.stringify([region, endpoint, requestTimeoutMs]);
    if (equipped.clientKey === clientKey && equipped.source === berth.source) return equipped;
    equipped.clientKey = clientKey;
    equipped.source = berth.source;
    if (sdk !== undefined && berth.source !== undefined) {
      const { redactor } = this.#options;
      const knownCodes = this.#knownCodes;
      const client = { sdk, endpoint, region, credentials: berth.source, requestTimeoutMs, knownCodes, redactor };
      equipped.instance.api = createAcrApi(client);
    }
    return equipped;
  }
}

function newInstance(id: string, lane: Lane): WatchedInstance {
  return { id, api: undefined, lane, discovery: undefined, discoveredTags: 0 };
}

/** Lets go of credentials that nobody uses. What was sent under them stays known to the lane. */
function retire(berth: Berth): void {
  if (berth.source === undefined) return;
  berth.source = undefined;
  berth.lane.replaceCredentials(NOT_LOADED_YET);
}
