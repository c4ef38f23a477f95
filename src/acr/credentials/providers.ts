// Creates the provider of a credentials block, which fetches credentials, and knows how long they are valid.
import type { Clock } from '../../util/clock.ts';
import type { Redactor } from '../../util/redactor.ts';
import type { Routes } from '../connections/routes.ts';
import type { ChosenProvider, ProviderSettings } from './default-chain.ts';
import type { SdkCredentials, SdkProviders, SessionProviderFields, SessionProviderType } from './sdk-providers.ts';
import type { SecretSources, SecretValues } from './secret-values.ts';
import { fetchSession, type Metadata, ProviderFailure } from './session.ts';

/** How long a provider of the SDK waits for a connection, and for an answer. */
const TIMEOUTS = { connectTimeout: 4_500, readTimeout: 9_500 };
/** Shorter, because behind a hop limit the first session waits in vain for a token of the metadata service. */
const METADATA_TIMEOUTS = { ...TIMEOUTS, readTimeout: 4_500 };

/** If the end of a session is unknown, it counts as one of the shortest that there are. */
const UNKNOWN_LIFETIME_MS = 15 * 60_000;
const RENEW_UNKNOWN_MS = 5 * 60_000;
/** The tool of a profile may write it again. */
const REREAD_PROFILE_MS = 60_000;
/** Sessions are renewed when a quarter of their time is left: 15 minutes of an hour, as the SDK does. */
const RENEW_AFTER = 0.75;

/** Credentials, with times from the moment of {@link Provider.fetch}. */
export type Fetched = {
  readonly credentials: SdkCredentials;
  readonly lifetimeMs: number;
  readonly renewAfterMs: number;
  /** For people: the role, or the id of the access key shortened. */
  readonly identity: string;
};

/** Credentials in use, with the time that is left of them. */
export class ExpiringCredentials {
  readonly credentials: SdkCredentials;
  readonly providerName: string;
  readonly identity: string;
  /** Whether they come from the configuration, a file or a variable, and not from a service. */
  readonly isStatic: boolean;
  readonly #lifetimeMs: number;
  readonly #renewAfterMs: number;
  readonly #fetchedMs: number;
  readonly #fetchedWallMs: number;

  constructor(chosen: ChosenProvider, fetched: Fetched, clock: Clock) {
    this.credentials = fetched.credentials;
    this.providerName = chosen.name;
    this.identity = fetched.identity;
    this.isStatic = chosen.settings.type === 'access_key' || chosen.settings.type === 'sts';
    this.#lifetimeMs = fetched.lifetimeMs;
    this.#renewAfterMs = fetched.renewAfterMs;
    this.#fetchedMs = clock.monotonic();
    this.#fetchedWallMs = clock.now();
  }

  isValid(clock: Clock): boolean {
    return this.endsInMs(clock) > 0;
  }

  /** Infinite if they do not end. */
  endsInMs(clock: Clock): number {
    return this.#lifetimeMs - this.#age(clock);
  }

  renewInMs(clock: Clock): number {
    return this.#renewAfterMs - this.#age(clock);
  }

  /** The larger age of two clocks: the wall clock may be set back, and the monotonic clock stops while a machine sleeps. */
  #age(clock: Clock): number {
    return Math.max(clock.monotonic() - this.#fetchedMs, clock.now() - this.#fetchedWallMs);
  }
}

export type Provider = {
  /** May reject with any error: `describeProviderFailure` describes it. */
  fetch(): Promise<Fetched>;
};

export type ProviderContext = {
  readonly providers: SdkProviders;
  readonly routes: Routes;
  readonly clock: Clock;
  readonly redactor: Redactor;
};

/** The secrets of a block by their keys in the configuration. */
export function secretSources(settings: ProviderSettings): SecretSources {
  switch (settings.type) {
    case 'access_key':
    case 'ram_role_arn':
      return { access_key_id: settings.accessKeyId, access_key_secret: settings.accessKeySecret };
    case 'sts':
      return {
        access_key_id: settings.accessKeyId,
        access_key_secret: settings.accessKeySecret,
        security_token: settings.securityToken,
      };
    case 'oidc_role_arn':
      // The provider reads the token itself; read here too, a missing one is named and a new one used at once.
      return { oidc_token_file: { from: 'file', path: settings.oidcTokenFile } };
    default:
      return {};
  }
}

