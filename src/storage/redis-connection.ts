// Connects to Redis: one server, Sentinel, or a cluster. The only file that imports ioredis.
import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster, Redis } from 'ioredis';
import type { Clock } from '../util/clock.ts';
import type { RedisAddress } from '../util/redis-url.ts';
import { describeRedisError } from './redis-problem.ts';

export type RedisCommands = Redis | Cluster;
export type CommandPipeline = ReturnType<RedisCommands['pipeline']>;

/** No exchange may take longer: a member that waits does not renew its lease. Then another connection tells whether Redis is away for all. */
const COMMAND_TIMEOUT_MS = 1_500;
const CONNECT_TIMEOUT_MS = 1_000;
/** So that all members come back before a share's lease is over. */
const MAX_RECONNECT_DELAY_MS = 500;

/** Nobody listens at the port, or at the socket of this host. */
const REFUSED = /^(ECONNREFUSED|ENOENT)$/;

/** Messages of ioredis about a command that was not sent. The last error of the connection says why. */
const NOT_SENT =
  /^(Stream isn't writeable|Connection is closed|Cluster isn't ready|None of startup nodes|Failed to refresh slots)/;

export type RedisConnectionOptions = {
  readonly clock: Clock;
  /** To which the connection subscribes. All in one slot of a cluster. */
  readonly channels: readonly string[];
  readonly received: (channel: string, message: string) => void;
};

/** A command that failed, or that Redis did not answer in time. The message is for the log. */
export class RedisError extends Error {
  override readonly name = 'RedisError';
}

/** Two connections, one for commands and one for messages. Each connects again whenever it is lost. */
export class RedisConnection {
  readonly #options: RedisConnectionOptions;
  #commands: RedisCommands | undefined;
  #messages: RedisCommands | undefined;
  /** Why there is no connection. */
  problem = 'not connected yet';
  /** Why Redis refuses to send messages; undefined while it does not. */
  subscriptionProblem: string | undefined;
  /**
   * Since when nobody can reach Redis, on the monotonic clock: its host refuses connections, or takes them and Redis does not answer. Undefined while
   * Redis answers, and if its host cannot be reached, because this process may be cut off alone.
   */
  downSinceMs: number | undefined;
  /** Counts the connections for commands. Another one than before may mean that Redis has closed those of all. */
  number = 0;

  constructor(options: RedisConnectionOptions) {
    this.#options = options;
  }

