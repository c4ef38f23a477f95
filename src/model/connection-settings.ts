// How requests reach the API, as `config` reads it and `acr` uses it.
import type { SecretSource } from './credential-settings.ts';

/** The proxy of requests: none, the one in the environment, or the one at a URL, which may hold a password. */
export type ProxySettings =
  | { readonly from: 'none' }
  | { readonly from: 'environment' }
  /** `noProxy` lists the hosts that are reached without it, as Prometheus does; empty for none. */
  | { readonly from: 'url'; readonly url: SecretSource; readonly noProxy: string };

/** How the certificate of the API is checked. */
export type ApiTlsSettings = {
  /** The certificates that are trusted in place of the usual ones: an absolute path. */
  readonly caFile: string | undefined;
  /** The name that the certificate has to have, in place of the host of the endpoint. */
  readonly serverName: string | undefined;
  /** Whether any certificate will do. */
  readonly insecureSkipVerify: boolean;
};

export type ConnectionSettings = { readonly proxy: ProxySettings; readonly tls: ApiTlsSettings };

/** The defaults: no proxy, and the usual certificates. */
export const DIRECT: ConnectionSettings = {
  proxy: { from: 'none' },
  tls: { caFile: undefined, serverName: undefined, insecureSkipVerify: false },
};
