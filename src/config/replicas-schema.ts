// The schema of replicas: several exporters that share the work and the quota over Redis.
import { z } from 'zod';
import type { SecretSource } from '../model/credential-settings.ts';
import type { ReplicasSettings } from '../model/replicas.ts';
import { parseRedisUrl, REDIS_URL_EXPECTED } from '../util/redis-url.ts';
import { strictMap } from '../util/yaml/schema.ts';
import { count, environmentName, filePath, matching } from './fields.ts';

const URL_FORMS = ['redis_url', 'redis_url_file', 'redis_url_env'] as const;

/** The keys of the block. */
export const REPLICAS_KEYS: readonly string[] = [...URL_FORMS, 'group', 'max'];

/** A relative path stays as written until the file is loaded. */
export const replicasSchema = strictMap({
  redis_url: z
    .string({ error: REDIS_URL_EXPECTED })
    .refine((url) => parseRedisUrl(url) !== undefined, { error: REDIS_URL_EXPECTED })
    .optional()
    .meta({
      description: 'URL of Redis, such as redis://redis:6379 or rediss://USER:PASSWORD@redis:6379.',
      pattern: '^(rediss?(-sentinel|-cluster)?://[^/]|unix://[^/]*/).*$',
    }),
  redis_url_file: filePath()
    .optional()
    .meta({ description: 'File that holds the URL of Redis; relative to the directory of this file.' }),
  redis_url_env: environmentName()
    .optional()
    .meta({ description: 'Environment variable that holds the URL of Redis.' }),
  group: matching('a name of 1 to 64 letters, digits, ., _ and -', /^[A-Za-z0-9._-]{1,64}$/)
    .prefault('default')
    .meta({ description: 'The prefix of all keys in Redis. Replicas of one group share the work.' }),
  max: count().prefault('4').meta({
    description: 'No more replicas than this take part. Without Redis, each uses the rate limit divided by this.',
  }),
})
  .superRefine(requireOneUrl, { when: () => true })
  .meta({ anyOf: [{ oneOf: URL_FORMS.map((form) => ({ required: [form] })) }, { type: 'null' as const }] })
  .transform(({ group, max, ...urls }): ReplicasSettings => ({ redisUrl: sourceOf(urls), group, max }));

type Urls = { readonly [Form in (typeof URL_FORMS)[number]]?: string | undefined };

function sourceOf({ redis_url: value, redis_url_file: path, redis_url_env: name = '' }: Urls): SecretSource {
  if (value !== undefined) return { from: 'value', value };
  return path === undefined ? { from: 'env', name } : { from: 'file', path };
}

/** Runs for any value. Another check reports a value that is not a map. */
function requireOneUrl(keys: unknown, context: z.core.$RefinementCtx): void {
  if (typeof keys !== 'object' || keys === null) return;
  const given = URL_FORMS.filter((form) => form in keys);
  if (given.length === 1) return;
  context.addIssue({
    code: 'custom',
    message: `one of ${URL_FORMS.join(', ')}`,
    path: given.slice(1),
    params: { found: given.length === 0 ? 'none of them' : given.join(' and ') },
  });
}
