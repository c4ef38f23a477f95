// The errors of requests that a proxy did not pass on.

/** The proxy failed, not the API. The message names the proxy without user and password; `cause` is the error of the connection to it. */
export class ProxyError extends Error {
  override readonly name = 'ProxyError';
}

/** The status of an answer of a proxy, for people. */
export function describeProxyStatus(status: number): string {
  if (status === 407 || status === 401) return `HTTP ${status}: its user and password are missing or wrong`;
  if (status === 403) return 'HTTP 403: it does not allow this destination';
  if (status >= 500) return `HTTP ${status}: it does not reach this destination`;
  return `HTTP ${status}`;
}
