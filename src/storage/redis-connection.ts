// Connects to Redis by a URL: one server, Sentinel, or a cluster. The only file that imports ioredis.
import { once } from 'node:events';
import { Cluster, Redis } from 'ioredis';

export type RedisConnection = Redis | Cluster;

/** No exchange may take longer: a member that waits does not renew its lease. */
const COMMAND_TIMEOUT_MS = 1_500;
const CONNECT_TIMEOUT_MS = 1_000;
const MAX_RECONNECT_DELAY_MS = 2_000;

const FORMS =
  'redis://HOST:PORT/DB, rediss:// for TLS, redis-sentinel://HOST:PORT,HOST:PORT/DB#NAME or redis-cluster://HOST:PORT,HOST:PORT, with USER:PASSWORD@ before the first host';

/** What a URL of Redis says. */
export type RedisAddress = {
  readonly kind: 'single' | 'sentinel' | 'cluster';
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  readonly isEncrypted: boolean;
  readonly username?: string;
  readonly password?: string;
  readonly database: number;
  /** The name of the primary, for Sentinel. */
  readonly primary: string;
};

/** A message about a URL does not show it: it may hold a password. */
export class RedisUrlError extends Error {
  override readonly name = 'RedisUrlError';
}

const PATTERN =
  /^(redis|rediss)(-sentinel|-cluster)?:\/\/(?:(?<user>[^:@/]*)(?::(?<password>[^@/]*))?@)?(?<hosts>[^/@#?]+)(?:\/(?<db>\d*))?(?:#(?<name>[^#]+))?$/;

/** @throws {RedisUrlError} */
export function parseRedisUrl(url: string): RedisAddress {
  const match = PATTERN.exec(url);
  if (match?.groups === undefined) throw new RedisUrlError(`expected a URL such as ${FORMS}`);
  const { user, password, hosts = '', db, name = '' } = match.groups;
  const kind = match[2] === '-sentinel' ? 'sentinel' : match[2] === '-cluster' ? 'cluster' : 'single';
  const list = hosts.split(',').map((each) => hostOf(each, kind === 'sentinel' ? 26_379 : 6_379));
  if (kind === 'single' && list.length > 1)
    throw new RedisUrlError('expected one host: several are for redis-sentinel:// and redis-cluster://');
  if ((kind === 'sentinel') !== (name !== ''))
    throw new RedisUrlError('expected the name of the primary after # with redis-sentinel://, and only there');
  return {
    kind,
    hosts: list,
    isEncrypted: match[1] === 'rediss',
    ...(user ? { username: decoded(user) } : undefined),
    ...(password ? { password: decoded(password) } : undefined),
    database: Number(db || 0),
    primary: name,
  };
}

function hostOf(text: string, defaultPort: number): { host: string; port: number } {
  const [, bracketed, plain, port] = /^(?:\[([\da-fA-F:.]+)\]|([\w.-]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const number = port === undefined ? defaultPort : Number(port);
  if (host === undefined || number < 1 || number > 65_535) throw new RedisUrlError(`expected a URL such as ${FORMS}`);
  return { host, port: number };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new RedisUrlError('expected a user and a password in percent-encoding');
  }
}

/**
 * Connects, and again whenever the connection is lost. A command while there is none, or without an answer in time, rejects.
 *
 * @param subscribes whether the connection is for messages: then it waits for a connection, and subscribes again after each
 */
export function connectRedis(address: RedisAddress, subscribes = false): RedisConnection {
  const { kind, hosts, isEncrypted, username, password, database, primary } = address;
  const common = {
    ...(username === undefined ? undefined : { username }),
    ...(password === undefined ? undefined : { password }),
    connectTimeout: CONNECT_TIMEOUT_MS,
    ...(subscribes ? undefined : { commandTimeout: COMMAND_TIMEOUT_MS, socketTimeout: 2 * COMMAND_TIMEOUT_MS }),
    enableOfflineQueue: subscribes,
    maxRetriesPerRequest: null,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: true,
    keepAlive: 10_000,
    retryStrategy: delayMs,
    // A replica that was a primary before a failover.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
    connectionName: 'acr-scan-exporter',
  };
  const tls = isEncrypted ? { tls: {} } : undefined;
  const connection =
    kind === 'cluster'
      ? new Cluster([...hosts], {
          redisOptions: { ...common, ...tls },
          enableOfflineQueue: subscribes,
          clusterRetryStrategy: delayMs,
        })
      : kind === 'sentinel'
        ? new Redis({
            ...common,
            ...tls,
            sentinels: [...hosts],
            name: primary,
            db: database,
            sentinelRetryStrategy: delayMs,
            ...(isEncrypted ? { enableTLSForSentinelMode: true, sentinelTLS: {} } : undefined),
          })
        : new Redis({ ...common, ...tls, ...hosts[0], db: database });
  // Every command says itself that it failed.
  connection.on('error', () => {});
  return connection;
}

/** Connects now, rather than after the delay, if there is no connection. Rejects when that fails or takes longer than two attempts. */
export async function connectNow(connection: RedisConnection): Promise<void> {
  if (connection.status === 'ready') return;
  // An attempt under way may have begun when it could not succeed.
  await attempt(connection).catch(() => attempt(connection));
}

async function attempt(connection: RedisConnection): Promise<void> {
  connection.connect().catch(() => {});
  await once(connection, 'ready', { signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS) });
}

function delayMs(attempt: number): number {
  return Math.min(MAX_RECONNECT_DELAY_MS, 100 * 2 ** Math.min(attempt, 10));
}
