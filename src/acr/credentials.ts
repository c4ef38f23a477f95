// The credentials of one block of the configuration, kept good beside the polls: secret files that change, sessions that end.

import type { CredentialSettings } from '../model/credential-settings.ts';
import type { CredentialsInUse } from '../model/status.ts';
import type { Clock } from '../util/clock.ts';
import { keepRunning } from '../util/keep-running.ts';
import type { Logger } from '../util/logger.ts';
import type { Redactor } from '../util/redactor.ts';
import { withTimeout } from '../util/with-timeout.ts';
import { CredentialLog } from './credential-log.ts';
import { type ChosenProvider, chooseProvider } from './default-chain.ts';
import { ApiError, credentialsUnavailable } from './errors.ts';
import { HeldCredentials } from './held-credentials.ts';
import { describeProviderFailure, ProviderFailure } from './provider-failure.ts';
import { createProvider, type Fetched, type Provider, secretSources } from './providers.ts';
import type { SdkCredentials, SdkProviders } from './sdk-providers.ts';
import { isSendable, readSecretValues, type SecretValues, UNSENDABLE } from './secret-values.ts';

/** Secret files are looked at this often. */
const LOOK_MS = 1_000;
/** Nothing is waited for longer than this, so that a machine that slept notices soon that a session has ended. */
const LONGEST_REST_MS = 60_000;
/** A file system that does not answer is given up after this. */
const LOOK_PATIENCE_MS = 10_000;
/** A provider makes up to four requests, each of which has a bound of its own. */
const FETCH_PATIENCE_MS = 20_000;
/** After a failure, doubling; and between any two sessions. */
const FIRST_RETRY_MS = 5_000;
const LONGEST_RETRY_MS = 60_000;

/** Gives credentials to those who send requests. */
export interface CredentialSource {
  /**
   * Resolves at once while there are credentials that are good, however slow or broken the service is that renews them.
   * Otherwise waits for the attempt under way, and rejects with the `ApiError` `CredentialsUnavailable` where there are none to
   * be had, after 20 s at the latest. The first call starts the renewal, which goes on until {@link CredentialSource.stop}.
   */
  ensure(): Promise<void>;
  /** Undefined where there are none that are good. */
  current(): SdkCredentials | undefined;
  /** Why {@link CredentialSource.current} gives none: what the last attempt came to, as `ensure` says it. */
  unavailable(): ApiError;
  /** What {@link CredentialSource.current} gives, in words that may be shown. */
  inUse(): CredentialsInUse | undefined;
  /**
   * Reads the secret files now.
   *
   * @returns whether there is something to try that was neither refused nor told by this method: files that have changed or
   *   come back, or credentials after there were none
   */
  refresh(): Promise<boolean>;
  /** The API has refused these credentials: of a session, the next one is fetched. */
  refused(credentials: SdkCredentials): void;
  /** Ends the renewal for good. */
  stop(): void;
}

export type CredentialSourceOptions = {
  /** The value of the `credentials` label. */
  readonly name: string;
  readonly providers: SdkProviders;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Is told every secret before it is used. */
  readonly redactor: Redactor;
  /** Told of errors of our own code: the renewal is started again after them. */
  readonly report: (error: unknown) => void;
};

export function createCredentialSource(
  settings: CredentialSettings,
  options: CredentialSourceOptions,
): CredentialSource {
  return new RenewedCredentials(settings, options);
}

const DONE = Promise.resolve();

/** A provider as the last look has found it. */
type Found = ChosenProvider & {
  /** Made anew when a secret changes; it remembers how its service is to be asked. */
  readonly provider: Provider;
  /** Of the choice and of all secret values. */
  readonly fingerprint: string;
  readonly hasFiles: boolean;
};

class RenewedCredentials implements CredentialSource {
  readonly #settings: CredentialSettings;
  readonly #options: CredentialSourceOptions;
  readonly #stopped = new AbortController();
  #isRunning = false;
  #rest: AbortController | undefined;
  #look: Promise<void> | undefined;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  /** Undefined before the first look, and while the secret values cannot be read. */
  #found: Found | undefined;
  #fetching: { readonly ended: Promise<void>; readonly giveUp: AbortController } | undefined;
  #fetchFromMs = Number.NEGATIVE_INFINITY;
  #failures = 0;
  /** Whether something is to be fetched before the credentials in hand ask for it. */
  #isStale = true;
  #held: HeldCredentials | undefined;
  #isRefused = false;
  #failure: ApiError | undefined;
  #hasNews = false;
  readonly #log: CredentialLog;

