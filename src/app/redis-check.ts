// `--config.check.online` for replicas: tries Redis once.
import { randomUUID } from 'node:crypto';
import type { ReplicasSettings } from '../model/replicas.ts';
import { RedisGroup } from '../replicas/redis-group.ts';
import { RedisRecords } from '../storage/redis-records.ts';
import type { Clock } from '../util/clock.ts';
import { parseRedisUrl, REDIS_URL_EXPECTED } from '../util/redis-url.ts';
import { type RedisUrlOptions, readRedisUrl } from './redis-url-reader.ts';
import { groupPrefix } from './replica.ts';

/** Why Redis cannot be used; undefined if it can. Tries all that replicas do, in a group of its own, which changes nothing of them. */
export async function redisProblem(
  settings: ReplicasSettings,
  options: RedisUrlOptions & { readonly clock: Clock },
): Promise<string | undefined> {
  const { clock } = options;
  const prefix = `${groupPrefix(settings)}:check`;
  const group = new RedisGroup({ prefix, id: randomUUID(), clock, received: () => {} });
  try {
    const address = parseRedisUrl(await readRedisUrl(settings, options));
    if (address === undefined) return `expected ${REDIS_URL_EXPECTED}`;
    group.connection.use(address);
    await group.try();
    await new RedisRecords(group.connection, prefix, clock).try();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    group.connection.close();
  }
}
