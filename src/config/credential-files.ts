// The files and variables that a credentials block names: made absolute when the configuration is loaded, looked for by --config.check.
import type { CredentialSettings, SecretSource } from '../model/credential-settings.ts';

/** The settings with every file path passed through `resolve`, which makes a path as written absolute. */
export function resolvePaths(settings: CredentialSettings, resolve: (path: string) => string): CredentialSettings {
  const source = (given: SecretSource): SecretSource =>
    given.from === 'file' ? { from: 'file', path: resolve(given.path) } : given;
  switch (settings.type) {
    case 'sts':
      return {
        ...settings,
        accessKeyId: source(settings.accessKeyId),
        accessKeySecret: source(settings.accessKeySecret),
        securityToken: source(settings.securityToken),
      };
    case 'access_key':
    case 'ram_role_arn':
      return {
        ...settings,
        accessKeyId: source(settings.accessKeyId),
        accessKeySecret: source(settings.accessKeySecret),
      };
    case 'oidc_role_arn':
      return { ...settings, oidcTokenFile: resolve(settings.oidcTokenFile) };
    default:
      return settings;
  }
}

/** What a block reads besides the configuration: the key that names it, and where it is. */
export type Requirement = { readonly key: string; readonly source: SecretSource };

/** Every file and variable of a block. */
export function requirementsOf(settings: CredentialSettings): readonly Requirement[] {
  switch (settings.type) {
    case 'sts':
      return [...accessKeyOf(settings), { key: 'security_token', source: settings.securityToken }].filter(isOutside);
    case 'access_key':
    case 'ram_role_arn':
      return accessKeyOf(settings).filter(isOutside);
    case 'oidc_role_arn':
      return [{ key: 'oidc_token', source: { from: 'file', path: settings.oidcTokenFile } }];
    default:
      return [];
  }
}

function accessKeyOf(settings: { readonly accessKeyId: SecretSource; readonly accessKeySecret: SecretSource }) {
  return [
    { key: 'access_key_id', source: settings.accessKeyId },
    { key: 'access_key_secret', source: settings.accessKeySecret },
  ];
}

function isOutside({ source }: Requirement): boolean {
  return source.from !== 'value';
}
