// Which hosts are reached without the proxy, by the rules of Prometheus: those of Go's package httpproxy.
import { BlockList, isIP } from 'node:net';
import { domainToASCII } from 'node:url';

/** Where a request goes. */
export type Destination = {
  readonly protocol: 'http' | 'https';
  /** A name or an address, IPv6 in brackets, with `:port` where it is not the default one. */
  readonly host: string;
};

type Exception = (host: string, port: string) => boolean;

/**
 * Whether a list of hosts names a destination. Commas separate its entries: an address, a range such as `10.0.0.0/8`, a domain (which stands
 * for its subdomains too; `.example.com` and `*.example.com` stand for them alone), or `*` for all. Addresses and domains may have a port.
 * `localhost` and loopback addresses are always named. Entries that cannot be read count for nothing.
 */
export function createNoProxy(list: string): (destination: Destination) => boolean {
  const entries = list.split(',').map((entry) => entry.trim().toLowerCase());
  const rules = entries.includes('*') ? [() => true] : entries.flatMap(ruleOf);
  return ({ protocol, host: written }) => {
    const [host, port = protocol === 'https' ? '443' : '80'] = splitHostPort(written) ?? [withoutBrackets(written)];
    return host === 'localhost' || isLoopback(host) || rules.some((rule) => rule(toASCII(host).toLowerCase(), port));
  };
}

function ruleOf(entry: string): Exception[] {
  const [, network = '', bits = ''] = /^(.*)\/(\d+)$/.exec(entry) ?? [];
  if (versionOf(network) !== 0 && Number(bits) <= (versionOf(network) === 4 ? 32 : 128)) {
    const range = rangeOf(network, Number(bits));
    const isWide = versionOf(network) === 6 && Number(bits) < IPV4_BITS;
    return [(host) => isIn(range, host) && !(isWide && isIn(IPV4, host))];
  }
  const [name, port = ''] = splitHostPort(entry) ?? [entry];
  const takesPort = (found: string) => port === '' || port === found;
  if (versionOf(name) !== 0) {
    const range = rangeOf(name, versionOf(name) === 4 ? 32 : 128);
    return [(host, found) => takesPort(found) && isIn(range, host)];
  }
  if (name === '') return [];
  const isWildcard = name.startsWith('*.');
  const domain = toASCII(isWildcard ? name.slice(1) : name);
  if (domain.startsWith('.')) return [(host, found) => takesPort(found) && host.endsWith(domain)];
  return [(host, found) => takesPort(found) && (host === domain || host.endsWith(`.${domain}`))];
}

/** The host without brackets and the port; undefined if there is no port, or the text is neither. */
function splitHostPort(text: string): [host: string, port: string] | undefined {
  const [, bracketed, name = bracketed, port] = /^(?:\[([^[\]]*)\]|([^:[\]]*)):([^:[\]]*)$/.exec(text) ?? [];
  return name === undefined || port === undefined ? undefined : [name, port];
}

function withoutBrackets(host: string): string {
  return host.startsWith('[') ? host.slice(1, -1) : host;
}

function toASCII(name: string): string {
  return /^\p{ASCII}*$/u.test(name) ? name : domainToASCII(name) || name;
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** All IPv4 addresses, as they are written in IPv6. A wider range of IPv6 contains none of them. */
const IPV4_BITS = 96;
const IPV4 = rangeOf('::ffff:0:0', IPV4_BITS);

function isLoopback(host: string): boolean {
  return isIn(LOOPBACK, host);
}

/** A range of addresses. IPv4 addresses that are written as IPv6 (`::ffff:10.0.0.1`) are the same as those addresses. */
function rangeOf(network: string, bits: number): BlockList {
  const range = new BlockList();
  range.addSubnet(network, bits, versionOf(network) === 4 ? 'ipv4' : 'ipv6');
  return range;
}

function isIn(range: BlockList, host: string): boolean {
  const version = versionOf(host);
  return version !== 0 && range.check(host, version === 4 ? 'ipv4' : 'ipv6');
}

/** 4, 6, or 0 for a text that is no address. One with a zone (`fe80::1%eth0`) is none. */
function versionOf(text: string): number {
  return text.includes('%') ? 0 : isIP(text);
}
