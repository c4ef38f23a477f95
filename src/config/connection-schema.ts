// The keys of the connection to the API: the proxy, and how its certificate is checked. They stand at the top level and in instances.
import { z } from 'zod';
import type { ApiTlsSettings, ProxySettings } from '../model/connection-settings.ts';
import type { SecretSource } from '../model/credential-settings.ts';
import { PROXY_URL_EXPECTED, parseProxyUrl } from '../util/proxy-url.ts';
import type { Path } from '../util/yaml/descriptions.ts';
import { strictMap } from '../util/yaml/schema.ts';
import { environmentName, filePath, label, truth } from './fields.ts';

const MAX_LIST_LENGTH = 16_384;
const URL_FORMS = ['proxy_url', 'proxy_url_file', 'proxy_url_env'] as const;
const PROXY_KEYS = [...URL_FORMS, 'no_proxy', 'proxy_from_environment'] as const;

const proxyUrl = () =>
  z
    .string({ error: PROXY_URL_EXPECTED })
    .refine((written) => written === '' || parseProxyUrl(written) !== undefined, { error: PROXY_URL_EXPECTED })
    .meta({
      description: 'Proxy of the requests, such as http://proxy.example.com:3128; empty for none.',
      pattern: '^$|^[Hh][Tt][Tt][Pp][Ss]?://[^\\s/]+/?$',
    });

const noProxyList = () =>
  z.string({ error: 'a text with commas between hosts' }).max(MAX_LIST_LENGTH).meta({
    description:
      'Hosts that are reached without the proxy: addresses, ranges (10.0.0.0/8) and domains, with commas between them.',
  });

const tlsSchema = strictMap({
  ca_file: filePath()
    .optional()
    .meta({ description: 'Certificates to trust in place of the usual ones; relative to the directory of this file.' }),
  server_name: label('a name')
    .optional()
    .meta({ description: 'Name that the certificate of the API must have. Default: the host of the endpoint.' }),
  insecure_skip_verify: truth()
    .prefault('false')
    .meta({ description: 'Whether any certificate of the API is accepted.' }),
}).transform(
  (keys): ApiTlsSettings => ({
    caFile: keys.ca_file,
    serverName: keys.server_name,
    insecureSkipVerify: keys.insecure_skip_verify,
  }),
);

/** The keys, for the map of the top level and that of an instance. */
export const connectionKeys = {
  proxy_url: proxyUrl().optional(),
  proxy_url_file: filePath()
    .optional()
    .meta({ description: 'File that holds the URL of the proxy; relative to the directory of this file.' }),
  proxy_url_env: environmentName()
    .optional()
    .meta({ description: 'Environment variable that holds the URL of the proxy.' }),
  no_proxy: noProxyList().optional(),
  proxy_from_environment: truth()
    .optional()
    .meta({ description: 'Whether HTTPS_PROXY, HTTP_PROXY and NO_PROXY in the environment decide. Default: false.' }),
  tls: tlsSchema.optional().meta({ description: 'How the certificate of the API is checked.' }),
};

/** The same rules as in {@link requireOneProxy}, for editors. */
export const connectionRules = [
  ...pairs(URL_FORMS).map((required) => ({ not: { required } })),
  { anyOf: [...URL_FORMS.map((form) => ({ required: [form] })), { not: { required: ['no_proxy'] } }] },
  ...[...URL_FORMS, 'no_proxy'].map((key) => ({
    not: {
      required: ['proxy_from_environment', key],
      properties: { proxy_from_environment: { const: true as const }, [key]: { not: { enum: [null, ''] } } },
    },
  })),
];

type ProxyKeys = {
  readonly [Key in 'proxy_url' | 'proxy_url_file' | 'proxy_url_env' | 'no_proxy']?: string | undefined;
} & { readonly proxy_from_environment?: boolean | undefined };

/** The proxy that keys say; undefined if there are none. */
export function proxyOf(keys: ProxyKeys): ProxySettings | undefined {
  if (PROXY_KEYS.every((key) => keys[key] === undefined)) return undefined;
  if (keys.proxy_from_environment) return { from: 'environment' };
  const url = urlSource(keys);
  return url === undefined ? { from: 'none' } : { from: 'url', url, noProxy: keys.no_proxy?.trim() ?? '' };
}

function urlSource({
  proxy_url: value,
  proxy_url_file: path,
  proxy_url_env: name,
}: ProxyKeys): SecretSource | undefined {
  if (path !== undefined) return { from: 'file', path };
  if (name !== undefined) return { from: 'env', name };
  return value === undefined || value === '' ? undefined : { from: 'value', value };
}

/** Runs for any value. Another check reports a value that is not a map. */
export function requireOneProxy(keys: unknown, context: z.core.$RefinementCtx): void {
  if (typeof keys !== 'object' || keys === null) return;
  const given = URL_FORMS.filter((form) => form in keys);
  const report = (path: Path, message: string, found: string) =>
    context.addIssue({ code: 'custom', message, path: [...path], params: { found } });
  const [first, second] = given;
  if (second !== undefined) report([second], `one of ${URL_FORMS.join(', ')}`, given.join(' and '));
  const isAlone = first === undefined && !isFromEnvironment(keys);
  if ('no_proxy' in keys && isAlone) report(['no_proxy'], `${URL_FORMS.join(' or ')} beside it`, 'none');
  if (!isFromEnvironment(keys)) return;
  for (const key of [...given, 'no_proxy'] as const) {
    if (key in keys && Reflect.get(keys, key) !== '')
      report([key], 'no such key beside proxy_from_environment', 'both');
  }
}

/** A check that runs before others have converted the value sees its text. */
function isFromEnvironment(keys: object): boolean {
  return ['true', true].includes(Reflect.get(keys, 'proxy_from_environment'));
}

/** Whether the value at a path may hold the password of a proxy. */
export function isProxyUrl(path: Path): boolean {
  return path.some((step) => step === 'proxy_url');
}

function pairs(keys: readonly string[]): string[][] {
  return keys.flatMap((one, index) => keys.slice(index + 1).map((other) => [one, other]));
}
