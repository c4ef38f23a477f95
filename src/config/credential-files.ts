// The files and environment variables that credentials, connections and the webhook name: makes their paths absolute, and finds those that do not exist.
import { access } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import type { ConnectionSettings } from '../model/connection-settings.ts';
import type { CredentialSettings, SecretSource } from '../model/credential-settings.ts';
import type { WebhookSettings } from '../model/events.ts';
import type { ReplicasSettings } from '../model/replicas.ts';
import type { Config } from './config.ts';
import { credentialSets } from './credential-sets.ts';

/** The settings with absolute file paths: `resolve` makes a path from the file absolute. */
export function resolvePaths(settings: CredentialSettings, resolve: (path: string) => string): CredentialSettings {
  const source = (given: SecretSource) => resolveSource(given, resolve);
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

/** The settings with absolute paths. */
export function resolveConnection(
  { proxy, tls }: ConnectionSettings,
  resolve: (path: string) => string,
): ConnectionSettings {
  return {
    proxy: proxy.from === 'url' ? { ...proxy, url: resolveSource(proxy.url, resolve) } : proxy,
    tls: { ...tls, caFile: tls.caFile && resolve(tls.caFile) },
  };
}

/** The settings with an absolute path of the token's file. */
export function resolveToken(settings: WebhookSettings, resolve: (path: string) => string): WebhookSettings {
  const { token } = settings;
  return token.from === 'file' ? { ...settings, token: { from: 'file', path: resolve(token.path) } } : settings;
}

/** The settings with an absolute path of the file that holds the URL of Redis. */
export function resolveReplicas(settings: ReplicasSettings, resolve: (path: string) => string): ReplicasSettings {
  return { ...settings, redisUrl: resolveSource(settings.redisUrl, resolve) };
}

function resolveSource(given: SecretSource, resolve: (path: string) => string): SecretSource {
  return given.from === 'file' ? { from: 'file', path: resolve(given.path) } : given;
}

/** Finds out whether something exists. */
export type Lookup = {
  readonly hasVariable: (name: string) => boolean;
  readonly hasFile: (path: string) => boolean | Promise<boolean>;
};

/** A lookup in the file system and in these variables. */
export function presentIn(env: Readonly<Record<string, string | undefined>>): Lookup {
  return {
    hasVariable: (name) => env[name] !== undefined,
    hasFile: (path) =>
      access(path).then(
        () => true,
        () => false,
      ),
  };
}

/** A file or variable that does not exist, by the key that names it: the name itself may be a secret in the wrong key. */
export type MissingSecret = { readonly key: string; readonly reason: string };

/** Every file and variable that is in use and does not exist. Does not read them. */
export async function missingSecrets(config: Config, lookup: Lookup): Promise<readonly MissingSecret[]> {
  const ids = config.instances.map(({ id }) => id);
  const missing: MissingSecret[] = [];
  for (const { name, settings, instanceIds } of credentialSets(config)) {
    const isShared = settings === config.credentials;
    const block = isShared ? 'credentials' : `instances[${ids.indexOf(instanceIds[0] ?? name)}].credentials`;
    for (const { key, source } of requirementsOf(settings))
      missing.push(...(await missingAt(`${block}.${key}`, source, lookup)));
  }
  const { connection } = config;
  missing.push(...(await missingOf(connection, '', lookup)));
  for (const [index, { connection: own }] of config.instances.entries()) {
    const isOther = {
      proxy: !isDeepStrictEqual(own.proxy, connection.proxy),
      tls: !isDeepStrictEqual(own.tls, connection.tls),
    };
    missing.push(...(await missingOf(own, `instances[${index}].`, lookup, isOther)));
  }
  const { webhook } = config.events;
  if (webhook !== undefined) missing.push(...(await missingAt('events.webhook.token', webhook.token, lookup)));
  if (config.replicas !== undefined)
    missing.push(...(await missingAt('replicas.redis_url', config.replicas.redisUrl, lookup)));
  return missing;
}

/** What is missing of the parts of a connection that are not those of the top level. */
async function missingOf(
  { proxy, tls }: ConnectionSettings,
  block: string,
  lookup: Lookup,
  has = { proxy: true, tls: true },
): Promise<readonly MissingSecret[]> {
  const caFile = has.tls ? tls.caFile : undefined;
  return [
    ...(has.proxy && proxy.from === 'url' ? await missingAt(`${block}proxy_url`, proxy.url, lookup) : []),
    ...(caFile === undefined ? [] : await missingAt(`${block}tls.ca`, { from: 'file', path: caFile }, lookup)),
  ];
}

async function missingAt(key: string, source: SecretSource, lookup: Lookup): Promise<readonly MissingSecret[]> {
  if (source.from === 'file' && !(await lookup.hasFile(source.path)))
    return [{ key: `${key}_file`, reason: 'no such file' }];
  if (source.from === 'env' && !lookup.hasVariable(source.name))
    return [{ key: `${key}_env`, reason: 'no such environment variable' }];
  return [];
}

/** One warning for each of the {@link missingSecrets}. */
export async function missingSecretWarnings(config: Config, lookup: Lookup): Promise<readonly string[]> {
  const missing = await missingSecrets(config, lookup);
  return missing.map(({ key, reason }) => {
    const hint = key.endsWith('_file') ? '; relative paths start at the directory of the configuration file' : '';
    return `${key}: ${reason}${hint}`;
  });
}

/** A secret that a block does not contain: the key that names it, and where it is. */
type Requirement = { readonly key: string; readonly source: SecretSource };

/** Every file and variable of a block. */
function requirementsOf(settings: CredentialSettings): readonly Requirement[] {
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
