// Logs changes of a set of credentials, each change once.
import type { Clock } from '../../util/clock.ts';
import { formatDuration } from '../../util/duration.ts';
import type { Logger } from '../../util/logger.ts';
import type { ExpiringCredentials } from './providers.ts';

export class CredentialLog {
  readonly #credentials: string;
  readonly #logger: Logger;
  #renewalFails = false;
  #loggedInUse = '';

  /** @param credentials the value of the `credentials` label */
  constructor(credentials: string, logger: Logger) {
    this.#credentials = credentials;
    this.#logger = logger;
  }

  /** Whether the last renewal failed. */
  get renewalFails(): boolean {
    return this.#renewalFails;
  }

  secretChanged(): void {
    this.#logger.info('secret changed, the new one is used', { credentials: this.#credentials });
  }

  /** Other credentials are in use. Logs them if their identity is another one than before. */
  renewed({ providerName: provider, identity }: ExpiringCredentials): void {
    const credentials = this.#credentials;
    if (this.#renewalFails) this.#logger.info('credentials are renewed again', { credentials });
    this.#renewalFails = false;
    const inUse = `${provider} ${identity}`;
    if (inUse !== this.#loggedInUse) this.#logger.info('credentials in use', { credentials, provider, identity });
    this.#loggedInUse = inUse;
  }

  /** A renewal failed while the present credentials are still valid. If there are none, the scheduler pauses and logs it. */
  renewalFailed(error: string, held: ExpiringCredentials, clock: Clock): void {
    if (this.#renewalFails) return;
    this.#renewalFails = true;
    const endsInMs = held.endsInMs(clock);
    this.#logger.warn('credentials cannot be renewed, polling continues with the present ones', {
      credentials: this.#credentials,
      error,
      good_for: Number.isFinite(endsInMs) ? formatDuration(Math.round(endsInMs / 1_000) * 1_000) : undefined,
    });
  }
}
