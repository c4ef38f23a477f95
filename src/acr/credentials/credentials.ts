// Keeps the credentials of one block of the configuration valid: reads changed secret files, and renews sessions before they end.

import type { CredentialSettings } from '../../model/credential-settings.ts';
import type { CredentialsInUse } from '../../model/exporter-status.ts';
import type { Clock } from '../../util/clock.ts';
import { keepRunning } from '../../util/keep-running.ts';
import type { Logger } from '../../util/logger.ts';
import type { Redactor } from '../../util/redactor.ts';
import { ApiError, credentialsUnavailable } from '../api-error.ts';
import type { Routes } from '../connections/routes.ts';
import { CredentialLog } from './credential-log.ts';
import { type ChosenProvider, chooseProvider } from './default-chain.ts';
import { createProvider, ExpiringCredentials, type Fetched, type Provider, secretSources } from './providers.ts';
import type { SdkCredentials, SdkProviders } from './sdk-providers.ts';
import { isSendable, readSecretValues, type SecretValues, UNSENDABLE } from './secret-values.ts';
import { describeProviderFailure, ProviderFailure } from './session.ts';

/** Secret files are read this often. */
const READ_INTERVAL_MS = 1_000;
/** The loop never sleeps longer, so that it soon notices after a sleep of the machine that a session has ended. */
const MAX_SLEEP_MS = 60_000;
/** The timeout for reading secret files. */
const READ_TIMEOUT_MS = 10_000;
/** The timeout for a provider, which makes up to four requests with timeouts of their own. */
const FETCH_TIMEOUT_MS = 20_000;
/** The pause after a failure, which doubles; also the minimum between two sessions. */
const MIN_RETRY_MS = 5_000;
const MAX_RETRY_MS = 60_000;

/** Gives the credentials for requests, and keeps them valid. */
export interface CredentialSource {
  /**
   * Resolves at once while there are valid credentials, even if the service that renews them is slow or down. Else waits for the renewal,
   * and rejects with the `ApiError` `CredentialsUnavailable` if it fails, after 20 s at the latest. The first call starts the renewal, which
   * goes on until {@link CredentialSource.stop}.
   */
  ensure(): Promise<void>;
  /** The present credentials; undefined if there are no valid ones. */
  current(): SdkCredentials | undefined;
  /** Why {@link CredentialSource.current} is undefined: the error of the last attempt, as from `ensure`. */
  unavailable(): ApiError;
  /** Describes the present credentials without secrets. */
  inUse(): CredentialsInUse | undefined;
  /**
   * Reads the secret files now.
   *
   * @returns whether there are credentials that were not tried yet: files have changed or come back, or there were no credentials before.
   *   Each change is returned once.
   */
  refresh(): Promise<boolean>;
  /** The API has refused these credentials. A session is replaced by a new one. */
  refused(credentials: SdkCredentials): void;
  /** Ends the renewal for good. */
  stop(): void;
}

export type CredentialSourceOptions = {
  /** The value of the `credentials` label. */
  readonly name: string;
  readonly providers: SdkProviders;
  /** For the requests of the services that give credentials. */
  readonly routes: Routes;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Every secret is added to it before it is used. */
  readonly redactor: Redactor;
  /** Called with errors of our own code. The renewal is started again after them. */
  readonly report: (error: unknown) => void;
};

export function createCredentialSource(
  settings: CredentialSettings,
  options: CredentialSourceOptions,
): CredentialSource {
  return new RenewedCredentials(settings, options);
}

const DONE = Promise.resolve();

/** The provider in use, with the secret values of the last read. */
type ActiveProvider = ChosenProvider & {
  /** Created again when a secret changes. It remembers how its service answers. */
  readonly provider: Provider;
  /** The chosen provider and all secret values as text, to notice a change. */
  readonly fingerprint: string;
  readonly hasFiles: boolean;
};

class RenewedCredentials implements CredentialSource {
  readonly #settings: CredentialSettings;
  readonly #options: CredentialSourceOptions;
  readonly #stopped = new AbortController();
  #isRunning = false;
  #rest: AbortController | undefined;
  #reading: Promise<void> | undefined;
  #readAtMs = Number.NEGATIVE_INFINITY;
  /** Undefined before the first read, and while the secret values cannot be read. */
  #provider: ActiveProvider | undefined;
  #fetching: { readonly ended: Promise<void>; readonly giveUp: AbortController } | undefined;
  #nextFetchMs = Number.NEGATIVE_INFINITY;
  #failures = 0;
  /** Whether to fetch at once, even if the present credentials need no renewal yet. */
  #isStale = true;
  #credentials: ExpiringCredentials | undefined;
  #isRefused = false;
  #failure: ApiError | undefined;
  #hasChanged = false;
  readonly #log: CredentialLog;

