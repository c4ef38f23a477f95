// The parts in use of `@alicloud/credentials`: its providers, which know the services and how their requests are signed.
import type { Routes } from '../connections/routes.ts';
import { type ProviderRequest, type ProviderResponse, sendProviderRequest } from './provider-request.ts';

/** The credentials that the SDK signs with: the fields of its `CredentialModel` in use. */
export type SdkCredentials = {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  readonly securityToken?: string | undefined;
  readonly type?: string | undefined;
  readonly providerName?: string | undefined;
};

/** A session as its service returns it. */
export type SdkSession = {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  readonly securityToken: string;
  /** Such as `2026-01-31T08:15:00Z`. A service may leave it out. */
  readonly expiration: string | undefined;
};

/** A provider of sessions. Its `getCredentials`, which has a cache, is not used. */
export type SessionProvider = {
  /** Fetches a session. */
  refresher(): Promise<SdkSession>;
  /** Sends its requests. It may be replaced: a comment in the SDK says so for tests. */
  doRequest: (request: ProviderRequest) => Promise<ProviderResponse>;
};

export type SessionProviderType = 'ram_role_arn' | 'oidc_role_arn' | 'ecs_ram_role' | 'credentials_uri';
/** The fields have the names of the SDK's builders. */
export type SessionProviderFields = Readonly<Record<string, unknown>>;

/** A provider that reads a file of another tool and follows it. */
export type ProfileProvider = { getCredentials(): Promise<SdkCredentials> };
export type ProfileProviderType = 'cli_profile' | 'profile';

/** Creates providers. For missing fields the SDK reads the environment: the region of the STS, the name of a session. */
export interface SdkProviders {
  createSessionProvider(type: SessionProviderType, fields: SessionProviderFields, routes: Routes): SessionProvider;
  createProfileProvider(type: ProfileProviderType, routes: Routes): ProfileProvider;
}

type ProviderClass<Provider> = { builder(): { build(): Provider } };

export type CredentialsModule = Readonly<
  Record<
    | 'RAMRoleARNCredentialsProvider'
    | 'OIDCRoleArnCredentialsProvider'
    | 'ECSRAMRoleCredentialsProvider'
    | 'URICredentialsProvider',
    ProviderClass<SessionProvider>
  > &
    Record<'CLIProfileCredentialsProvider' | 'ProfileCredentialsProvider', ProviderClass<SdkProfileProvider>>
>;

/** A provider of a file creates the provider that the file describes. */
type SdkProfileProvider = ProfileProvider & { getCredentialsProvider: (...args: readonly unknown[]) => unknown };

const SESSION_PROVIDERS = {
  ram_role_arn: 'RAMRoleARNCredentialsProvider',
  oidc_role_arn: 'OIDCRoleArnCredentialsProvider',
  ecs_ram_role: 'ECSRAMRoleCredentialsProvider',
  credentials_uri: 'URICredentialsProvider',
} as const;
const PROFILE_PROVIDERS = {
  cli_profile: 'CLIProfileCredentialsProvider',
  profile: 'ProfileCredentialsProvider',
} as const;

/** @param module the loaded package */
export function createSdkProviders(module: CredentialsModule): SdkProviders {
  return {
    createSessionProvider(type, fields, routes) {
      const builder = Object.assign(module[SESSION_PROVIDERS[type]].builder(), fields);
      const provider = builder.build();
      if (typeof provider.refresher !== 'function' || typeof provider.doRequest !== 'function')
        throw unknownVersion(type);
      provider.doRequest = (request) => sendProviderRequest(request, routes);
      return provider;
    },
    createProfileProvider(type, routes) {
      const provider = module[PROFILE_PROVIDERS[type]].builder().build();
      const create = provider.getCredentialsProvider;
      if (typeof create !== 'function') throw unknownVersion(type);
      provider.getCredentialsProvider = (...args) => {
        const created: unknown = Reflect.apply(create, provider, args);
        lead(created, routes);
        return created;
      };
      return provider;
    },
  };
}

/** Leads the requests of a provider, and of the one that it signs with, on their routes. Providers without requests stay as they are. */
function lead(provider: unknown, routes: Routes): void {
  const parts = Object(provider);
  if ('doRequest' in parts) parts.doRequest = (request: ProviderRequest) => sendProviderRequest(request, routes);
  if ('credentialsProvider' in parts) lead(parts.credentialsProvider, routes);
}

function unknownVersion(type: string): Error {
  return new Error(`this version of @alicloud/credentials has another provider for ${type}: 2.4.7 is known to work`);
}
