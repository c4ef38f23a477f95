// The credentials block: one map for each type, each secret in exactly one of its forms, and what messages about it must not show.
import { z } from 'zod';
import type { CredentialSettings, SecretSource } from '../model/credential-settings.ts';
import { looksLikeKey, MERGE_KEY, nearest, type Path, type Redaction } from '../util/yaml/descriptions.ts';
import { strictMap } from '../util/yaml/schema.ts';
import { isProxyUrl } from './connection-schema.ts';
import { WEBHOOK_KEYS } from './events-schema.ts';
import { environmentName, matching, text } from './fields.ts';
import { REPLICAS_KEYS } from './replicas-schema.ts';

const MAX_SECRET_LENGTH = 16_384;
const MAX_TEXT_LENGTH = 2048;

const SECRETS = {
  access_key_id: 'Id of the access key.',
  access_key_secret: 'Secret of the access key.',
  security_token: 'Token of a temporary access key.',
} as const;
type SecretName = keyof typeof SECRETS;
type SecretForm<Name extends SecretName> = Name | `${Name}_file` | `${Name}_env`;

const roleArn = plain('ARN of the RAM role to assume, such as acs:ram::1234567890123456:role/acr-scan-reader.');
const roleSessionName = plain("Name of the session, as the cloud's audit log shows it.").optional();

const defaultChain = block('default', [], {}).transform((): CredentialSettings => ({ type: 'default' }));

const accessKey = block('access_key', ['access_key_id', 'access_key_secret'], {}).transform(
  (keys): CredentialSettings => ({ type: 'access_key', ...accessKeyOf(keys) }),
);

const sts = block('sts', ['access_key_id', 'access_key_secret', 'security_token'], {}).transform(
  (keys): CredentialSettings => ({
    type: 'sts',
    ...accessKeyOf(keys),
    securityToken: sourceOf(keys, 'security_token'),
  }),
);

const ramRoleArn = block('ram_role_arn', ['access_key_id', 'access_key_secret'], {
  role_arn: roleArn,
  role_session_name: roleSessionName,
  external_id: plain("External id, if the role's trust policy requires one.").optional(),
}).transform(
  (keys): CredentialSettings => ({
    type: 'ram_role_arn',
    ...accessKeyOf(keys),
    roleArn: keys.role_arn,
    roleSessionName: keys.role_session_name,
    externalId: keys.external_id,
  }),
);

const oidcRoleArn = block('oidc_role_arn', [], {
  role_arn: roleArn,
  oidc_provider_arn: plain(
    'ARN of the OIDC identity provider, such as acs:ram::1234567890123456:oidc-provider/ack-rrsa.',
  ),
  oidc_token_file: plain('File that holds the OIDC token; relative to the directory of this file.'),
  role_session_name: roleSessionName,
}).transform(
  (keys): CredentialSettings => ({
    type: 'oidc_role_arn',
    roleArn: keys.role_arn,
    oidcProviderArn: keys.oidc_provider_arn,
    oidcTokenFile: keys.oidc_token_file,
    roleSessionName: keys.role_session_name,
  }),
);

const ecsRamRole = block('ecs_ram_role', [], {
  role_name: plain('Name of the role; if left out, the metadata service gives it.').optional(),
}).transform((keys): CredentialSettings => ({ type: 'ecs_ram_role', roleName: keys.role_name }));

const credentialsUri = block('credentials_uri', [], {
  uri: z.string({ error: 'an http or https URL' }).refine(isHttpUrl, { error: 'an http or https URL' }).meta({
    description: 'URL that answers with temporary credentials as JSON.',
    format: 'uri',
    pattern: '^https?://',
  }),
}).transform((keys): CredentialSettings => ({ type: 'credentials_uri', uri: keys.uri }));

const VARIANTS = [defaultChain, accessKey, sts, ramRoleArn, oidcRoleArn, ecsRamRole, credentialsUri] as const;

/** The keys of each type of credentials, in the order of the documentation. */
export const CREDENTIAL_KEYS: ReadonlyMap<string, readonly string[]> = new Map(
  VARIANTS.map(({ in: { shape } }) => [shape.type.value, Object.keys(shape)]),
);

const ALL_KEYS = [...new Set([...CREDENTIAL_KEYS.values()].flat()), ...WEBHOOK_KEYS, ...REPLICAS_KEYS];