  constructor(settings: CredentialSettings, options: CredentialSourceOptions) {
    this.#settings = settings;
    this.#options = options;
    this.#log = new CredentialLog(options.name, options.logger);
  }

  ensure(): Promise<void> {
    if (!this.#isRunning) this.#start();
    return this.#good() !== undefined && !this.#isRefused ? DONE : this.#waitForCredentials();
  }

  current(): SdkCredentials | undefined {
    return this.#good()?.credentials;
  }

  unavailable(): ApiError {
    return this.#failure ?? this.#describe('it has not answered yet, and there is no other session that is good');
  }

  inUse(): CredentialsInUse | undefined {
    const held = this.#good();
    return held && { provider: held.providerName, identity: held.identity, renewalFails: this.#log.saysRenewalFails };
  }

  async refresh(): Promise<boolean> {
    // A look that is under way may have read before the change.
    await this.#look;
    await this.#lookNow();
    const hasNews = this.#hasNews;
    this.#hasNews = false;
    return hasNews;
  }

  refused(credentials: SdkCredentials): void {
    if (this.#held === undefined || !isSame(credentials, this.#held.credentials)) return;
    // What is being fetched meanwhile may be made of a secret that was changed for this reason.
    if (this.#fetching === undefined) this.#hasNews = false;
    if (this.#held.isGivenAsIs) return;
    this.#isRefused = true;
    this.#isStale = true;
    this.#rest?.abort();
  }

  stop(): void {
    this.#stopped.abort();
    this.#supersede(undefined);
    this.#rest?.abort();
  }

  #start(): void {
    this.#isRunning = true;
    const { clock, report } = this.#options;
    void keepRunning((stopped) => this.#renew(stopped), this.#stopped.signal, { clock, report });
  }

  /** Runs beside the polls, until the end. */
  async #renew(stopped: AbortSignal): Promise<void> {
    while (!stopped.aborted) {
      if (this.#lookInMs() <= 0 || this.#isDue()) await this.#lookNow();
      if (stopped.aborted) return;
      this.#rest = new AbortController();
      await this.#options.clock.sleep(Math.min(this.#lookInMs(), this.#dueInMs()), this.#rest.signal);
    }
  }

  #lookInMs(): number {
    const everyMs = this.#found === undefined || this.#found.hasFiles ? LOOK_MS : LONGEST_REST_MS;
    return this.#lookedAtMs + everyMs - this.#options.clock.monotonic();
  }

  /** Until something is to be fetched. */
  #dueInMs(): number {
    if (this.#found === undefined || this.#fetching !== undefined) return Number.POSITIVE_INFINITY;
    const { clock } = this.#options;
    const wantedInMs = this.#isStale ? 0 : (this.#held?.renewInMs(clock) ?? 0);
    return Math.max(wantedInMs, this.#fetchFromMs - clock.monotonic());
  }

  #isDue(): boolean {
    return this.#dueInMs() <= 0;
  }

  async #waitForCredentials(): Promise<void> {
    const isOld = this.#options.clock.monotonic() - this.#lookedAtMs >= LOOK_MS;
    if (isOld || this.#isRefused) await this.#lookNow();
    while (this.#fetching !== undefined) await this.#fetching.ended;
    if (this.#good() === undefined) throw this.#failure ?? this.#describe('they are no longer in use');
  }

  #good(): HeldCredentials | undefined {
    return this.#held?.isGood(this.#options.clock) ? this.#held : undefined;
  }

  /** Reads the secret files and starts what follows from that. One at a time; never rejects. */
  #lookNow(): Promise<void> {
    this.#look ??= this.#find().finally(() => {
      this.#look = undefined;
      this.#lookedAtMs = this.#options.clock.monotonic();
    });
    return this.#look;
  }

  async #find(): Promise<void> {
    try {
      const [chosen, values] = await this.#within(LOOK_PATIENCE_MS, this.#choose());
      if (this.#stopped.signal.aborted) return;
      const fingerprint = JSON.stringify([chosen, values]);
      if (this.#found?.fingerprint !== fingerprint) this.#adopt(chosen, values, fingerprint);
    } catch (error) {
      if (!this.#stopped.signal.aborted) this.#missed(error);
    }
    if (this.#found !== undefined && this.#isDue()) this.#startFetch(this.#found);
  }

  async #choose(): Promise<readonly [ChosenProvider, SecretValues]> {
    const { env, redactor } = this.#options;
    const chosen = await chooseProvider(this.#settings, env);
    return [chosen, await readSecretValues(secretSources(chosen.settings), { env, redactor })];
  }

  /** Other values than before take the place of those. */
  #adopt(chosen: ChosenProvider, values: SecretValues, fingerprint: string): void {
    const before = this.#found;
    const { settings } = chosen;
    const provider = createProvider(settings, values, this.#options);
    const hasFiles = Object.values(secretSources(settings)).some(({ from }) => from === 'file');
    this.#supersede({ ...chosen, provider, fingerprint, hasFiles });
    this.#failures = 0;
    this.#fetchFromMs = Number.NEGATIVE_INFINITY;
    this.#failure = undefined;
    if (Number.isFinite(this.#lookedAtMs)) this.#hasNews = true;
    // The token of a service account is written anew every hour, and the session that it was exchanged for goes on.
    const isWell = this.#good() !== undefined && !this.#isRefused && !this.#log.saysRenewalFails;
    if (settings.type === 'oidc_role_arn' && isWell) return;
    this.#isStale = true;
    if (before !== undefined) this.#log.secretChanged();
  }

  /** There are no values to go by. Those before are withdrawn where they are the credentials themselves. */
  #missed(error: unknown): void {
    this.#supersede(undefined);
    this.#hasNews = false;
    if (this.#held?.isGivenAsIs) this.#held = undefined;
    this.#failed(error);
  }

  /** What is being fetched with what was found before no longer counts. */
  #supersede(found: Found | undefined): void {
    this.#found = found;
    this.#fetching?.giveUp.abort();
    this.#fetching = undefined;
  }

  #startFetch(found: Found): void {
    const giveUp = new AbortController();
    this.#fetching = { giveUp, ended: this.#fetch(found, giveUp) };
  }

  /** Never rejects. */
  async #fetch(found: Found, giveUp: AbortController): Promise<void> {
    try {
      const fetched = await this.#within(FETCH_PATIENCE_MS, found.provider.fetch(), giveUp);
      if (this.#found === found) this.#hold(found, fetched);
    } catch (error) {
      if (this.#found === found) this.#failed(error);
    }
    if (this.#found !== found) return;
    this.#fetching = undefined;
    this.#rest?.abort();
  }

  #hold(found: Found, fetched: Fetched): void {
    const { clock, redactor } = this.#options;
    const { accessKeyId, accessKeySecret, securityToken } = fetched.credentials;
    for (const secret of [accessKeySecret, securityToken]) if (secret) redactor.add(secret);
    if (!isSendable(accessKeyId) || !isSendable(securityToken || '-')) {
      throw new ProviderFailure(`they have ${UNSENDABLE}`);
    }
    if (this.#failure !== undefined && this.#good() === undefined) this.#hasNews = true;
    this.#held = new HeldCredentials(found, fetched, clock);
    this.#isStale = false;
    this.#isRefused = false;
    this.#failure = undefined;
    this.#failures = 0;
    this.#fetchFromMs = clock.monotonic() + FIRST_RETRY_MS;
    this.#log.renewed(this.#held);
  }

  #failed(error: unknown): void {
    const { clock } = this.#options;
    this.#failure = error instanceof ApiError ? error : this.#describe(error);
    this.#fetchFromMs = clock.monotonic() + Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures);
    this.#failures += 1;
    const held = this.#good();
    if (held !== undefined) this.#log.renewalFailed(this.#failure.message, held, clock);
  }

  /** Rejects when the work takes too long or is given up. */
  async #within<Result>(ms: number, work: Promise<Result>, giveUp = new AbortController()): Promise<Result> {
    const ended = await withTimeout(work, { clock: this.#options.clock, ms, giveUp });
    if (ended === undefined) throw new ProviderFailure(`no answer within ${ms} ms`);
    return ended.result;
  }

  #describe(error: unknown): ApiError {
    const { type } = this.#settings;
    const { name, chosenFor } = this.#found ?? { name: type, chosenFor: '' };
    const from = name === type ? name : `${type} (${name})`;
    const reason = describeProviderFailure(error, this.#options.redactor);
    return credentialsUnavailable(`no credentials from ${from}: ${chosenFor}${reason}`);
  }
}

function isSame(one: SdkCredentials, other: SdkCredentials): boolean {
  return (
    one.accessKeyId === other.accessKeyId &&
    one.accessKeySecret === other.accessKeySecret &&
    one.securityToken === other.securityToken
  );
}
