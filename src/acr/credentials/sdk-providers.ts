// The parts in use of `@alicloud/credentials`: its providers, which know the services and how their requests are signed.

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

export type ProviderRequest = { readonly method: string; readonly readTimeout?: number; toRequestURL(): string };
export type ProviderResponse = { readonly statusCode: number; readonly body: Buffer | string };

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
  createSessionProvider(type: SessionProviderType, fields: SessionProviderFields): SessionProvider;
  createProfileProvider(type: ProfileProviderType): ProfileProvider;
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
    Record<'CLIProfileCredentialsProvider' | 'ProfileCredentialsProvider', ProviderClass<ProfileProvider>>
>;

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
    createSessionProvider(type, fields) {
      const builder = Object.assign(module[SESSION_PROVIDERS[type]].builder(), fields);
      const provider = builder.build();
      if (typeof provider.refresher !== 'function' || typeof provider.doRequest !== 'function') {
        throw new Error(
          `this version of @alicloud/credentials has another provider for ${type}: 2.4.7 is known to work`,
        );
      }
      return provider;
    },
    createProfileProvider: (type) => module[PROFILE_PROVIDERS[type]].builder().build(),
  };
}
