// Reads the URL of Redis from where the configuration says that it is.
import { readSecretValues } from '../acr/credentials/secret-values.ts';
import type { ReplicasSettings } from '../model/replicas.ts';
import type { Redactor } from '../util/redactor.ts';
import { parseRedisUrl } from '../util/redis-url.ts';

export type RedisUrlOptions = {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Its password is removed from all texts from now on. */
  readonly redactor: Redactor;
};

/** Rejects with a message for the log. The text may be no URL of Redis. */
export async function readRedisUrl({ redisUrl }: ReplicasSettings, options: RedisUrlOptions): Promise<string> {
  const { redis_url = '' } = await readSecretValues({ redis_url: redisUrl }, options);
  for (const secret of parseRedisUrl(redis_url)?.secrets ?? []) options.redactor.add(secret);
  return redis_url;
}
