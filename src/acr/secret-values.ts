// Reads the secret values of a credentials block from where they are kept: the configuration, a file, or a variable.
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { SecretSource } from '../model/credential-settings.ts';
import type { Redactor } from '../util/redactor.ts';
import { ApiError, credentialsUnavailable } from './errors.ts';
import { shownText } from './shown-text.ts';

/** Security tokens have some thousand characters. */
const LARGEST_SECRET_BYTES = 64 * 1024;

/** What {@link isSendable} finds fault with. */
export const UNSENDABLE = 'spaces, line breaks or characters beyond ASCII';

/** Whether a value can travel in an HTTP header. A file with two lines is a mistake. */
export function isSendable(value: string): boolean {
  return /^[\x21-\x7e]+$/.test(value);
}

/** Where each value of a block comes from, by the name of its key in the configuration. */
export type SecretSources = Readonly<Record<string, SecretSource>>;
export type SecretValues = Readonly<Record<string, string>>;

export type SecretContext = {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Is told every value but that of `access_key_id`, which is no secret. */
  readonly redactor: Redactor;
};

/** Reads all values anew. Rejects with the `ApiError` `CredentialsUnavailable`, which says which ones are missing and why. */
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
    credentialsUnavailable(shownText(`${key}: expected a value in ${placeOf(source)}, ${what}`, redactor));
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

/** The file's text. To open a pipe without a writer would block a thread without end, and the end of the process with it. */
async function readSmallFile(path: string): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!(await file.stat()).isFile()) throw new Error('found something else than a file');
    const { bytesRead, buffer } = await file.read(Buffer.alloc(LARGEST_SECRET_BYTES + 1));
    if (bytesRead > LARGEST_SECRET_BYTES) throw new Error(`found more than ${LARGEST_SECRET_BYTES} bytes`);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Node's message such as `ENOENT: no such file or directory, open '/run/secrets/acr'` without the path, which is named already. */
function withoutPath(error: Error): string {
  return error.message.replace(/, \w+ '.*$/s, '');
}
