// The credentials of one block of the configuration, kept up to date: secret files that change, sessions that expire.
import type { Clock } from '../util/clock.ts';
import type { CredentialSettings } from '../util/credential-settings.ts';
import type { Redactor } from '../util/redactor.ts';
import type { ProviderOptions, SdkCredential, SdkCredentials } from './client.ts';
import { ApiError, credentialsUnavailable } from './errors.ts';
import { describeProviderFailure } from './provider-failure.ts';
import { providerOptions, secretSources } from './provider-options.ts';
import { isSendable, readSecretValues, type SecretSources, type SecretValues, UNSENDABLE } from './secret-values.ts';

/** Nothing is looked at again before that, neither files nor providers. */
const FRESH_MS = 1_000;

/** A metadata service that does not answer must not hold up the rest for longer. */
const PATIENCE_MS = 10_000;

/** Gives credentials to those who send requests. */
export interface CredentialSource {
  /**
   * Brings the credentials up to date, at most once a second; callers at the same time share one attempt. Rejects with the
   * `ApiError` `CredentialsUnavailable` where there are none to be had, after 10 s at the latest.
   */
  ensure(): Promise<void>;
  /** What the last `ensure` found; undefined when it failed, and before the first. */
  current(): SdkCredentials | undefined;
  /**
   * Reads the secret files now.
   *
   * @returns whether they hold something else than when they were last refused, missing, or read by this method
   */
  refresh(): Promise<boolean>;
  /** The API has refused these credentials: a session is not used any longer, the next `ensure` gets a new one. */
  refused(credentials: SdkCredentials): void;
}

export type CredentialSourceOptions = {
  /** Makes a provider of `@alicloud/credentials`; undefined stands for its default chain. */
  readonly createCredential: (options: ProviderOptions | undefined) => SdkCredential;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Is told every secret before it is used. */
  readonly redactor: Redactor;
};

export function createCredentialSource(
  settings: CredentialSettings,
  options: CredentialSourceOptions,
): CredentialSource {
  return new RefreshedCredentials(settings, options);
}

const DONE = Promise.resolve();

class RefreshedCredentials implements CredentialSource {
  readonly #settings: CredentialSettings;
  readonly #options: CredentialSourceOptions;
  readonly #sources: SecretSources;
  /** Keeps the session; made from the values of {@link #fingerprint}. Undefined when it has to be made anew. */
  #provider: SdkCredential | undefined;
  /** Of the secret values in use; undefined while they cannot be read. */
  #fingerprint: string | undefined;
  /** Of the secret values that were last refused or read by `refresh`; undefined when there were none. */
  #seen: string | undefined;
  #current: SdkCredentials | undefined;
  #failure: ApiError | undefined;
  #freshUntilMs = Number.NEGATIVE_INFINITY;
  #attempt: Promise<void> | undefined;

  constructor(settings: CredentialSettings, options: CredentialSourceOptions) {
    this.#settings = settings;
    this.#options = options;
    this.#sources = secretSources(settings);
  }

  ensure(): Promise<void> {
    if (this.#attempt) return this.#attempt;
    if (this.#options.clock.monotonic() < this.#freshUntilMs) {
      return this.#failure ? Promise.reject(this.#failure) : DONE;
    }
    this.#attempt = this.#update().finally(() => {
      this.#attempt = undefined;
      this.#freshUntilMs = this.#options.clock.monotonic() + FRESH_MS;
    });
    return this.#attempt;
  }

  current(): SdkCredentials | undefined {
    return this.#current;
  }

  async refresh(): Promise<boolean> {
    if (Object.keys(this.#sources).length === 0) return false;
    const fingerprint = await this.#withPatience(this.#readValues()).then(fingerprintOf, () => undefined);
    const changed = fingerprint !== undefined && fingerprint !== this.#seen;
    this.#seen = fingerprint;
    if (fingerprint !== this.#fingerprint) this.#freshUntilMs = Number.NEGATIVE_INFINITY;
    return changed;
  }

  refused(credentials: SdkCredentials): void {
    if (!this.#current || !isSame(credentials, this.#current)) return;
    this.#provider = undefined;
    this.#seen = this.#fingerprint;
  }

  async #update(): Promise<void> {
    try {
      const found = await this.#withPatience(this.#find());
      if (!this.#current || !isSame(found, this.#current)) this.#current = found;
      this.#seen ??= this.#fingerprint;
      this.#failure = undefined;
    } catch (error) {
      this.#failure = error instanceof ApiError ? error : this.#unavailable(this.#reasonOf(error));
      // The default chain stays with the last provider that it tried, so one that failed is made anew.
      this.#provider = undefined;
      this.#current = undefined;
      this.#seen = this.#fingerprint;
      throw this.#failure;
    }
  }

  async #find(): Promise<SdkCredentials> {
    const found = await this.#provide(await this.#valuesInUse()).getCredential();
    const { accessKeyId, accessKeySecret, securityToken } = found;
    for (const secret of [accessKeySecret, securityToken]) if (secret) this.#options.redactor.add(secret);
    if (!accessKeyId || !accessKeySecret) throw this.#unavailable('the access key is incomplete');
    if (!isSendable(accessKeyId) || !isSendable(securityToken || '-')) {
      throw this.#unavailable(`they have ${UNSENDABLE}`);
    }
    return found;
  }

  async #valuesInUse(): Promise<SecretValues> {
    try {
      return await this.#readValues();
    } catch (error) {
      this.#fingerprint = undefined;
      throw error;
    }
  }

  /** The provider for these values: the same one while they do not change, because it holds the session. */
  #provide(values: SecretValues): SdkCredential {
    const fingerprint = fingerprintOf(values);
    if (fingerprint !== this.#fingerprint) this.#provider = undefined;
    this.#fingerprint = fingerprint;
    this.#provider ??= this.#options.createCredential(providerOptions(this.#settings, values));
    return this.#provider;
  }

  #readValues(): Promise<SecretValues> {
    return readSecretValues(this.#sources, this.#options);
  }

  /** What the work gives, unless that takes too long. Work that is given up may still end, for which nobody waits. */
  async #withPatience<Result>(work: Promise<Result>): Promise<Result> {
    const patience = new AbortController();
    const tooLong = this.#options.clock.sleep(PATIENCE_MS, patience.signal).then(() => undefined);
    try {
      const result = await Promise.race([work.then((value) => ({ value })), tooLong]);
      if (!result) throw this.#unavailable(`no answer within ${PATIENCE_MS} ms`);
      return result.value;
    } finally {
      patience.abort();
    }
  }

  #reasonOf(error: unknown): string {
    return describeProviderFailure(error, this.#options.redactor);
  }

  #unavailable(reason: string): ApiError {
    return credentialsUnavailable(`no credentials from ${this.#settings.type}: ${reason}`);
  }
}

function isSame(one: SdkCredentials, other: SdkCredentials): boolean {
  return (
    one.accessKeyId === other.accessKeyId &&
    one.accessKeySecret === other.accessKeySecret &&
    one.securityToken === other.securityToken
  );
}

function fingerprintOf(values: SecretValues): string {
  return JSON.stringify(Object.entries(values));
}
