// Sends the requests of the SDK's providers of credentials in place of the SDK, which accepts no agent for them. `HttpTransport` bounds the
// answers.
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { describeProxyStatus, ProxyError } from '../connections/proxy-error.ts';
import { isWaitingForProxy, type RequestRoute } from '../connections/route.ts';
import type { Routes } from '../connections/routes.ts';

/** The fields of the SDK's requests in use. */
export type ProviderRequest = {
  readonly method: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly bodyForm?: Readonly<Record<string, string>>;
  readonly readTimeout?: number;
  toRequestURL(): string;
};
export type ProviderResponse = {
  readonly statusCode: number;
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer | string;
};

/** For a request that says none. */
const DEFAULT_TIMEOUT_MS = 9_500;
const PROXY_AUTHENTICATION_REQUIRED = 407;

/** There was no whole answer in time. */
export class ProviderTimeout extends Error {
  override readonly name = 'ProviderTimeout';
}

/** Rejects with Node's error, a {@link ProviderTimeout}, a `ProxyError`, or the `ApiError` of a route that cannot be used. */
export async function sendProviderRequest(request: ProviderRequest, routes: Routes): Promise<ProviderResponse> {
  const url = new URL(request.toRequestURL());
  const protocol = url.protocol === 'https:' ? 'https' : 'http';
  return send(request, url, routes.to({ protocol, host: url.host }, 'credentials'));
}

function send(request: ProviderRequest, url: URL, route: RequestRoute): Promise<ProviderResponse> {
  const { method, headers, bodyForm = {}, readTimeout = DEFAULT_TIMEOUT_MS } = request;
  const options = {
    method,
    headers: { ...headers },
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port,
    path: `${url.pathname}${url.search}`,
  };
  const ended = new AbortController();
  return new Promise((resolve, reject) => {
    const sent = (url.protocol === 'https:' ? https : http).request(route.options(options, ended.signal));
    const deadline = setTimeout(() => {
      reject(
        isWaitingForProxy(route, sent)
          ? new ProxyError(`the proxy ${route.proxy} gave no connection within ${readTimeout} ms`)
          : new ProviderTimeout(`no whole answer within ${readTimeout} ms`),
      );
      sent.destroy();
      ended.abort();
    }, readTimeout);
    sent.once('close', () => clearTimeout(deadline));
    sent.once('response', (response) => {
      read(response, route).then(resolve, reject);
    });
    sent.on('error', (cause) => {
      reject(route.isForwarded ? new ProxyError(`the proxy ${route.proxy} failed`, { cause }) : cause);
    });
    sent.end(formOf(bodyForm));
  });
}

async function read(response: IncomingMessage, { proxy, isForwarded }: RequestRoute): Promise<ProviderResponse> {
  const { statusCode = 0, headers } = response;
  if (isForwarded && statusCode === PROXY_AUTHENTICATION_REQUIRED) {
    response.destroy();
    throw new ProxyError(`the proxy ${proxy} answered ${describeProxyStatus(statusCode)}`);
  }
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return { statusCode, headers, body: Buffer.concat(chunks) };
}

/** As the signature of the STS expects it. */
function formOf(fields: Readonly<Record<string, string>>): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join('&');
}
