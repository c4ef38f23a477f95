// Keeps connections to HTTPS servers through the tunnels of a proxy. Node's own client asks for each tunnel: so the answer is bounded as any
// header is, and the attempt ends with the request that needs it. The packages for this bound neither.
import { type ClientRequest, request as requestHttp } from 'node:http';
import { Agent, type RequestOptions, request as requestHttps } from 'node:https';
import { isIPv6, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ConnectionOptions } from 'node:tls';
import type { ProxyUrl } from '../../util/proxy-url.ts';
import { describeProxyStatus, ProxyError } from './proxy-error.ts';

/** The options of a connection. `ended` is aborted when the request that needs it has ended. */
type TunnelOptions = RequestOptions & { readonly ended?: AbortSignal };

/** A connection; with an error it counts for nothing. */
type Done = (error: Error | null, socket: Duplex) => void;

/** The TLS of a connection. */
export type Trust = Pick<ConnectionOptions, 'ca' | 'servername' | 'rejectUnauthorized'>;

export class TunnelAgent extends Agent {
  readonly #proxy: ProxyUrl;
  readonly #tlsToProxy: Trust;

  /**
   * @param tls for the connections through the tunnels
   * @param tlsToProxy for the connection to a proxy with `https://`
   */
  constructor(proxy: ProxyUrl, tls: Trust, tlsToProxy: Trust) {
    super({ ...tls, keepAlive: true });
    this.#proxy = proxy;
    this.#tlsToProxy = tlsToProxy;
  }

  /** Node's agent calls it for each new connection. */
  override createConnection(options: TunnelOptions, done: Done = () => {}): undefined {
    const { shown } = this.#proxy;
    const asking = this.#ask(options);
    asking.once('connect', ({ statusCode = 0 }, socket) => {
      if (statusCode < 300) {
        const through = { ...options, socket };
        done(null, super.createConnection(through) ?? socket);
        return;
      }
      done(new ProxyError(`the proxy ${shown} answered ${describeProxyStatus(statusCode)}`), socket.destroy());
    });
    asking.once('error', (cause) => {
      done(new ProxyError(`the proxy ${shown} gave no connection`, { cause }), new Socket());
    });
    asking.end();
  }

  #ask({ host, port, ended }: TunnelOptions): ClientRequest {
    const { protocol, authorization, host: proxyHost, port: proxyPort } = this.#proxy;
    const destination = `${isIPv6(host ?? '') ? `[${host}]` : host}:${port}`;
    const credentials = authorization === undefined ? {} : { 'proxy-authorization': authorization };
    return (protocol === 'https:' ? requestHttps : requestHttp)({
      ...this.#tlsToProxy,
      host: proxyHost,
      port: proxyPort,
      method: 'CONNECT',
      path: destination,
      headers: { host: destination, connection: 'keep-alive', ...credentials },
      agent: false,
      ...(ended !== undefined && { signal: ended }),
    });
  }
}
