// What the log says of a set of credentials: each change once, however often it is tried.
import type { Clock } from '../util/clock.ts';
import { formatDuration } from '../util/duration.ts';
import type { Logger } from '../util/logger.ts';
import type { HeldCredentials } from './held-credentials.ts';

export class CredentialLog {
  readonly #credentials: string;
  readonly #logger: Logger;
  #saysRenewalFails = false;
  #saidInUse = '';

  /** @param credentials the value of the `credentials` label */
  constructor(credentials: string, logger: Logger) {
    this.#credentials = credentials;
    this.#logger = logger;
  }

  /** Whether the last word was that they cannot be renewed. */
  get saysRenewalFails(): boolean {
    return this.#saysRenewalFails;
  }

  secretChanged(): void {
    this.#logger.info('secret changed, the new one is used', { credentials: this.#credentials });
  }

  /** These are in use from now on: logged where they are of another identity than those before. */
  renewed({ providerName: provider, identity }: HeldCredentials): void {
    const credentials = this.#credentials;
    if (this.#saysRenewalFails) this.#logger.info('credentials are renewed again', { credentials });
    this.#saysRenewalFails = false;
    const inUse = `${provider} ${identity}`;
    if (inUse !== this.#saidInUse) this.#logger.info('credentials in use', { credentials, provider, identity });
    this.#saidInUse = inUse;
  }

  /** An attempt to renew these failed. While there are none at all, the scheduler says so, which pauses. */
  renewalFailed(error: string, held: HeldCredentials, clock: Clock): void {
    if (this.#saysRenewalFails) return;
    this.#saysRenewalFails = true;
    const endsInMs = held.endsInMs(clock);
    this.#logger.warn('credentials cannot be renewed, polling goes on with those in hand', {
      credentials: this.#credentials,
      error,
      good_for: Number.isFinite(endsInMs) ? formatDuration(Math.round(endsInMs / 1_000) * 1_000) : undefined,
    });
  }
}
