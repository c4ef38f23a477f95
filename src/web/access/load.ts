// Loads a web configuration file: YAML, schema, and the files that it names. Reports all mistakes at once.
import { dirname, resolve } from 'node:path';
import { ReadFiles } from '../../util/read-files.ts';
import type { Path, Redaction } from '../../util/yaml/descriptions.ts';
import { loadYaml, valueAt, type YamlDocument } from '../../util/yaml/document.ts';
import { textOf, unreadable } from '../../util/yaml/read-text.ts';
import { validate } from '../../util/yaml/schema.ts';
import type { RateLimit } from './rate-limit.ts';
import { type RateLimitKeys, tlsBlockSchema, webConfigSchema } from './schema.ts';
import type { WebSettings } from './settings.ts';
import { tlsSettingsOf } from './tls-settings.ts';

const SECRETS = ['basic_auth_users', 'cert', 'key', 'client_ca'];

const REDACTION: Redaction = {
  hidesValue: (path) => path.some((step) => SECRETS.includes(String(step))),
  showsKey: (key) => /^[\w.@-]{1,32}$/.test(key),
};

/** The settings in a file. Throws a `ConfigError` with every problem; `files` records the files that were read even then. */
export function loadWebSettings(file: string, files = new ReadFiles()): WebSettings {
  const text = textOf(readBytes(file, files), file);
  return loadYaml(text, { file, redaction: REDACTION }, (document) =>
    settingsOf(document, files, dirname(resolve(file))),
  );
}

function readBytes(file: string, files: ReadFiles): Buffer {
  try {
    return files.read(file);
  } catch (error) {
    throw unreadable(file, error);
  }
}

function settingsOf(document: YamlDocument, files: ReadFiles, directory: string): WebSettings | undefined {
  clearNullWords(document);
  document.value ??= {};
  const data = validate(document, webConfigSchema);
  const { data: tlsKeys } = tlsBlockSchema.safeParse(valueAt(document.value, ['tls_server_config']));
  const tls = tlsKeys && tlsSettingsOf(tlsKeys, { document, files, directory });
  if (!data) return undefined;
  const { http_server_config: http, basic_auth_users: users = {}, rate_limit: rate } = data;
  const headers = Object.entries(http?.headers ?? {}).filter(([, value]) => value);
  return {
    tls,
    headers: new Map(headers.map(([name, value = '']) => [name, value])),
    passwordHashes: new Map(Object.entries(users)),
    rateLimit: rate && rateLimitOf(rate, document),
  };
}

/** Without a burst no request would ever be allowed, which only a burst of 0 that is written there asks for. */
function rateLimitOf({ interval = 0, burst }: RateLimitKeys, document: YamlDocument): RateLimit | undefined {
  if (interval === 0) return undefined;
  if (burst === undefined) document.report(['rate_limit'], 'a burst beside the interval', 'none', 'key');
  return burst === undefined ? undefined : { intervalMs: interval, burst };
}

const NULL_WORDS = ['~', 'null', 'Null', 'NULL'];

/**
 * Replaces YAML's words for null, so that they count as a key without a value, as in exporter-toolkit. In quotes or behind an alias they stay
 * text: a mistake must not open access.
 */
function clearNullWords(document: YamlDocument): void {
  document.value = cleared(document.value, []);

  function cleared(value: unknown, path: Path): unknown {
    if (typeof value === 'string') {
      const isPlain = NULL_WORDS.includes(value) && document.text.startsWith(value, document.locate(path).offset);
      return isPlain ? null : value;
    }
    if (Array.isArray(value)) return value.map((item, index) => cleared(item, [...path, index]));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, cleared(inner, [...path, key])]));
  }
}