  /** Connects by this address from now on. */
  use(address: RedisAddress): void {
    this.close();
    this.#commands = this.#connect(address, false);
    const messages = this.#connect(address, true);
    this.#messages = messages;
    this.#learnOfOutages(this.#commands);
    messages.on('smessage', this.#options.received);
    this.subscriptionProblem = undefined;
    // ioredis renews the subscriptions of a cluster by itself, and hides a refusal.
    if (messages instanceof Cluster) this.#subscribe(messages);
    else messages.on('ready', () => this.#subscribe(messages));
  }

  /** Subscribes once more. Rejects with {@link RedisError} if that is refused, or not answered in time. */
  async trySubscription(): Promise<void> {
    if (this.#messages === undefined) throw new RedisError(this.problem);
    try {
      await Promise.race([this.#messages.ssubscribe(...this.#options.channels), noAnswer(2 * CONNECT_TIMEOUT_MS)]);
    } catch (error) {
      throw new RedisError(describeRedisError(error), { cause: error });
    }
  }

  /** Sends commands. Rejects with {@link RedisError} at once while there is no connection, and without an answer in time. */
  async send<Reply>(commands: (redis: RedisCommands) => Promise<Reply>): Promise<Reply> {
    if (this.#commands === undefined) throw new RedisError(this.problem);
    try {
      return await commands(this.#commands);
    } catch (error) {
      const isSent = !(error instanceof Error && NOT_SENT.test(error.message));
      throw new RedisError(isSent ? describeRedisError(error) : this.problem, { cause: error });
    }
  }

  /** Resolves when there is a connection, or after the time of two attempts without success. Tries again what Redis refuses. */
  async connected(): Promise<void> {
    if (this.subscriptionProblem !== undefined && this.#messages !== undefined) this.#subscribe(this.#messages);
    const commands = this.#commands;
    if (commands === undefined || commands.status === 'ready') return;
    let ready = () => {};
    const becomesReady = new Promise<void>((resolve) => {
      ready = resolve;
      commands.once('ready', ready);
    });
    await Promise.race([becomesReady, sleep(2 * CONNECT_TIMEOUT_MS)]);
    commands.off('ready', ready);
  }

  /** Whether commands are sent at once. */
  get isReady(): boolean {
    return this.#commands?.status === 'ready';
  }

  close(): void {
    this.#commands?.disconnect();
    this.#messages?.disconnect();
    this.#commands = undefined;
    this.#messages = undefined;
  }

  /** Without the right to subscribe, messages would be missed, and others would take this process for dead. */
  #subscribe(messages: RedisCommands): void {
    messages.ssubscribe(...this.#options.channels).then(
      () => {
        if (messages === this.#messages) this.subscriptionProblem = undefined;
      },
      (error: unknown) => {
        // It also rejects if the connection is given up before it subscribes.
        const isRefused = error instanceof Error && error.name === 'ReplyError';
        if (isRefused && messages === this.#messages) this.subscriptionProblem = describeRedisError(error);
      },
    );
  }

  #learnOfOutages(commands: RedisCommands): void {
    this.downSinceMs = undefined;
    const isDown = () => {
      this.downSinceMs ??= this.#options.clock.monotonic();
    };
    const isNotDown = () => {
      this.downSinceMs = undefined;
    };
    commands.on('connect', isDown);
    const isAnother = () => {
      this.number += 1;
    };
    commands.on('ready', isNotDown);
    commands.on('ready', isAnother);
    // A node of a cluster that was restarted.
    if (commands instanceof Cluster) commands.on('+node', isAnother);
    commands.on('error', (error: Error) => {
      if ('code' in error && REFUSED.test(String(error.code))) isDown();
      else if (tellsOfHost(error)) isNotDown();
    });
  }

  #connect(address: RedisAddress, subscribes: boolean): RedisCommands {
    const connection = connect(address, subscribes);
    connection.on('error', (error: Error) => {
      this.problem = describeRedisError(error);
    });
    connection.on('ready', () => {
      // A former problem is not the cause of the next one, which may come without an error.
      this.problem = 'the connection was closed';
    });
    return connection;
  }
}

async function noAnswer(afterMs: number): Promise<never> {
  await sleep(afterMs);
  throw new Error('no answer to a subscription');
}

/** Commands of a connection that subscribes wait until it is there. */
function connect(address: RedisAddress, subscribes: boolean): RedisCommands {
  const { kind, hosts, path, isEncrypted, username, password, database, primary } = address;
  const redisOptions = {
    ...(username === undefined ? undefined : { username }),
    ...(password === undefined ? undefined : { password }),
    ...(isEncrypted ? { tls: {} } : undefined),
    connectTimeout: CONNECT_TIMEOUT_MS,
    ...(subscribes ? undefined : { commandTimeout: COMMAND_TIMEOUT_MS, socketTimeout: COMMAND_TIMEOUT_MS }),
    enableOfflineQueue: subscribes,
    maxRetriesPerRequest: null,
    autoResendUnfulfilledCommands: false,
    keepAlive: 10_000,
    retryStrategy: delayMs,
    // A replica that was a primary before a failover.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
    connectionName: 'acr-scan-exporter',
  };
  // Nobody would notice that Redis refuses it.
  const ofOne = { ...redisOptions, autoResubscribe: false };
  switch (kind) {
    case 'single':
      return new Redis({ ...ofOne, ...(path === undefined ? hosts[0] : { path }), db: database });
    case 'cluster':
      return new Cluster([...hosts], {
        redisOptions,
        enableOfflineQueue: subscribes,
        shardedSubscribers: subscribes,
        clusterRetryStrategy: delayMs,
      });
    case 'sentinel':
      return new Redis({
        ...ofOne,
        sentinels: [...hosts],
        name: primary,
        db: database,
        sentinelRetryStrategy: delayMs,
        // A Sentinel without a password accepts any.
        ...(password === undefined ? undefined : { sentinelPassword: password }),
        ...(isEncrypted ? { enableTLSForSentinelMode: true, sentinelTLS: {} } : undefined),
      });
  }
}

/** Whether an error says that the host of Redis cannot be reached, or that Redis has answered. */
function tellsOfHost(error: Error): boolean {
  return ('syscall' in error && error.syscall === 'connect') || error.name === 'ReplyError';
}

function delayMs(attempt: number): number {
  return Math.min(MAX_RECONNECT_DELAY_MS, 100 * 2 ** Math.min(attempt, 10));
}
