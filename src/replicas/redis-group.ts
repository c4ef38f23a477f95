// The group in Redis: the exchange is a script, messages are published.
import { EVENT_CHANNELS, EVENT_TYPES } from '../model/events.ts';
import { RedisConnection } from '../storage/redis-connection.ts';
import type { Clock } from '../util/clock.ts';
import type { GroupClient, GroupMessage } from './group-client.ts';
import { type Beat, type BeatReply, LEASE_SCRIPT, TIMES } from './lease-script.ts';

export type RedisGroupOptions = {
  /** The prefix of all keys. Its braces keep them together in a cluster. */
  readonly prefix: string;
  /** The id of this member. */
  readonly id: string;
  readonly received: (message: GroupMessage) => void;
  readonly clock: Clock;
};

type Envelope = { readonly from?: string } & GroupMessage;

export class RedisGroup implements GroupClient {
  readonly connection: RedisConnection;
  readonly #options: RedisGroupOptions;
  readonly #news: string;
  /** Only this process is subscribed to it: while it is, Redis knows that the process lives. */
  readonly #alive: string;
  /** The connection of the last exchange. */
  #lastConnection: number | undefined;

  constructor(options: RedisGroupOptions) {
    const { prefix, id, clock } = options;
    this.#options = options;
    this.#news = `${prefix}:news`;
    this.#alive = `${prefix}:member:${id}`;
    this.connection = new RedisConnection({
      clock,
      channels: [this.#news, this.#alive],
      received: (channel, text) => {
        if (channel === this.#news) this.#receive(text);
      },
    });
  }

  get downSinceMs(): number | undefined {
    return this.connection.downSinceMs;
  }

  async beat(beat: Beat): Promise<BeatReply> {
    const { prefix, id } = this.#options;
    await this.connection.connected();
    // Who is a member goes on without messages: without an exchange others would take over what it shows.
    if (this.#lastConnection === undefined && this.connection.isReady) await this.connection.trySubscription();
    const number = this.connection.number;
    const hasReconnected = this.#lastConnection !== undefined && number !== this.#lastConnection;
    const argument = JSON.stringify({ ...beat, id, channel: this.#alive, hasReconnected });
    const reply = await this.connection.send((redis) =>
      redis.eval(LEASE_SCRIPT, 2, `${prefix}:members`, this.#news, argument, JSON.stringify(TIMES)),
    );
    this.#lastConnection = number;
    return readReply(reply);
  }

  /** Makes an exchange, and tries messages. Leaves nothing behind. Rejects as {@link beat} does. */
  async try(): Promise<void> {
    const [key, max] = [`${this.#options.prefix}:members`, 1];
    await this.beat({ host: '', max, config: '', seen: 0, released: 0, leaves: true, rates: {} });
    await this.connection.send((redis) => redis.expire(key, 0));
    await this.connection.send((redis) => redis.spublish(this.#news, ''));
    await this.connection.send((redis) => redis.call('PUBSUB', 'SHARDNUMSUB', this.#alive));
  }

  tell(message: GroupMessage): void {
    const text = JSON.stringify({ from: this.#options.id, ...message });
    this.connection.send((redis) => redis.spublish(this.#news, text)).catch(() => {});
  }

  #receive(text: string): void {
    const message = readMessage(text);
    if (message !== undefined && message.from !== this.#options.id) this.#options.received(message);
  }
}

/** The reply is the work of our own script: only its form is checked. */
function readReply(text: unknown): BeatReply {
  const reply: unknown = typeof text === 'string' ? JSON.parse(text) : undefined;
  if (isReply(reply)) return reply;
  throw new Error('expected the reply of the script, found something else');
}

function isReply(value: unknown): value is BeatReply {
  return typeof value === 'object' && value !== null && 'sequence' in value && 'members' in value && 'shares' in value;
}

function readMessage(text: string): Envelope | undefined {
  try {
    const message: unknown = JSON.parse(text);
    return isMessage(message) ? message : undefined;
  } catch {
    return undefined;
  }
}

function isMessage(value: unknown): value is Envelope {
  if (typeof value !== 'object' || value === null || !('type' in value)) return false;
  const fields: { readonly credentials?: unknown } & Readonly<Record<string, unknown>> = { ...value };
  switch (value.type) {
    case 'beat':
      return true;
    case 'throttled':
    case 'refused':
      return typeof fields.credentials === 'string';
    case 'event':
      return isEvent(fields.event) && EVENT_CHANNELS.some((channel) => channel === fields.channel);
    default:
      return false;
  }
}

function isEvent(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { id, type, instanceId, repository, tag, timeMs }: Readonly<Record<string, unknown>> = { ...value };
  const areTexts = [id, instanceId, tag].every((each) => typeof each === 'string');
  return areTexts && EVENT_TYPES.some((each) => each === type) && isRepository(repository) && Number.isFinite(timeMs);
}

function isRepository(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { id, namespace, name }: Readonly<Record<string, unknown>> = { ...value };
  return [id, namespace, name].every((each) => typeof each === 'string');
}
