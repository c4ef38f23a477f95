// Chooses the way of each request by the settings of a connection, whose files are read again when they change.
import { rootCertificates } from 'node:tls';
import type { ConnectionSettings } from '../../model/connection-settings.ts';
import type { SecretSource } from '../../model/credential-settings.ts';
import type { Clock } from '../../util/clock.ts';
import type { Logger } from '../../util/logger.ts';
import { mistakeInCertificates } from '../../util/pem.ts';
import { PROXY_URL_EXPECTED, type ProxyUrl, parseProxyUrl } from '../../util/proxy-url.ts';
import { ReadFiles } from '../../util/read-files.ts';
import type { Redactor } from '../../util/redactor.ts';
import { describeReadFailure } from '../../util/yaml/read-text.ts';
import { ApiError, PROXY_FAILURE } from '../api-error.ts';
import type { Destination } from './no-proxy.ts';
import { type ProxyChoice, throughEnvironment, throughProxy } from './proxy-choice.ts';
import { directRoute, proxiedRoute, type RequestRoute, retire } from './route.ts';
import type { Trust } from './tunnel-agent.ts';

/** Files are looked at no more often. */
const CHECK_INTERVAL_MS = 1_000;

/** The requests of the API, or those of the services that give credentials. */
export type RouteUse = 'api' | 'credentials';

export type RoutesDependencies = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly logger: Logger;
  readonly redactor: Redactor;
};

/** The certificates to trust: undefined for the usual ones, an error if the file was never read. */
type Authorities = string | undefined | ApiError;

export class Routes {
  readonly #settings: ConnectionSettings;
  readonly #deps: RoutesDependencies;
  #files = new ReadFiles();
  #checkedMs: number;
  #proxyFor: ProxyChoice;
  #authorities: Authorities;
  /** Why the file of certificates cannot be read, as it was logged. */
  #problem = '';
  /** By use, protocol, proxy and certificates. */
  readonly #routes = new Map<string, RequestRoute>();

  constructor(settings: ConnectionSettings, deps: RoutesDependencies) {
    this.#settings = settings;
    this.#deps = deps;
    this.#checkedMs = deps.clock.monotonic();
    this.#authorities = this.#readAuthorities();
    this.#proxyFor = this.#readProxy();
  }