  constructor(settings: CredentialSettings, options: CredentialSourceOptions) {
    this.#settings = settings;
    this.#options = options;
    this.#log = new CredentialLog(options.name, options.logger);
  }

  ensure(): Promise<void> {
    if (!this.#isRunning) this.#start();
    return this.#valid() !== undefined && !this.#isRefused ? DONE : this.#waitForCredentials();
  }

  current(): SdkCredentials | undefined {
    return this.#valid()?.credentials;
  }

  unavailable(): ApiError {
    return this.#failure ?? this.#describe('it has not answered yet, and there is no other valid session');
  }

  inUse(): CredentialsInUse | undefined {
    const held = this.#valid();
    return held && { provider: held.providerName, identity: held.identity, renewalFails: this.#log.renewalFails };
  }

  async refresh(): Promise<boolean> {
    // A read that is under way may have missed the change.
    await this.#reading;
    await this.#readSecrets();
    const hasChanged = this.#hasChanged;
    this.#hasChanged = false;
    return hasChanged;
  }

  refused(credentials: SdkCredentials): void {
    if (this.#credentials === undefined || !isSame(credentials, this.#credentials.credentials)) return;
    // A fetch under way may use a secret that was changed because of the refusal.
    if (this.#fetching === undefined) this.#hasChanged = false;
    if (this.#credentials.isStatic) return;
    this.#isRefused = true;
    this.#isStale = true;
    this.#rest?.abort();
  }

  stop(): void {
    this.#stopped.abort();
    this.#replaceProvider(undefined);
    this.#rest?.abort();
  }

  #start(): void {
    this.#isRunning = true;
    const { clock, report } = this.#options;
    void keepRunning((stopped) => this.#renew(stopped), this.#stopped.signal, { clock, report });
  }

  /** The loop of the renewal. */
  async #renew(stopped: AbortSignal): Promise<void> {
    while (!stopped.aborted) {
      if (this.#readInMs() <= 0 || this.#isFetchDue()) await this.#readSecrets();
      if (stopped.aborted) return;
      this.#rest = new AbortController();
      await this.#options.clock.sleep(Math.min(this.#readInMs(), this.#fetchInMs()), this.#rest.signal);
    }
  }

  #readInMs(): number {
    const everyMs = this.#provider === undefined || this.#provider.hasFiles ? READ_INTERVAL_MS : MAX_SLEEP_MS;
    return this.#readAtMs + everyMs - this.#options.clock.monotonic();
  }

  /** Milliseconds until the next fetch. */
  #fetchInMs(): number {
    if (this.#provider === undefined || this.#fetching !== undefined) return Number.POSITIVE_INFINITY;
    const { clock } = this.#options;
    const wantedInMs = this.#isStale ? 0 : (this.#credentials?.renewInMs(clock) ?? 0);
    return Math.max(wantedInMs, this.#nextFetchMs - clock.monotonic());
  }

  #isFetchDue(): boolean {
    return this.#fetchInMs() <= 0;
  }

  async #waitForCredentials(): Promise<void> {
    const isOld = this.#options.clock.monotonic() - this.#readAtMs >= READ_INTERVAL_MS;
    if (isOld || this.#isRefused) await this.#readSecrets();
    while (this.#fetching !== undefined) await this.#fetching.ended;
    if (this.#valid() === undefined) throw this.#failure ?? this.#describe('they are no longer in use');
  }

  #valid(): ExpiringCredentials | undefined {
    return this.#credentials?.isValid(this.#options.clock) ? this.#credentials : undefined;
  }

  /** Reads the secret files and starts a fetch if one is due. Concurrent calls share one read. Never rejects. */
  #readSecrets(): Promise<void> {
    this.#reading ??= this.#readAndFetch().finally(() => {
      this.#reading = undefined;
      this.#readAtMs = this.#options.clock.monotonic();
    });
    return this.#reading;
  }

  async #readAndFetch(): Promise<void> {
    try {
      const [chosen, values] = await this.#withTimeout(READ_TIMEOUT_MS, this.#choose());
      if (this.#stopped.signal.aborted) return;
      const fingerprint = JSON.stringify([chosen, values]);
      if (this.#provider?.fingerprint !== fingerprint) this.#useProvider(chosen, values, fingerprint);
    } catch (error) {
      if (!this.#stopped.signal.aborted) this.#readFailed(error);
    }
    if (this.#provider !== undefined && this.#isFetchDue()) this.#startFetch(this.#provider);
  }

  async #choose(): Promise<readonly [ChosenProvider, SecretValues]> {
    const { env, redactor } = this.#options;
    const chosen = await chooseProvider(this.#settings, env);
    return [chosen, await readSecretValues(secretSources(chosen.settings), { env, redactor })];
  }

  /** Replaces the provider because the secret values changed. */
  #useProvider(chosen: ChosenProvider, values: SecretValues, fingerprint: string): void {
    const before = this.#provider;
    const { settings } = chosen;
    const provider = createProvider(settings, values, this.#options);
    const hasFiles = Object.values(secretSources(settings)).some(({ from }) => from === 'file');
    this.#replaceProvider({ ...chosen, provider, fingerprint, hasFiles });
    this.#failures = 0;
    this.#nextFetchMs = Number.NEGATIVE_INFINITY;
    this.#failure = undefined;
    if (Number.isFinite(this.#readAtMs)) this.#hasChanged = true;
    // The token of a service account is written again every hour. The session of the former token stays valid.
    const isWell = this.#valid() !== undefined && !this.#isRefused && !this.#log.renewalFails;
    if (settings.type === 'oidc_role_arn' && isWell) return;
    this.#isStale = true;
    if (before !== undefined) this.#log.secretChanged();
  }

  /** The secret values cannot be read. Former values are dropped if they are the credentials themselves. */
  #readFailed(error: unknown): void {
    this.#replaceProvider(undefined);
    this.#hasChanged = false;
    if (this.#credentials?.isStatic) this.#credentials = undefined;
    this.#failed(error);
  }

  /** Replaces the provider and aborts the fetch of the former one. */
  #replaceProvider(found: ActiveProvider | undefined): void {
    this.#provider = found;
    this.#fetching?.giveUp.abort();
    this.#fetching = undefined;
  }

  #startFetch(found: ActiveProvider): void {
    const giveUp = new AbortController();
    this.#fetching = { giveUp, ended: this.#fetch(found, giveUp) };
  }

  /** Never rejects. */
  async #fetch(found: ActiveProvider, giveUp: AbortController): Promise<void> {
    try {
      const fetched = await this.#withTimeout(FETCH_TIMEOUT_MS, found.provider.fetch(), giveUp);
      if (this.#provider === found) this.#accept(found, fetched);
    } catch (error) {
      if (this.#provider === found) this.#failed(error);
    }
    if (this.#provider !== found) return;
    this.#fetching = undefined;
    this.#rest?.abort();
  }

  #accept(found: ActiveProvider, fetched: Fetched): void {
    const { clock, redactor } = this.#options;
    const { accessKeyId, accessKeySecret, securityToken } = fetched.credentials;
    for (const secret of [accessKeySecret, securityToken]) if (secret) redactor.add(secret);
    if (!isSendable(accessKeyId) || !isSendable(securityToken || '-')) {
      throw new ProviderFailure(`they have ${UNSENDABLE}`);
    }
    if (this.#failure !== undefined && this.#valid() === undefined) this.#hasChanged = true;
    this.#credentials = new ExpiringCredentials(found, fetched, clock);
    this.#isStale = false;
    this.#isRefused = false;
    this.#failure = undefined;
    this.#failures = 0;
    this.#nextFetchMs = clock.monotonic() + MIN_RETRY_MS;
    this.#log.renewed(this.#credentials);
  }

  #failed(error: unknown): void {
    const { clock } = this.#options;
    this.#failure = error instanceof ApiError ? error : this.#describe(error);
    this.#nextFetchMs = clock.monotonic() + Math.min(MAX_RETRY_MS, MIN_RETRY_MS * 2 ** this.#failures);
    this.#failures += 1;
    const held = this.#valid();
    if (held !== undefined) this.#log.renewalFailed(this.#failure.message, held, clock);
  }

  /** Rejects when the work takes too long or `giveUp` is aborted. The work itself may go on: its result is dropped. */
  async #withTimeout<Result>(ms: number, work: Promise<Result>, giveUp = new AbortController()): Promise<Result> {
    const tooLong = this.#options.clock.sleep(ms, giveUp.signal).then(() => {
      throw new ProviderFailure(`no answer within ${ms} ms`);
    });
    try {
      return await Promise.race([work, tooLong]);
    } finally {
      giveUp.abort();
    }
  }

  #describe(error: unknown): ApiError {
    const { type } = this.#settings;
    const { name, chosenFor } = this.#provider ?? { name: type, chosenFor: '' };
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
