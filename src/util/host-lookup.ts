// Looks up host names without `getaddrinfo`, which waits for DNS in a thread: the process cannot exit before the thread ends, which takes many
// seconds while DNS does not answer. The order is /etc/hosts, then DNS. A name that DNS does not know is left to the system, which also has
// search domains and other sources.
import dns, { type LookupAddress, type LookupOptions } from 'node:dns';
import { statSync } from 'node:fs';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { readWithin } from './bounded-read.ts';

/** The timeout of one query to one server. The second round waits twice as long. */
const ANSWER_WITHIN_MS = 1_500;
const ROUNDS = 2;
/** The timeout of a whole lookup, with any number of servers: less than the default timeout of a request. */
const LOOKUP_WITHIN_MS = 8_000;
/** Block lists make such files some megabytes large. */
const MAX_HOSTS_BYTES = 64 * 2 ** 20;

/** DNS does not know the name. It may be relative to a search domain. */
const UNKNOWN = ['ENOTFOUND', 'ENODATA', 'EBADNAME'];

type Callback = (error: Error | null, address?: string | LookupAddress[], family?: number) => void;

export type NameLookupOptions = {
  /** `dns.lookup` of Node.js, for names that DNS does not know. */
  readonly system: (name: string, options: LookupOptions, done: Callback) => void;
  readonly hostsFile?: string;
  /** `ADDRESS:PORT` of each server. Default: those of /etc/resolv.conf, which is read at each lookup. */
  readonly servers?: readonly string[];
};

/** A replacement of `dns.lookup` with the same arguments and error codes (`ENOTFOUND`, `EAI_AGAIN`). */
export function createLookup({ system, hostsFile = '/etc/hosts', servers }: NameLookupOptions) {
  const hosts = new HostsFile(hostsFile);

  /** Undefined if neither the file nor DNS knows the name. */
  async function find(name: string, family: number): Promise<readonly LookupAddress[] | undefined> {
    const listed = hosts.addressesOf(name).filter((each) => family === 0 || each.family === family);
    return listed.length > 0 ? listed : askDns(name, family, servers);
  }

  return function lookup(name: string, options: LookupOptions | number | Callback, callback?: Callback): void {
    const done = typeof options === 'function' ? options : callback;
    if (done === undefined) throw new TypeError('expected a callback, found none');
    const given = typeof options === 'number' ? { family: options } : typeof options === 'function' ? {} : options;
    const family = Number(String(given.family ?? 0).replace('IPv', ''));
    if (!name || isIP(name) !== 0) {
      system(name, given, done);
      return;
    }
    // If the callback throws, the process ends, as with `dns.lookup`: the promise must not swallow the error.
    find(name, family).then(
      (found) => queueMicrotask(() => (found ? answer(ordered(found, given), given, done) : system(name, given, done))),
      (error: Error) => queueMicrotask(() => done(error)),
    );
  };
}

function answer(addresses: LookupAddress[], { all }: LookupOptions, done: Callback): void {
  if (all) done(null, addresses);
  else done(null, addresses[0]?.address, addresses[0]?.family);
}

async function askDns(
  name: string,
  family: number,
  servers: readonly string[] | undefined,
): Promise<readonly LookupAddress[] | undefined> {
  const resolver = new dns.promises.Resolver({ timeout: ANSWER_WITHIN_MS, tries: ROUNDS });
  if (servers) resolver.setServers(servers);
  const deadline = setTimeout(() => resolver.cancel(), LOOKUP_WITHIN_MS);
  const families = family === 0 ? (globalIPv6() === 'none' ? [4] : [4, 6]) : [family];
  const results = await Promise.allSettled(
    families.map(async (each) => {
      const addresses = await (each === 4 ? resolver.resolve4(name) : resolver.resolve6(name));
      return addresses.map((address) => ({ address, family: each }));
    }),
  );
  clearTimeout(deadline);
  const found = results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
  const codes = results.flatMap((result) => (result.status === 'rejected' ? [codeOf(result.reason)] : []));
  const code = codes.find((each) => !UNKNOWN.includes(each));
  if (found.length > 0) return found;
  if (code === undefined) return undefined;
  const message = `DNS gives no answer for ${name} (${code})`;
  throw Object.assign(new Error(message), { code: 'EAI_AGAIN', syscall: 'getaddrinfo', hostname: name });
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'an error';
}

/** In the order that the options ask for. In the order of the system, IPv6 is first if this host has a global IPv6 address. */
function ordered(addresses: readonly LookupAddress[], { order, verbatim }: LookupOptions): LookupAddress[] {
  const wanted = order ?? (verbatim === false ? 'ipv4first' : dns.getDefaultResultOrder());
  const isIPv6First = wanted === 'ipv6first' || (wanted === 'verbatim' && globalIPv6() === 'global');
  return addresses.toSorted((one, other) => (isIPv6First ? other.family - one.family : one.family - other.family));
}

/** The widest scope of this host's IPv6 addresses, without loopback. */
function globalIPv6(): 'none' | 'local' | 'global' {
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const ofIPv6 = addresses.filter(({ family, internal }) => family === 'IPv6' && !internal);
  if (ofIPv6.length === 0) return 'none';
  return ofIPv6.some(({ address }) => /^[23]/.test(address)) ? 'global' : 'local';
}

/** The names in a file such as /etc/hosts, read again when it changes. */
class HostsFile {
  readonly #path: string;
  #stamp = '';
  #names: ReadonlyMap<string, readonly LookupAddress[]> = new Map();

  constructor(path: string) {
    this.#path = path;
  }

  addressesOf(name: string): readonly LookupAddress[] {
    this.#refresh();
    return this.#names.get(name.toLowerCase().replace(/\.$/, '')) ?? [];
  }

  /** A file that cannot be read counts as empty. */
  #refresh(): void {
    try {
      const { mtimeMs, size, ino } = statSync(this.#path);
      const stamp = `${mtimeMs} ${size} ${ino}`;
      if (stamp === this.#stamp) return;
      this.#names = parseHosts(readWithin(this.#path, { maxBytes: MAX_HOSTS_BYTES, maxWaitMs: 0 }).toString());
      this.#stamp = stamp;
    } catch {
      this.#names = new Map();
      this.#stamp = '';
    }
  }
}

function parseHosts(text: string): ReadonlyMap<string, readonly LookupAddress[]> {
  const found = new Map<string, LookupAddress[]>();
  for (const line of text.split('\n')) {
    const [address = '', ...names] = line.replace(/#.*/s, '').trim().split(/\s+/);
    const family = isIP(address);
    if (family === 0) continue;
    for (const name of names.map((each) => each.toLowerCase())) {
      const known = found.get(name) ?? [];
      if (!known.some((each) => each.address === address)) found.set(name, [...known, { address, family }]);
    }
  }
  return found;
}
