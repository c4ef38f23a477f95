// The schema of a web configuration file, as in Prometheus' exporter-toolkit. The files that it names are checked in tls-settings.ts.
import { z } from 'zod';
import { parsed, strictMap } from '../../util/yaml/schema.ts';
import { parseGoDuration } from './go-duration.ts';
import { CIPHER_SUITES, CURVES, TLS_VERSION_NAMES } from './go-names.ts';

/** exporter-toolkit calls all but the last two insecure. `RequireClientCert` is an old name of `RequireAnyClientCert`. */
const CLIENT_AUTH_TYPES = [
  'NoClientCert',
  'RequestClientCert',
  'RequireAnyClientCert',
  'RequireClientCert',
  'VerifyClientCertIfGiven',
  'RequireAndVerifyClientCert',
] as const;

const TRUE = /^(y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON)$/;
const FALSE = /^(n|N|no|No|NO|false|False|FALSE|off|Off|OFF)$/;

/** The hashes that bcryptjs can compare; all current tools write these. */
const BCRYPT_HASH = /^\$2[aby]\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}$/;

const tlsServerConfig = strictMap({
  cert_file: text('a path'),
  key_file: text('a path'),
  cert: text('a certificate in PEM'),
  key: text('a private key in PEM'),
  client_auth_type: nullOr(oneOf(['', ...CLIENT_AUTH_TYPES])).transform(policyName),
  client_ca_file: text('a path'),
  client_ca: text('certificates in PEM'),
  client_allowed_sans: nullOr(listOf('at least one name', z.string({ error: 'a name' }), 1)),
  min_version: nullOr(oneOf(TLS_VERSION_NAMES)).transform((version) => version ?? 'TLS12'),
  max_version: nullOr(oneOf(TLS_VERSION_NAMES)).transform((version) => version ?? 'TLS13'),
  cipher_suites: nullOr(listOf('cipher suites', nameIn(CIPHER_SUITES, 'a cipher suite that Go lists as secure'))),
  curve_preferences: nullOr(listOf('curves', nameIn(CURVES, `one of ${Object.keys(CURVES).join(', ')}`))),
  prefer_server_cipher_suites: nullOr(booleanText()).transform((isPreferred) => isPreferred ?? true),
});

const httpServerConfig = strictMap({
  http2: nullOr(booleanText()),
  headers: nullOr(
    strictMap({
      'Content-Security-Policy': headerText(),
      'Strict-Transport-Security': headerText(),
      'X-Content-Type-Options': oneOf(['nosniff']).optional(),
      'X-Frame-Options': oneOf(['deny', 'sameorigin']).optional(),
      'X-XSS-Protection': headerText(),
    }),
  ),
});

const rateLimit = strictMap({
  interval: nullOr(parsed('a duration such as 100ms, 1s or 1m30s, or 0 for no limit', parseGoDuration)),
  burst: nullOr(parsed('a whole number', wholeNumber)),
});

/** The block alone, so that its files are checked even if there are mistakes elsewhere. */
export const tlsBlockSchema = nullOr(tlsServerConfig);

export const webConfigSchema = strictMap({
  tls_server_config: tlsBlockSchema,
  http_server_config: nullOr(httpServerConfig),
  basic_auth_users: nullOr(
    z.record(z.string(), passwordHash(), { error: 'a map of users and the bcrypt hashes of their passwords' }),
  ),
  rate_limit: nullOr(rateLimit),
});

/** The keys of `tls_server_config`, with defaults filled in. */
export type TlsKeys = z.output<typeof tlsServerConfig>;

/** The keys of `rate_limit`; the interval is in milliseconds. */
export type RateLimitKeys = z.output<typeof rateLimit>;

/** The value, or undefined for a key without a value, as in exporter-toolkit. */
function nullOr<Schema extends z.core.$ZodType>(schema: Schema) {
  return z.nullish(schema).transform((value) => value ?? undefined);
}

/** Any text; an empty one counts as absent. */
function text(expected: string) {
  return nullOr(z.string({ error: expected })).transform((written) => written || undefined);
}

function oneOf<const Value extends string>(values: readonly Value[]) {
  return z.enum(values, { error: `one of ${values.filter((value) => value !== '').join(', ')}` });
}

function listOf<Item extends z.core.$ZodType>(what: string, item: Item, least = 0) {
  return z.array(item, { error: `a list of ${what}` }).min(least, `a list of ${what}`);
}

function nameIn(names: Readonly<Record<string, string>>, expected: string) {
  return parsed(expected, (written) => (Object.hasOwn(names, written) ? names[written] : undefined));
}

function booleanText() {
  return parsed('true or false', (written) => (TRUE.test(written) ? true : FALSE.test(written) ? false : undefined));
}

/** Line breaks become spaces, as in Go; other control characters cannot be sent. */
function headerText() {
  return nullOr(
    parsed('a text without control characters', (written) => {
      const line = written.replaceAll(/[\r\n]/g, ' ').trim();
      return /(?!\t)\p{Cc}/u.test(line) ? undefined : line;
    }),
  );
}

function wholeNumber(written: string): number | undefined {
  const value = /^\d+$/.test(written) ? Number(written) : Number.NaN;
  return Number.isSafeInteger(value) ? value : undefined;
}

function passwordHash() {
  return parsed('a bcrypt hash such as htpasswd -nBC 10 "" prints', (hash) =>
    BCRYPT_HASH.test(hash) ? hash : undefined,
  );
}

function policyName(name: '' | (typeof CLIENT_AUTH_TYPES)[number] | undefined) {
  return name === 'RequireClientCert' ? 'RequireAnyClientCert' : name || undefined;
}