/** Whether the value at a path is a part of credentials, of the webhook with its token, or of replicas with the URL of Redis. */
export function isConfidential(path: Path): boolean {
  return path.includes('credentials') || path.includes('webhook') || path.includes('replicas');
}

/** What messages about a configuration hide. A key in credentials or the webhook is shown only if it is close to a known one: it may be a misplaced value. */
export const REDACTION: Redaction = {
  hidesValue: (path) => isConfidential(path) || isProxyUrl(path),
  showsKey: (key, map) =>
    isConfidential(map) ? key === MERGE_KEY || nearest(key, ALL_KEYS) !== undefined : looksLikeKey(key),
};

/** One credentials block. File paths stay as written: see `resolvePaths`. */
export const credentialsSchema = z.discriminatedUnion('type', VARIANTS, {
  error: (issue) =>
    typeof issue.input === 'object' && issue.input !== null && !Array.isArray(issue.input)
      ? `one of ${[...CREDENTIAL_KEYS.keys()].join(', ')}`
      : 'a map with the key type and the keys of that type',
});

/** The map of one type: the key `type`, its secrets in all their forms, and its other keys. */
function block<Type extends CredentialSettings['type'], Name extends SecretName, Shape extends z.core.$ZodLooseShape>(
  type: Type,
  secrets: readonly Name[],
  shape: Shape,
) {
  const description = 'How requests are signed. The other keys depend on it.';
  const oneFormEach = secrets.map((name) => ({ oneOf: formNames(name).map((form) => ({ required: [form] })) }));
  return strictMap({ type: z.literal(type).meta({ description }), ...formsOf(secrets), ...shape })
    .superRefine((keys, context) => requireOneForm(secrets, keys, context), { when: () => true })
    .meta(secrets.length === 0 ? {} : { allOf: oneFormEach });
}

/** The keys that can give a secret. */
function formNames<Name extends SecretName>(name: Name): SecretForm<Name>[] {
  return [name, `${name}_file`, `${name}_env`];
}

function formsOf<Name extends SecretName>(
  names: readonly Name[],
): Record<SecretForm<Name>, z.ZodOptional<z.ZodString>> {
  const entries = names.flatMap((name): [string, z.ZodOptional<z.ZodString>][] => [
    [name, visibleText().meta({ description: SECRETS[name] }).optional()],
    [`${name}_file`, plain(`File that holds ${name}; relative to the directory of this file.`).optional()],
    [
      `${name}_env`,
      environmentName()
        .meta({ description: `Environment variable that holds ${name}.` })
        .optional(),
    ],
  ]);
  return Object.fromEntries(entries) as Record<SecretForm<Name>, z.ZodOptional<z.ZodString>>;
}

function requireOneForm(secrets: readonly SecretName[], keys: object, context: z.core.$RefinementCtx): void {
  for (const name of secrets) {
    const forms = formNames(name);
    const given = forms.filter((form) => form in keys);
    if (given.length === 1) continue;
    context.addIssue({
      code: 'custom',
      message: `one of ${forms.join(', ')}`,
      path: given.slice(1, 2),
      params: { found: given.length === 0 ? 'none of them' : given.join(' and ') },
    });
  }
}

type AccessKeyForms = Partial<Record<SecretForm<'access_key_id' | 'access_key_secret'>, string | undefined>>;

function accessKeyOf(keys: AccessKeyForms) {
  return { accessKeyId: sourceOf(keys, 'access_key_id'), accessKeySecret: sourceOf(keys, 'access_key_secret') };
}

function sourceOf<Name extends SecretName>(
  keys: Partial<Record<SecretForm<Name>, string | undefined>>,
  name: Name,
): SecretSource {
  const forms: Partial<Record<string, string | undefined>> = keys;
  const { [`${name}_file`]: path, [`${name}_env`]: variable, [name]: value = '' } = forms;
  if (path !== undefined) return { from: 'file', path };
  return variable === undefined ? { from: 'value', value } : { from: 'env', name: variable };
}

function plain(description: string) {
  return text(`a text of 1 to ${MAX_TEXT_LENGTH} characters`, MAX_TEXT_LENGTH).meta({ description });
}

/** Secrets are sent in headers: the line break at the end of a YAML block text would break every request. */
function visibleText() {
  return matching('a text of visible ASCII characters', new RegExp(`^[\\x21-\\x7e]{1,${MAX_SECRET_LENGTH}}$`));
}

function isHttpUrl(written: string): boolean {
  return /^https?:\/\/\S+$/.test(written) && URL.canParse(written);
}
