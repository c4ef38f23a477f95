// What is known of tags, in Redis: a hash for each repository with a field for each tag, and an index of the repositories of each instance by the time of
// their last write.
import type { Clock } from '../util/clock.ts';
import type { CommandPipeline, RedisCommands, RedisConnection } from './redis-connection.ts';

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
  readonly #connection: RedisConnection;
  readonly #prefix: string;

  readonly #clock: Clock;

  /** @param prefix of all keys */
  constructor(connection: RedisConnection, prefix: string, clock: Clock) {
    this.#clock = clock;
    this.#connection = connection;
    this.#prefix = prefix;
  }

  /** Writes changes in one exchange. Rejects if any was refused: then some may have been written. */
  async write(changes: readonly RepositoryChanges[]): Promise<void> {
    await this.#connection.send(async (redis) => {
      const pipeline = redis.pipeline();
      for (const change of changes) this.#add(change, pipeline);
      const results = (await pipeline.exec()) ?? [];
      const errors = results.flatMap(([error]) => error ?? []);
      for (const key of errors.filter(isWrongType).flatMap(keyOf)) await redis.expire(key, 0);
      for (const error of errors) throw error;
    });
  }

  /** The keys of the repositories of an instance of which something is written. */
  async repositories(instanceId: string): Promise<string[]> {
    const index = this.#index(instanceId);
    return (await this.#unlessWrongType(index, (redis) => redis.zrange(index, '0', '-1'))) ?? [];
  }

  /** Undefined if nothing is written. */
  async read(instanceId: string, key: string): Promise<StoredRepository | undefined> {
    const hash = this.#hash(instanceId, key);
    const fields = (await this.#unlessWrongType(hash, (redis) => redis.hgetall(hash))) ?? {};
    const { [REPOSITORY_FIELD]: repository, ...tags } = fields;
    const record = repository === undefined ? undefined : objectIn(repository);
    if (record === undefined) return undefined;
    const tagRecords = Object.values(tags).flatMap((text) => objectIn(text) ?? []);
    return { repository: record, tags: tagRecords };
  }

  /** Writes a record, reads it, and removes it. Rejects as {@link write} does. */
  async try(): Promise<void> {
    const [instanceId, key] = ['', ''];
    await this.write([{ instanceId, key, repository: {}, tags: new Map([['tag', {}]]), removed: ['other'] }]);
    for (const each of await this.repositories(instanceId)) await this.read(instanceId, each);
    for (const each of [this.#hash(instanceId, key), this.#index(instanceId)])
      await this.#connection.send((redis) => redis.expire(each, 0));
  }

  /** Removes a key that holds something else: it would be in the way for ever. Gives undefined then. */
  #unlessWrongType<Reply>(key: string, read: (redis: RedisCommands) => Promise<Reply>): Promise<Reply | undefined> {
    return this.#connection.send(async (redis) => {
      try {
        return await read(redis);
      } catch (error) {
        if (!isWrongType(error)) throw error;
        await redis.expire(key, 0);
        return undefined;
      }
    });
  }

  #add({ instanceId, key, repository, tags, removed }: RepositoryChanges, pipeline: CommandPipeline): void {
    const [hash, index] = [this.#hash(instanceId, key), this.#index(instanceId)];
    if (removed.length > 0) pipeline.hdel(hash, ...removed);
    if (tags.size === 0) return;
    const fields = [...tags].flatMap(([tag, record]) => [tag, JSON.stringify(record)]);
    pipeline.hset(hash, REPOSITORY_FIELD, JSON.stringify(repository), ...fields);
    pipeline.expire(hash, EXPIRY_S);
    const nowS = Math.floor(this.#clock.now() / 1_000);
    pipeline.zadd(index, nowS, key);
    pipeline.zremrangebyscore(index, 0, nowS - EXPIRY_S);
    pipeline.expire(index, EXPIRY_S);
  }

  #hash(instanceId: string, key: string): string {
    return `${this.#prefix}:tags:${instanceId}:${key}`;
  }

  #index(instanceId: string): string {
    return `${this.#prefix}:repositories:${instanceId}`;
  }
}

function isWrongType(error: unknown): error is Error {
  return error instanceof Error && error.message.startsWith('WRONGTYPE');
}

/** The key of the command that failed, as the client tells it. */
function keyOf(error: Error): string[] {
  const command: unknown = 'command' in error ? error.command : undefined;
  const args: unknown = typeof command === 'object' && command !== null && 'args' in command ? command.args : undefined;
  const key: unknown = Array.isArray(args) ? args[0] : undefined;
  return typeof key === 'string' ? [key] : [];
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
