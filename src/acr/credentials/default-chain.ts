// Chooses the provider of a credentials block. For `type: default` by the variables that are set, else by the files of this machine.
import { access } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { CredentialSettings } from '../../model/credential-settings.ts';
import { credentialsUnavailable } from '../api-error.ts';

/** The settings of one provider. Profiles are files of other tools. Only the default chain uses them. */
export type ProviderSettings =
  | Exclude<CredentialSettings, { readonly type: 'default' }>
  | { readonly type: 'cli_profile' | 'profile' };

/** A provider with its name, and for messages the reason of the choice. */
export type ChosenProvider = {
  readonly settings: ProviderSettings;
  /** The `type`, or `env` for an access key in the variables of the default chain. */
  readonly name: string;
  /** The reason; empty if the configuration or a variable names the provider. */
  readonly chosenFor: string;
};

const KEY_ID = 'ALIBABA_CLOUD_ACCESS_KEY_ID';
const KEY_SECRET = 'ALIBABA_CLOUD_ACCESS_KEY_SECRET';
const SECURITY_TOKEN = 'ALIBABA_CLOUD_SECURITY_TOKEN';
const ROLE_ARN = 'ALIBABA_CLOUD_ROLE_ARN';
const OIDC_PROVIDER_ARN = 'ALIBABA_CLOUD_OIDC_PROVIDER_ARN';
const OIDC_TOKEN_FILE = 'ALIBABA_CLOUD_OIDC_TOKEN_FILE';
const PROFILE = 'ALIBABA_CLOUD_PROFILE';
const PROFILE_FILE = 'ALIBABA_CLOUD_CREDENTIALS_FILE';
const ECS_ROLE = 'ALIBABA_CLOUD_ECS_METADATA';
const ECS_DISABLED = 'ALIBABA_CLOUD_ECS_METADATA_DISABLED';
const CLI_DISABLED = 'ALIBABA_CLOUD_CLI_PROFILE_DISABLED';
const URI = 'ALIBABA_CLOUD_CREDENTIALS_URI';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The provider of a credentials block. For `default` it is the first of these that is configured, in the order of the SDK's chain: access key,
 * RRSA, profile, ECS role, credentials URI. No other provider replaces it when it fails. The SDK's own chain goes on to the next provider after
 * any failure and stays there: after a short failure of a service the exporter would use the role of the node until its restart.
 *
 * Rejects with the `ApiError` `CredentialsUnavailable` if only some of the variables of a provider are set, or the metadata service is disabled.
 */
export async function chooseProvider(settings: CredentialSettings, env: Environment): Promise<ChosenProvider> {
  const chosen =
    settings.type === 'default'
      ? (chooseByVariables(env) ?? (await chooseByMachine(env)))
      : { settings, name: settings.type, chosenFor: '' };
  if (chosen.settings.type === 'ecs_ram_role' && isTrue(env[ECS_DISABLED])) {
    throw credentialsUnavailable(
      `no credentials from ${settings.type}: ${chosen.chosenFor}the variable ${ECS_DISABLED} is true, so the metadata service is not asked`,
    );
  }
  return chosen;
}

/** The provider whose variables are set. */
function chooseByVariables(env: Environment): ChosenProvider | undefined {
  const named = (settings: ProviderSettings, name: string = settings.type) => ({ settings, name, chosenFor: '' });
  const isSet = (name: string) => (env[name] ?? '') !== '';
  if ([KEY_ID, KEY_SECRET, SECURITY_TOKEN].some(isSet)) {
    needAll(env, [KEY_ID, KEY_SECRET], isSet(SECURITY_TOKEN) ? SECURITY_TOKEN : undefined);
    const accessKeyId = { from: 'env', name: KEY_ID } as const;
    const accessKeySecret = { from: 'env', name: KEY_SECRET } as const;
    if (!isSet(SECURITY_TOKEN)) return named({ type: 'access_key', accessKeyId, accessKeySecret }, 'env');
    const securityToken = { from: 'env', name: SECURITY_TOKEN } as const;
    return named({ type: 'sts', accessKeyId, accessKeySecret, securityToken }, 'env');
  }
  if ([ROLE_ARN, OIDC_PROVIDER_ARN, OIDC_TOKEN_FILE].some(isSet)) {
    const [roleArn = '', oidcProviderArn = '', oidcTokenFile = ''] = needAll(env, [
      ROLE_ARN,
      OIDC_PROVIDER_ARN,
      OIDC_TOKEN_FILE,
    ]);
    return named({ type: 'oidc_role_arn', roleArn, oidcProviderArn, oidcTokenFile });
  }
  if (isSet(PROFILE_FILE)) return named({ type: 'profile' });
  // `chooseByMachine` finds the file with that profile.
  if (isSet(PROFILE)) return undefined;
  if (isSet(ECS_ROLE)) return named({ type: 'ecs_ram_role', roleName: env[ECS_ROLE] });
  return isSet(URI) ? named({ type: 'credentials_uri', uri: env[URI] ?? '' }) : undefined;
}

/** The values of variables that have to be set together. */
function needAll(env: Environment, names: readonly string[], also?: string): readonly string[] {
  const missing = names.filter((name) => (env[name] ?? '') === '');
  if (missing.length === 0) return names.map((name) => env[name] ?? '');
  const present = [...names, ...(also === undefined ? [] : [also])].filter((name) => !missing.includes(name));
  throw credentialsUnavailable(
    `no credentials from default: ${listed(present)} set without ${missing.join(' and ')}: set all of them, or none`,
  );
}

function listed(names: readonly string[]): string {
  return `the ${names.length === 1 ? 'variable' : 'variables'} ${names.join(' and ')} ${names.length === 1 ? 'is' : 'are'}`;
}

/** The provider of a profile file if there is one, even if it fails; else the role of the ECS instance. */
async function chooseByMachine(env: Environment): Promise<ChosenProvider> {
  const home = homeDirectory();
  const isThere = async (path: string) => home !== undefined && (await exists(path));
  const cliFile = join(home ?? '~', '.aliyun', 'config.json');
  const profileFile = join(home ?? '~', '.alibabacloud', 'credentials');
  const because = (file: string) => `the file ${file} is there: `;
  if (!isTrue(env[CLI_DISABLED]) && (await isThere(cliFile))) {
    return { settings: { type: 'cli_profile' }, name: 'cli_profile', chosenFor: because(cliFile) };
  }
  if ((env[PROFILE] ?? '') !== '') {
    return { settings: { type: 'profile' }, name: 'profile', chosenFor: `the variable ${PROFILE} is set: ` };
  }
  if (await isThere(profileFile)) {
    return { settings: { type: 'profile' }, name: 'profile', chosenFor: because(profileFile) };
  }
  const chosenFor = `no variable such as ${KEY_ID} is set, there is neither ${cliFile} nor ${profileFile}, and `;
  return { settings: { type: 'ecs_ram_role' }, name: 'ecs_ram_role', chosenFor };
}

/** Undefined for a user that the system does not know, as in a container, if no variable is set either. */
function homeDirectory(): string | undefined {
  try {
    return homedir();
  } catch {
    return undefined;
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function isTrue(value: string | undefined): boolean {
  return value?.toLowerCase() === 'true';
}
