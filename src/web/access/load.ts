// Loads a web configuration file: YAML, schema, and the files that it names; all mistakes at once.
import { dirname, resolve } from 'node:path';
import type { z } from 'zod';
import type { Discretion } from '../../util/yaml/found.ts';
import { reportAt, reportUnknownKey, type Validation, valueAt } from '../../util/yaml/mistakes.ts';
import { ConfigError, type Path } from '../../util/yaml/problem.ts';
import { textOf, unreadable } from '../../util/yaml/read-file.ts';
import { readYaml } from '../../util/yaml/yaml.ts';
import { withNothing } from './nothing.ts';
import { tlsBlockSchema, webConfigSchema } from './schema.ts';
import type { WebSettings } from './settings.ts';
import { Sources } from './sources.ts';
import { tlsSettingsOf } from './tls-settings.ts';

const SECRETS = ['basic_auth_users', 'cert', 'key', 'client_ca'];

const DISCRETION: Discretion = {
  hidesValue: (path) => path.some((step) => SECRETS.includes(String(step))),
  showsKey: (key) => /^[\w.@-]{1,32}$/.test(key),
};

/** The settings that a file stands for. Throws {@link ConfigError} with every problem; `sources` then knows what was read all the same. */
export function loadWebSettings(file: string, sources = new Sources()): WebSettings {
  const text = textOf(readBytes(file, sources), file);
  const { tree: written, report } = readYaml(text, DISCRETION);
  const tree = written && withNothing(written, text);
  const settings = tree && validate({ tree, report, discretion: DISCRETION }, sources, dirname(resolve(file)));
  if (!settings || !report.isEmpty) throw new ConfigError(report.problems(file));
  return settings;
}

function readBytes(file: string, sources: Sources): Buffer {
  try {
    return sources.read(file);
  } catch (error) {
    throw unreadable(file, error);
  }
}

function validate(validation: Validation, sources: Sources, directory: string): WebSettings | undefined {
  const { data, error } = webConfigSchema.safeParse(validation.tree.value ?? {});
  for (const issue of error?.issues ?? []) reportIssue(issue, validation);
  const { data: tlsKeys } = tlsBlockSchema.safeParse(valueAt(validation.tree.value, ['tls_server_config']));
  const tls = tlsKeys && tlsSettingsOf(tlsKeys, { validation, sources, directory });
  if (!data) return undefined;
  const { http_server_config: http, basic_auth_users: users = {} } = data;
  const headers = Object.entries(http?.headers ?? {}).filter(([, value]) => value);
  return {
    tls,
    headers: new Map(headers.map(([name, value = '']) => [name, value])),
    passwordHashes: new Map(Object.entries(users)),
  };
}

function reportIssue(issue: z.core.$ZodIssue, validation: Validation): void {
  const path: Path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
  if (issue.code !== 'unrecognized_keys') reportAt(validation, path, 'value', issue.message);
  else for (const key of issue.keys) reportUnknownKey(validation, path, key, issue.message.split(', '));
}
