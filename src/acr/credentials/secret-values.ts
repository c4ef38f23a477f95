// Reads the secret values of a credentials block from the configuration, files or variables.
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { SecretSource } from '../../model/credential-settings.ts';
import type { Redactor } from '../../util/redactor.ts';
import { ApiError, credentialsUnavailable } from '../api-error.ts';
import { messageText } from '../safe-text.ts';

/** Security tokens have some thousand characters. */
const MAX_SECRET_BYTES = 64 * 1024;

/** What {@link isSendable} rejects, for messages. */
export const UNSENDABLE = 'spaces, line breaks or characters beyond ASCII';

/** Whether a value can be sent in an HTTP header. A file with two lines is a mistake. */
export function isSendable(value: string): boolean {
  return /^[\x21-\x7e]+$/.test(value);
}

/** Where each value of a block comes from, by the name of its key in the configuration. */
export type SecretSources = Readonly<Record<string, SecretSource>>;
export type SecretValues = Readonly<Record<string, string>>;

export type SecretContext = {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Every value is added to it, except `access_key_id`, which is no secret. */
  readonly redactor: Redactor;
};

/** Reads all values. Rejects with the `ApiError` `CredentialsUnavailable`, which names the missing values and the reasons. */
export async function readSecretValues(sources: SecretSources, context: SecretContext): Promise<SecretValues> {
  const results = await Promise.allSettled(
    Object.entries(sources).map(async ([key, source]) => [key, await readOne(key, source, context)] as const),
  );
  const entries = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  if (entries.length === results.length) return Object.fromEntries(entries);
  const reasons = results.flatMap((result): unknown[] => (result.status === 'rejected' ? [result.reason] : []));
  const messages = reasons.map((reason) => {
    if (reason instanceof ApiError) return reason.message;
    throw reason;
  });
  throw credentialsUnavailable(messages.join('; '));
}

async function readOne(key: string, source: SecretSource, { env, redactor }: SecretContext): Promise<string> {
  const unavailable = (what: string) =>
    credentialsUnavailable(messageText(`${key}: expected a value in ${placeOf(source)}, ${what}`, redactor));
  const text = await readText(source, env).catch((error: unknown) => {
    throw unavailable(error instanceof Error ? withoutPath(error) : String(error));
  });
  const value = text?.trim() ?? '';
  if (key !== 'access_key_id') redactor.add(value);
  if (text === undefined) throw unavailable('which is not set');
  if (value === '') throw unavailable('which is empty');
  if (!isSendable(value)) throw unavailable(`found one with ${UNSENDABLE}`);
  return value;
}

function placeOf(source: SecretSource): string {
  if (source.from === 'file') return `the file ${source.path}`;
  return source.from === 'env' ? `the environment variable ${source.name}` : 'the configuration';
}

async function readText(source: SecretSource, env: SecretContext['env']): Promise<string | undefined> {
  if (source.from === 'value') return source.value;
  return source.from === 'env' ? env[source.name] : readSmallFile(source.path);
}

/** The text of a file. Opened without blocking: a pipe without a writer would block a thread, and so the end of the process. */
async function readSmallFile(path: string): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!(await file.stat()).isFile()) throw new Error('found something else than a file');
    const { bytesRead, buffer } = await file.read(Buffer.alloc(MAX_SECRET_BYTES + 1));
    if (bytesRead > MAX_SECRET_BYTES) throw new Error(`found more than ${MAX_SECRET_BYTES} bytes`);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Removes the path from a message of Node such as `ENOENT: no such file or directory, open '/run/secrets/acr'`: ours has it already. */
function withoutPath(error: Error): string {
  return error.message.replace(/, \w+ '.*$/s, '');
}