/** The provider of a block. `values` are those of {@link secretSources}. */
export function createProvider(settings: ProviderSettings, values: SecretValues, context: ProviderContext): Provider {
  const { type } = settings;
  const { access_key_id: accessKeyId = '', access_key_secret: accessKeySecret = '' } = values;
  switch (type) {
    case 'access_key':
      return fixedProvider({ type, accessKeyId, accessKeySecret });
    case 'sts':
      return fixedProvider({ type, accessKeyId, accessKeySecret, securityToken: values.security_token });
    case 'ram_role_arn': {
      const { roleArn, roleSessionName, externalId } = settings;
      const credentialsProvider = staticProvider({ accessKeyId, accessKeySecret });
      const fields = { credentialsProvider, roleArn, roleSessionName, externalId };
      return sessionProvider(type, fields, () => roleArn, context);
    }
    case 'oidc_role_arn': {
      const { roleArn, roleSessionName, oidcProviderArn, oidcTokenFile: oidcTokenFilePath } = settings;
      const fields = { roleArn, roleSessionName, oidcProviderArn, oidcTokenFilePath };
      return sessionProvider(type, fields, () => roleArn, context);
    }
    case 'ecs_ram_role': {
      const { roleName } = settings;
      return sessionProvider(type, { roleName }, ({ role }) => roleName ?? role, context);
    }
    case 'credentials_uri':
      return sessionProvider(type, { credentialsURI: settings.uri }, () => undefined, context);
    case 'cli_profile':
    case 'profile':
      return {
        fetch: async () =>
          profileCredentials(await context.providers.createProfileProvider(type, context.routes).getCredentials()),
      };
  }
}

function fixedProvider(credentials: SdkCredentials): Provider {
  const endless = { lifetimeMs: Number.POSITIVE_INFINITY, renewAfterMs: Number.POSITIVE_INFINITY };
  return { fetch: async () => ({ credentials, ...endless, identity: shortened(credentials.accessKeyId) }) };
}

/** The SDK's provider of roles signs its request with this. */
function staticProvider(credentials: SdkCredentials) {
  return {
    getCredentials: async () => ({ ...credentials, providerName: 'static_ak' }),
    getProviderName: () => 'static_ak',
  };
}

function sessionProvider(
  type: SessionProviderType,
  fields: SessionProviderFields,
  roleOf: (metadata: Metadata) => string | undefined,
  { providers, routes, clock, redactor }: ProviderContext,
): Provider {
  const metadata: Metadata = { role: undefined, hasTokens: true };
  const timeouts = type === 'ecs_ram_role' ? METADATA_TIMEOUTS : TIMEOUTS;
  return {
    fetch: async () => {
      const { accessKeyId, accessKeySecret, securityToken, expiration } = await fetchSession(
        providers.createSessionProvider(type, { ...fields, ...timeouts }, routes),
        metadata,
        redactor,
      );
      return {
        credentials: { type: 'sts', accessKeyId, accessKeySecret, securityToken },
        ...lifetimeOf(expiration, clock.now()),
        identity: roleOf(metadata) ?? shortened(accessKeyId),
      };
    },
  };
}

/** The end of a profile's session is unknown. */
function profileCredentials({ accessKeyId, accessKeySecret, securityToken }: SdkCredentials): Fetched {
  const identity = shortened(accessKeyId);
  const credentials = { accessKeyId, accessKeySecret, securityToken, type: securityToken ? 'sts' : 'access_key' };
  return securityToken
    ? { credentials, identity, lifetimeMs: UNKNOWN_LIFETIME_MS, renewAfterMs: RENEW_UNKNOWN_MS }
    : { credentials, identity, lifetimeMs: Number.POSITIVE_INFINITY, renewAfterMs: REREAD_PROFILE_MS };
}

function lifetimeOf(expiration: string | undefined, nowMs: number): Pick<Fetched, 'lifetimeMs' | 'renewAfterMs'> {
  if (!expiration) return { lifetimeMs: UNKNOWN_LIFETIME_MS, renewAfterMs: RENEW_UNKNOWN_MS };
  const lifetimeMs = Date.parse(expiration) - nowMs;
  // `Date.parse` makes a time of almost anything with a number in it.
  if (!/^\d{4}-\d\d-\d\dT/.test(expiration) || Number.isNaN(lifetimeMs)) {
    throw new ProviderFailure(
      'the session that it gave has an Expiration that is no time such as 2026-01-31T08:15:00Z',
    );
  }
  if (lifetimeMs <= 0) {
    const [ended, now] = [nowMs + lifetimeMs, nowMs].map((ms) => new Date(ms).toISOString());
    throw new ProviderFailure(`the session that it gave ended at ${ended}, and the clock here shows ${now}`);
  }
  return { lifetimeMs, renewAfterMs: lifetimeMs * RENEW_AFTER };
}

/** The id of an access key, shortened for people: `LTAI…abcd`. */
function shortened(accessKeyId: string): string {
  const end = accessKeyId.length > 8 ? accessKeyId.slice(-4) : '';
  return `${accessKeyId.slice(0, 4)}…${end}`;
}
