// Credentials in hand, and until when they are good.
import type { Clock } from '../util/clock.ts';
import type { ChosenProvider } from './default-chain.ts';
import type { Fetched } from './providers.ts';
import type { SdkCredentials } from './sdk-providers.ts';

export class HeldCredentials {
  readonly credentials: SdkCredentials;
  readonly providerName: string;
  readonly identity: string;
  /** Whether the configuration, a file or a variable gives them, rather than a service. */
  readonly isGivenAsIs: boolean;
  readonly #lifetimeMs: number;
  readonly #renewAfterMs: number;
  readonly #fetchedMs: number;
  readonly #fetchedWallMs: number;

  constructor(chosen: ChosenProvider, fetched: Fetched, clock: Clock) {
    this.credentials = fetched.credentials;
    this.providerName = chosen.name;
    this.identity = fetched.identity;
    this.isGivenAsIs = chosen.settings.type === 'access_key' || chosen.settings.type === 'sts';
    this.#lifetimeMs = fetched.lifetimeMs;
    this.#renewAfterMs = fetched.renewAfterMs;
    this.#fetchedMs = clock.monotonic();
    this.#fetchedWallMs = clock.now();
  }

  isGood(clock: Clock): boolean {
    return this.endsInMs(clock) > 0;
  }

  /** Infinite where they do not end. */
  endsInMs(clock: Clock): number {
    return this.#lifetimeMs - this.#age(clock);
  }

  renewInMs(clock: Clock): number {
    return this.#renewAfterMs - this.#age(clock);
  }

  /** The wall clock may be set back, and the monotonic one stands still while a machine sleeps: the one that went further counts. */
  #age(clock: Clock): number {
    return Math.max(clock.monotonic() - this.#fetchedMs, clock.now() - this.#fetchedWallMs);
  }
}
