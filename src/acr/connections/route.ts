// The ways of a request: to its host, through a tunnel of a proxy, or to a proxy that forwards it.
import { type ClientRequest, Agent as PlainAgent, type RequestOptions } from 'node:http';
import { Agent } from 'node:https';
import { isIP, isIPv6 } from 'node:net';
import type { ProxyUrl } from '../../util/proxy-url.ts';
import { type Trust, TunnelAgent } from './tunnel-agent.ts';

export type RequestRoute = {
  /** Keeps the connections. */
  readonly agent: PlainAgent;
  /** The proxy, for messages; undefined without one. */
  readonly proxy: string | undefined;
  /** Whether the proxy reads the request and answers it: that of an `http://` URL. */
  readonly isForwarded: boolean;
  /**
   * The options of a request on this way.
   *
   * @param ended aborted when the request has ended
   */
  readonly options: (given: RequestOptions, ended: AbortSignal) => RequestOptions;
};

/** A way without a proxy. */
export function directRoute(protocol: 'http' | 'https', tls: Trust): RequestRoute {
  const agent = protocol === 'https' ? new Agent({ ...tls, keepAlive: true }) : new PlainAgent({ keepAlive: true });
  return { agent, proxy: undefined, isForwarded: false, options: (given) => ({ ...given, agent }) };
}

/** A way through a proxy, as Go's client goes it: HTTPS through a tunnel, plain HTTP forwarded. */
export function proxiedRoute(protocol: 'http' | 'https', proxy: ProxyUrl, tls: Trust, trust: Trust): RequestRoute {
  // Node would take the name of the certificate from the header `Host`, which is that of the destination.
  const tlsToProxy = { ...trust, servername: isIP(proxy.host) === 0 ? proxy.host : '' };
  if (protocol === 'https') {
    const agent = new TunnelAgent(proxy, tls, tlsToProxy);
    const options = (given: RequestOptions, ended: AbortSignal) => ({ ...given, agent, ended });
    return { agent, proxy: proxy.shown, isForwarded: false, options };
  }
  const agent =
    proxy.protocol === 'https:' ? new Agent({ ...tlsToProxy, keepAlive: true }) : new PlainAgent({ keepAlive: true });
  const options = (given: RequestOptions) => ({ ...given, ...forwarded(given, proxy), agent });
  return { agent, proxy: proxy.shown, isForwarded: true, options };
}

/** What a request to a proxy has in place of one to its host. */
function forwarded({ host, port, path, headers }: RequestOptions, proxy: ProxyUrl): RequestOptions {
  const name = isIPv6(host ?? '') ? `[${host}]` : `${host}`;
  const authority = Number(port ?? 80) === 80 ? name : `${name}:${port}`;
  const credentials = proxy.authorization === undefined ? {} : { 'proxy-authorization': proxy.authorization };
  return {
    protocol: proxy.protocol,
    host: proxy.host,
    port: proxy.port,
    path: `http://${authority}${path}`,
    headers: Object.assign({ host: authority }, headers, credentials),
  };
}

/** Closes the connections that no request uses. */
export function closeIdle({ freeSockets }: PlainAgent): void {
  for (const sockets of Object.values(freeSockets)) for (const socket of sockets ?? []) socket.destroy();
}

/** Closes every connection, those in use when their request has ended. */
export function retire({ agent }: RequestRoute): void {
  closeIdle(agent);
  agent.on('free', (socket) => socket.destroy());
}

/** Whether a request that has not ended waits for the proxy, and not for the host behind it. */
export function isWaitingForProxy({ proxy }: RequestRoute, request: ClientRequest): boolean {
  return proxy !== undefined && (request.socket?.connecting ?? true);
}
