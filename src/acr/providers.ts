// Gets credentials from the provider that a credentials block names, each time it is asked: nothing is kept here.
import type { Clock } from '../util/clock.ts';
import type { Redactor } from '../util/redactor.ts';
import type { ProviderSettings } from './default-chain.ts';
import { ProviderFailure } from './provider-failure.ts';
import { fetchSession, type Metadata } from './provider-session.ts';
import type { SdkCredentials, SdkProviders, SessionProviderFields, SessionProviderType } from './sdk-providers.ts';
import type { SecretSources, SecretValues } from './secret-values.ts';

/** How long a provider of the SDK waits for a connection, and for an answer. */
const TIMEOUTS = { connectTimeout: 4_500, readTimeout: 9_500 };
/** Behind a hop limit the metadata service does not answer the request for a token, for which the first session waits. */
const METADATA_TIMEOUTS = { ...TIMEOUTS, readTimeout: 4_500 };

/** Where nothing says when credentials with a token end, they are taken for as short as the shortest sessions are. */
const UNKNOWN_LIFETIME_MS = 15 * 60_000;
const RENEW_UNKNOWN_MS = 5 * 60_000;
/** A profile may be written anew by the tool that it belongs to. */
const REREAD_PROFILE_MS = 60_000;
/** Sessions are renewed when a quarter of what they had left remains: of an hour 15 minutes, as the SDK does. */
const RENEW_AFTER = 0.75;

/** Credentials, and for how long from the moment of {@link Provider.fetch}. */
export type Fetched = {
  readonly credentials: SdkCredentials;
  readonly lifetimeMs: number;
  readonly renewAfterMs: number;
  /** For people: the role, or the id of the access key shortened. */
  readonly identity: string;
};

export type Provider = {
  /** Rejects with any error; `describeProviderFailure` says it in words. */
  fetch(): Promise<Fetched>;
};

export type ProviderContext = {
  readonly providers: SdkProviders;
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
        fetch: async () => profileCredentials(await context.providers.createProfileProvider(type).getCredentials()),
      };
  }
}

function fixedProvider(credentials: SdkCredentials): Provider {
  const endless = { lifetimeMs: Number.POSITIVE_INFINITY, renewAfterMs: Number.POSITIVE_INFINITY };
  return { fetch: async () => ({ credentials, ...endless, identity: shortened(credentials.accessKeyId) }) };
}

/** What the SDK's provider of roles signs its request with. */
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
  { providers, clock, redactor }: ProviderContext,
): Provider {
  const metadata: Metadata = { role: undefined, hasTokens: true };
  const timeouts = type === 'ecs_ram_role' ? METADATA_TIMEOUTS : TIMEOUTS;
  return {
    fetch: async () => {
      const { accessKeyId, accessKeySecret, securityToken, expiration } = await fetchSession(
        providers.createSessionProvider(type, { ...fields, ...timeouts }),
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

/** A profile hides when what it gives ends. */
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

/** An access key's id as people tell keys apart: `LTAI…abcd`. */
function shortened(accessKeyId: string): string {
  const end = accessKeyId.length > 8 ? accessKeyId.slice(-4) : '';
  return `${accessKeyId.slice(0, 4)}…${end}`;
}
