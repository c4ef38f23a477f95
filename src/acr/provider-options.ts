// A credentials block in the words of `@alicloud/credentials`.
import type { CredentialSettings } from '../util/credential-settings.ts';
import type { ProviderOptions } from './client.ts';
import type { SecretSources, SecretValues } from './secret-values.ts';

/** So that a provider gives up, and falls back on a session that is still good, before its caller stops waiting for it. */
const TIMEOUTS = { timeout: 4_500, connectTimeout: 4_500 };

/** The secrets of a block by their keys in the configuration. */
export function secretSources(settings: CredentialSettings): SecretSources {
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

/** The options of the block's provider; undefined for the default chain. `values` are those of {@link secretSources}. */
export function providerOptions(settings: CredentialSettings, values: SecretValues): ProviderOptions | undefined {
  const { type } = settings;
  const accessKey = { accessKeyId: values.access_key_id, accessKeySecret: values.access_key_secret };
  switch (type) {
    case 'default':
      return undefined;
    case 'access_key':
      return { type, ...accessKey };
    case 'sts':
      return { type, ...accessKey, securityToken: values.security_token };
    case 'ram_role_arn': {
      const { roleArn, roleSessionName, externalId } = settings;
      return { type, ...accessKey, roleArn, roleSessionName, externalId, ...TIMEOUTS };
    }
    case 'oidc_role_arn': {
      const { roleArn, roleSessionName, oidcProviderArn, oidcTokenFile } = settings;
      return { type, roleArn, roleSessionName, oidcProviderArn, oidcTokenFilePath: oidcTokenFile, ...TIMEOUTS };
    }
    case 'ecs_ram_role':
      return { type, roleName: settings.roleName };
    case 'credentials_uri':
      return { type, credentialsURI: settings.uri, ...TIMEOUTS };
  }
}
