// Reads the URL of Redis: of one server, of Sentinel, of a cluster, or of a socket of this host.

/** What a URL of Redis says. */
export type RedisAddress = {
  readonly kind: 'single' | 'sentinel' | 'cluster';
  /** Empty with `path`. */
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  /** A Unix socket. */
  readonly path?: string;
  readonly isEncrypted: boolean;
  readonly username?: string;
  readonly password?: string;
  readonly database: number;
  /** The name of the primary, for Sentinel; else empty. */
  readonly primary: string;
  /** What must not be shown: the password in its forms. */
  readonly secrets: readonly string[];
};

/** What {@link parseRedisUrl} takes, for messages. */
export const REDIS_URL_EXPECTED =
  'a URL such as redis://HOST:PORT/DB, rediss:// for TLS, redis-sentinel://HOST:PORT,HOST:PORT/DB#PRIMARY, redis-cluster://HOST:PORT,HOST:PORT ' +
  'or unix:///PATH, with USER:PASSWORD@, percent-encoded, before the first host or the path';

const PATTERN =
  /^(?<scheme>redis|rediss)(?<kind>-sentinel|-cluster)?:\/\/(?:(?<user>[^:@/]*)(?::(?<password>[^@/]*))?@)?(?<hosts>[^/@#?]+)(?:\/(?<db>\d*))?(?:#(?<primary>[^#]+))?$/;
const SOCKET = /^unix:\/\/(?:(?<user>[^:@/]*)(?::(?<password>[^@/]*))?@)?(?<path>\/.+)$/;

/** Undefined if the text is no URL of Redis. */
export function parseRedisUrl(url: string): RedisAddress | undefined {
  const socket = SOCKET.exec(url)?.groups;
  if (socket?.path !== undefined) {
    const user = userOf(socket.user, socket.password);
    return (
      user && { ...user, kind: 'single', hosts: [], path: socket.path, isEncrypted: false, database: 0, primary: '' }
    );
  }
  const { scheme, kind: suffix, user, password, hosts = '', db, primary = '' } = PATTERN.exec(url)?.groups ?? {};
  const kind = suffix === '-sentinel' ? 'sentinel' : suffix === '-cluster' ? 'cluster' : 'single';
  const list = hosts.split(',').flatMap((each) => hostOf(each, kind === 'sentinel' ? 26_379 : 6_379) ?? []);
  const credentials = userOf(user, password);
  const database = Number(db ?? 0);
  const areHostsRight = list.length === hosts.split(',').length && (kind !== 'single' || list.length === 1);
  const isPrimaryRight = (kind === 'sentinel') === (primary !== '');
  if (!areHostsRight || !isPrimaryRight || credentials === undefined) return undefined;
  if (kind === 'cluster' && database !== 0) return undefined;
  return {
    kind,
    hosts: list,
    isEncrypted: scheme === 'rediss',
    ...credentials,
    database,
    primary,
  };
}

/** Undefined if one is not percent-encoded as it must be. */
function userOf(user = '', encoded = ''): Pick<RedisAddress, 'username' | 'password' | 'secrets'> | undefined {
  const [username, password] = [decoded(user), decoded(encoded)];
  if (username === undefined || password === undefined) return undefined;
  return {
    ...(username === '' ? undefined : { username }),
    ...(password === '' ? undefined : { password }),
    secrets: password === '' ? [] : [password, encoded],
  };
}

function hostOf(text: string, defaultPort: number): { host: string; port: number } | undefined {
  const [, bracketed, plain, port] = /^(?:\[([\da-fA-F:.]+)\]|([\w.-]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const number = port === undefined ? defaultPort : Number(port);
  return host === undefined || number < 1 || number > 65_535 ? undefined : { host, port: number };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
