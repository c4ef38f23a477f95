// Loads a web configuration file: YAML, schema, and the files that it names; all mistakes at once.
import { dirname, resolve } from 'node:path';
import type { Redaction } from '../../util/yaml/descriptions.ts';
import { loadYaml, valueAt, type YamlDocument } from '../../util/yaml/document.ts';
import { textOf, unreadable } from '../../util/yaml/read-text.ts';
import { validate } from '../../util/yaml/schema.ts';
import { clearNullWords } from './nothing.ts';
import { tlsBlockSchema, webConfigSchema } from './schema.ts';
import type { WebSettings } from './settings.ts';
import { Sources } from './sources.ts';
import { tlsSettingsOf } from './tls-settings.ts';

const SECRETS = ['basic_auth_users', 'cert', 'key', 'client_ca'];

const REDACTION: Redaction = {
  hidesValue: (path) => path.some((step) => SECRETS.includes(String(step))),
  showsKey: (key) => /^[\w.@-]{1,32}$/.test(key),
};

/** The settings in a file. Throws a `ConfigError` with every problem; even then `sources` knows the files that were read. */
export function loadWebSettings(file: string, sources = new Sources()): WebSettings {
  const text = textOf(readBytes(file, sources), file);
  return loadYaml(text, { file, redaction: REDACTION }, (document) =>
    settingsOf(document, sources, dirname(resolve(file))),
  );
}

function readBytes(file: string, sources: Sources): Buffer {
  try {
    return sources.read(file);
  } catch (error) {
    throw unreadable(file, error);
  }
}

function settingsOf(document: YamlDocument, sources: Sources, directory: string): WebSettings | undefined {
  clearNullWords(document);
  document.value ??= {};
  const data = validate(document, webConfigSchema);
  const { data: tlsKeys } = tlsBlockSchema.safeParse(valueAt(document.value, ['tls_server_config']));
  const tls = tlsKeys && tlsSettingsOf(tlsKeys, { document, sources, directory });
  if (!data) return undefined;
  const { http_server_config: http, basic_auth_users: users = {} } = data;
  const headers = Object.entries(http?.headers ?? {}).filter(([, value]) => value);
  return {
    tls,
    headers: new Map(headers.map(([name, value = '']) => [name, value])),
    passwordHashes: new Map(Object.entries(users)),
  };
}
