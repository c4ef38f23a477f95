// `--config.check.online` for replicas: tries Redis once.
import { randomUUID } from 'node:crypto';
import type { ReplicasSettings } from '../model/replicas.ts';
import { RedisGroup } from '../replicas/redis-group.ts';
import type { Clock } from '../util/clock.ts';
import { parseRedisUrl, REDIS_URL_EXPECTED } from '../util/redis-url.ts';
import { type RedisUrlOptions, readRedisUrl } from './redis-url-reader.ts';
import { groupPrefix } from './replica.ts';

/** Why Redis cannot be used; undefined if it can. Makes an exchange of a group of its own, which changes nothing of the replicas. */
export async function redisProblem(
  settings: ReplicasSettings,
  options: RedisUrlOptions & { readonly clock: Clock },
): Promise<string | undefined> {
  const group = new RedisGroup({
    prefix: `${groupPrefix(settings)}:check`,
    id: randomUUID(),
    clock: options.clock,
    received: () => {},
  });
  try {
    const address = parseRedisUrl(await readRedisUrl(settings, options));
    if (address === undefined) return `expected ${REDIS_URL_EXPECTED}`;
    group.connection.use(address);
    await group.try();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    group.connection.close();
  }
}