  /** The way to a destination. Throws the `ApiError` `ProxyFailure` or `TlsFailure` if what the settings name cannot be read. */
  to(destination: Destination, use: RouteUse): RequestRoute {
    this.#refresh();
    const authorities = this.#authorities;
    if (authorities instanceof ApiError && destination.protocol === 'https') throw authorities;
    const ca = authorities instanceof ApiError ? undefined : authorities;
    const { protocol } = destination;
    const proxy = this.#proxyFor(destination);
    const key = JSON.stringify([use, protocol, proxy]);
    const known = this.#routes.get(key);
    if (known !== undefined) return known;
    const tls = this.#tls(ca, use);
    const route = proxy ? proxiedRoute(protocol, proxy, tls, this.#tlsToProxy(ca)) : directRoute(protocol, tls);
    this.#routes.set(key, route);
    return route;
  }

  /** Closes the connections: those in use when their request has ended. */
  close(): void {
    for (const route of this.#routes.values()) retire(route);
    this.#routes.clear();
  }

  /** The services that give credentials have public certificates, unless a proxy replaces them. Nothing else is said of them. */
  #tls(ca: string | undefined, use: RouteUse): Trust {
    if (use === 'credentials') return withUsual(ca);
    const { serverName, insecureSkipVerify } = this.#settings.tls;
    return {
      ...(ca !== undefined && { ca }),
      ...(serverName !== undefined && { servername: serverName }),
      ...(insecureSkipVerify && { rejectUnauthorized: false }),
    };
  }

  #tlsToProxy(ca: string | undefined): Trust {
    return { ...withUsual(ca), ...(this.#settings.tls.insecureSkipVerify && { rejectUnauthorized: false }) };
  }

  #refresh(): void {
    const nowMs = this.#deps.clock.monotonic();
    if (nowMs - this.#checkedMs < CHECK_INTERVAL_MS) return;
    this.#checkedMs = nowMs;
    if (this.#files.areUntouched()) return;
    const before = this.#files;
    this.#files = new ReadFiles(before);
    const authorities = this.#readAuthorities();
    const proxyFor = this.#readProxy();
    if (this.#files.equals(before)) return;
    this.#authorities = authorities;
    this.#proxyFor = proxyFor;
    this.close();
    this.#deps.logger.info('files of the connection to the API have changed, what is in them now is used');
  }

  #readAuthorities(): Authorities {
    const { caFile } = this.#settings.tls;
    if (caFile === undefined) return undefined;
    const { pem, problem } = this.#readCertificates(caFile);
    if (pem !== undefined) {
      this.#problem = '';
      return pem;
    }
    const before = this.#authorities;
    const message = `tls.ca_file: ${problem}`;
    if (message !== this.#problem) {
      const consequence = typeof before === 'string' ? 'the certificates that were read before are used' : undefined;
      this.#deps.logger.error('certificates cannot be read', { problem: message, consequence });
      this.#problem = message;
    }
    return typeof before === 'string' ? before : new ApiError({ code: 'TlsFailure', kind: 'transport', message });
  }

  #readCertificates(path: string): { readonly pem?: string; readonly problem?: string } {
    try {
      const pem = this.#files.read(path).toString('latin1');
      const mistake = mistakeInCertificates(pem);
      if (mistake === undefined) return { pem };
      return { problem: `expected ${mistake.expected} in the file ${path}, found ${mistake.found}` };
    } catch (error) {
      return { problem: `expected a file that can be read, found ${describeReadFailure(error)}: ${path}` };
    }
  }

  #readProxy(): ProxyChoice {
    const { proxy } = this.#settings;
    const { env } = this.#deps;
    switch (proxy.from) {
      case 'none':
        return () => undefined;
      case 'environment':
        return throughEnvironment(env, (variable, value) => this.#parse(value, `the environment variable ${variable}`));
      case 'url': {
        const read = this.#readUrl(proxy.url);
        if (!(read instanceof ApiError)) return throughProxy(read, proxy.noProxy);
        // The hosts that need no proxy are still reached.
        const choice = throughProxy(UNKNOWN, proxy.noProxy);
        return (destination) => {
          if (choice(destination) === undefined) return undefined;
          throw read;
        };
      }
    }
  }

  #readUrl(source: SecretSource): ProxyUrl | ApiError {
    try {
      switch (source.from) {
        case 'value':
          return this.#parse(source.value, 'the configuration');
        case 'env':
          return this.#parse(this.#deps.env[source.name] ?? '', `the environment variable ${source.name}`);
        case 'file':
          return this.#parse(this.#readText(source.path), `the file ${source.path}`);
      }
    } catch (error) {
      if (error instanceof ApiError) return error;
      throw error;
    }
  }

  #readText(path: string): string {
    try {
      return this.#files.read(path).toString();
    } catch (error) {
      throw unusable(`the file ${path}`, describeReadFailure(error));
    }
  }

  #parse(written: string, place: string): ProxyUrl {
    const text = written.trim();
    const url = parseProxyUrl(text);
    if (url === undefined) throw unusable(place, text === '' ? 'nothing' : 'something else');
    for (const secret of url.secrets) this.#deps.redactor.add(secret);
    return url;
  }
}

/** Stands for a proxy whose URL cannot be read. */
const UNKNOWN: ProxyUrl = { protocol: 'http:', host: '', port: 0, authorization: undefined, secrets: [], shown: '' };

function unusable(place: string, found: string): ApiError {
  const message = `proxy_url: expected ${PROXY_URL_EXPECTED} in ${place}, found ${found}`;
  return new ApiError({ code: PROXY_FAILURE, kind: 'transport', message });
}

function withUsual(ca: string | undefined): Trust {
  return ca === undefined ? {} : { ca: [...rootCertificates, ca] };
}
