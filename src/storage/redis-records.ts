// What is known of tags, in Redis: a hash for each repository with a field for each tag, and an index of the repositories of each instance.
import type { RedisConnection } from './redis-connection.ts';

/** Seconds. What no member writes for so long is of no group any more. */
const EXPIRY_S = 30 * 86_400;

/** The field of the repository itself. No tag has an empty name. */
const REPOSITORY_FIELD = '';

/** Changes of one repository. */
export type RepositoryChanges = {
  readonly instanceId: string;
  /** The repository, by a text that all members form alike. */
  readonly key: string;
  readonly repository: object;
  /** By tag. */
  readonly tags: ReadonlyMap<string, object>;
  readonly removed: readonly string[];
};

/** What was written of one repository. Each record is of unknown shape: another version may have written it. */
export type StoredRepository = { readonly repository: object; readonly tags: readonly object[] };

export class RedisRecords {
  readonly #redis: RedisConnection;
  readonly #prefix: string;

  /** @param prefix of all keys */
  constructor(redis: RedisConnection, prefix: string) {
    this.#redis = redis;
    this.#prefix = prefix;
  }

  /** Writes changes in one exchange. Rejects if any was refused: then some may have been written. */
  async write(changes: readonly RepositoryChanges[]): Promise<void> {
    const pipeline = this.#redis.pipeline();
    for (const { instanceId, key, repository, tags, removed } of changes) {
      const [hash, index] = [this.#hash(instanceId, key), this.#index(instanceId)];
      if (removed.length > 0) pipeline.hdel(hash, ...removed);
      if (tags.size === 0) continue;
      const fields = [...tags].flatMap(([tag, record]) => [tag, JSON.stringify(record)]);
      pipeline.hset(hash, REPOSITORY_FIELD, JSON.stringify(repository), ...fields);
      pipeline.expire(hash, EXPIRY_S);
      pipeline.sadd(index, key);
      pipeline.expire(index, EXPIRY_S);
    }
    await complete(pipeline);
  }

  /** Removes what is written of repositories. */
  async forget(instanceId: string, keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return;
    const pipeline = this.#redis.pipeline();
    for (const key of keys) pipeline.del(this.#hash(instanceId, key));
    pipeline.srem(this.#index(instanceId), ...keys);
    await complete(pipeline);
  }

  /** The keys of the repositories of an instance of which something is written. */
  repositories(instanceId: string): Promise<string[]> {
    return this.#redis.smembers(this.#index(instanceId));
  }

  /** Undefined if nothing is written. */
  async read(instanceId: string, key: string): Promise<StoredRepository | undefined> {
    const { [REPOSITORY_FIELD]: repository, ...tags } = await this.#redis.hgetall(this.#hash(instanceId, key));
    const record = repository === undefined ? undefined : objectIn(repository);
    if (record === undefined) return undefined;
    const tagRecords = Object.values(tags).flatMap((text) => objectIn(text) ?? []);
    return { repository: record, tags: tagRecords };
  }

  /** The names of repositories that are configured by their ids, by instance and id as {@link saveNames} wrote them. */
  names(): Promise<Record<string, string>> {
    return this.#redis.hgetall(`${this.#prefix}:names`);
  }

  async saveName(field: string, names: string): Promise<void> {
    await this.#redis.hset(`${this.#prefix}:names`, field, names);
  }

  #hash(instanceId: string, key: string): string {
    return `${this.#prefix}:tags:${instanceId}:${key}`;
  }

  #index(instanceId: string): string {
    return `${this.#prefix}:repositories:${instanceId}`;
  }
}

async function complete(pipeline: ReturnType<RedisConnection['pipeline']>): Promise<void> {
  const results = (await pipeline.exec()) ?? [];
  for (const [error] of results) if (error) throw error;
}

/** The object in a JSON text; undefined if it is not one. */
function objectIn(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
