// Converts tls_server_config to the options of Node's TLS server: reads the files that it names and checks that they fit together.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { resolve } from 'node:path';
import { createSecureContext, type TlsOptions } from 'node:tls';
import { mistakeInCertificates, type PemMistake } from '../../util/pem.ts';
import type { ReadFiles } from '../../util/read-files.ts';
import type { YamlDocument } from '../../util/yaml/document.ts';
import { describeReadFailure } from '../../util/yaml/read-text.ts';
import { TLS_VERSION_NAMES, TLS_VERSIONS, TLS13_SUITES } from './go-names.ts';
import type { TlsKeys } from './schema.ts';
import type { ClientPolicy, TlsSettings } from './settings.ts';

const BLOCK = 'tls_server_config';

type KeyName = keyof TlsKeys;
type Reading = { readonly document: YamlDocument; readonly files: ReadFiles; readonly directory: string };

/** The TLS settings; undefined for a block without certificates, which means plain HTTP as in exporter-toolkit. Mistakes are reported. */
export function tlsSettingsOf(keys: TlsKeys, reading: Reading): TlsSettings | undefined {
  const { client_auth_type: policy = 'NoClientCert' } = keys;
  if (!wantsTls(keys)) return undefined;
  const { document } = reading;
  const certificate = pemOf('cert', keys, reading);
  const key = pemOf('key', keys, reading);
  const authorities = pemOf('client_ca', keys, reading);
  reportOrder(keys, document);
  const hasAuthorities = keys.client_ca !== undefined || keys.client_ca_file !== undefined;
  if (hasAuthorities && policy === 'NoClientCert')
    document.report([BLOCK], 'a client_auth_type beside the authorities of clients', 'none', 'key');
  if (keys.client_allowed_sans && policy !== 'RequireAnyClientCert' && policy !== 'RequireAndVerifyClientCert') {
    const expected = 'client_auth_type RequireAndVerifyClientCert or RequireAnyClientCert beside it';
    document.report([BLOCK, 'client_allowed_sans'], expected, policy, 'key');
  }
  if (certificate === undefined) reportMissing('cert', keys, document);
  if (key === undefined) reportMissing('key', keys, document);
  if (certificate === undefined || key === undefined || !document.problems.isEmpty) return undefined;
  const options = optionsOf(keys, { cert: certificate, key, ...(authorities !== undefined && { ca: authorities }) });
  reportMismatch(keys, certificate, key, document);
  if (document.problems.isEmpty) reportUnusable(options, document);
  return {
    options: { ...options, requestCert: policy !== 'NoClientCert', rejectUnauthorized: false },
    clients: policyOf(keys),
  };
}

/** Other keys do not switch TLS on, as in exporter-toolkit. `client_allowed_sans` does, since without TLS it would not be checked. */
function wantsTls(keys: TlsKeys): boolean {
  const { cert, cert_file, key, key_file, client_ca, client_ca_file, client_auth_type, client_allowed_sans } = keys;
  return [cert, cert_file, key, key_file, client_ca, client_ca_file, client_auth_type, client_allowed_sans].some(
    (value) => value !== undefined,
  );
}

type PemName = 'cert' | 'key' | 'client_ca';

/** The PEM of the file or, without a file, of the block; undefined when there is neither, or when it is wrong. */
function pemOf(name: PemName, keys: TlsKeys, { document, files, directory }: Reading): Buffer | undefined {
  const path = keys[`${name}_file`];
  const place: KeyName = path === undefined ? name : `${name}_file`;
  const inline = keys[name];
  if (path === undefined && inline === undefined) return undefined;
  try {
    const pem = path === undefined ? Buffer.from(inline ?? '') : files.read(resolve(directory, path));
    const wrong = name === 'key' ? mistakeInKey(pem) : mistakeInCertificates(pem);
    if (wrong === undefined) return pem;
    document.report([BLOCK, place], wrong.expected, wrong.found);
  } catch (error) {
    document.report([BLOCK, place], 'a file that can be read', describeReadFailure(error));
  }
  return undefined;
}

/** Keys with a passphrase cannot be used, since there is no way to enter it. */
function mistakeInKey(pem: Buffer): PemMistake | undefined {
  const text = pem.toString('latin1');
  const expected = 'a private key in PEM without a passphrase';
  if (!/-----BEGIN ([A-Z]+ )?PRIVATE KEY-----/.test(text)) return { expected, found: 'none' };
  try {
    createPrivateKey(pem);
    return undefined;
  } catch {
    return { expected, found: 'one that cannot be read' };
  }
}

function optionsOf(keys: TlsKeys, material: Pick<TlsOptions, 'cert' | 'key' | 'ca'>): TlsOptions {
  const isOld = keys.min_version === 'TLS10' || keys.min_version === 'TLS11';
  const suites = keys.cipher_suites ?? [];
  const chosen = suites.length > 0 ? [...new Set([...TLS13_SUITES, ...suites])] : isOld ? ['DEFAULT'] : [];
  // OpenSSL offers the old versions only at security level 0.
  const ciphers = isOld ? [...chosen, '@SECLEVEL=0'] : chosen;
  return {
    ...material,
    minVersion: TLS_VERSIONS[keys.min_version],
    maxVersion: TLS_VERSIONS[keys.max_version],
    honorCipherOrder: keys.prefer_server_cipher_suites,
    ...(ciphers.length > 0 && { ciphers: ciphers.join(':') }),
    ...(keys.curve_preferences?.length && { ecdhCurve: [...new Set(keys.curve_preferences)].join(':') }),
  };
}

function policyOf({ client_auth_type: type, client_allowed_sans: names }: TlsKeys): ClientPolicy {
  return {
    isRequired: type === 'RequireAnyClientCert' || type === 'RequireAndVerifyClientCert',
    isVerified: type === 'VerifyClientCertIfGiven' || type === 'RequireAndVerifyClientCert',
    allowedNames: names && new Set(names),
  };
}

function reportMissing(name: PemName, keys: TlsKeys, document: YamlDocument): void {
  if (keys[name] !== undefined || keys[`${name}_file`] !== undefined) return;
  document.report([BLOCK], `${name}_file or ${name}`, 'neither', 'key');
}

function reportOrder({ min_version: min, max_version: max }: TlsKeys, document: YamlDocument): void {
  if (TLS_VERSION_NAMES.indexOf(min) <= TLS_VERSION_NAMES.indexOf(max)) return;
  document.report([BLOCK, 'max_version'], `a version from min_version ${min} on`, max);
}

/** Node accepts a certificate and a key that do not belong together, and then all handshakes fail. */
function reportMismatch(keys: TlsKeys, certificate: Buffer, key: Buffer, document: YamlDocument): void {
  if (new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))) return;
  const place: KeyName = keys.key_file === undefined ? 'key' : 'key_file';
  document.report([BLOCK, place], 'the key of the certificate', 'the key of another one');
}

/** OpenSSL may still refuse them, for example a key that is too short for its security level. */
function reportUnusable(options: TlsOptions, document: YamlDocument): void {
  try {
    createSecureContext(options);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'an error';
    document.report([BLOCK], 'what OpenSSL can serve TLS with', code, 'key');
  }
}
