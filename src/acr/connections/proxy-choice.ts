// Chooses the proxy of a request, as Prometheus does: by settings, or by the variables of the environment.
import type { ProxyUrl } from '../../util/proxy-url.ts';
import { createNoProxy, type Destination } from './no-proxy.ts';

export type ProxyEnvironment = Readonly<Record<string, string | undefined>>;

/** The proxy for a destination; undefined for none. May throw the error of a proxy that cannot be used. */
export type ProxyChoice = (destination: Destination) => ProxyUrl | undefined;

/** The metadata service of the machine: a proxy would ask that of its own machine. */
const METADATA_HOST = '100.100.100.200';

/** Every request goes through the proxy, except those to hosts in the list. Without a list there are no exceptions, not even `localhost`. */
export function throughProxy(proxy: ProxyUrl, noProxy: string): ProxyChoice {
  const isExcepted = noProxy === '' ? () => false : createNoProxy(noProxy);
  return (destination) => (isMetadata(destination) || isExcepted(destination) ? undefined : proxy);
}

/** The variables of the environment decide: `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, in capitals or not. */
export function throughEnvironment(
  env: ProxyEnvironment,
  read: (variable: string, value: string) => ProxyUrl,
): ProxyChoice {
  const isExcepted = createNoProxy(firstSet(env, ['NO_PROXY', 'no_proxy'])?.value ?? '');
  const proxies = { https: proxyVariable(env, 'https'), http: proxyVariable(env, 'http') };
  return (destination) => {
    const found = proxies[destination.protocol];
    if (found === undefined || isMetadata(destination) || isExcepted(destination)) return undefined;
    return read(found.variable, found.value);
  };
}

/** The variable with the proxy of a protocol, and its value. A value without a scheme is one with `http://`. */
function proxyVariable(env: ProxyEnvironment, protocol: 'http' | 'https') {
  const name = `${protocol}_proxy`;
  const found = firstSet(env, [name.toUpperCase(), name]);
  return (
    found && { ...found, value: /^[a-z][a-z0-9+.-]*:\/\//i.test(found.value) ? found.value : `http://${found.value}` }
  );
}

/** The names of the variables of proxies that are set. */
export function proxyVariables(env: ProxyEnvironment): readonly string[] {
  return ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'].filter((name) => (env[name] ?? '') !== '');
}

function firstSet(env: ProxyEnvironment, names: readonly string[]) {
  const variable = names.find((name) => (env[name] ?? '') !== '');
  return variable === undefined ? undefined : { variable, value: env[variable] ?? '' };
}

function isMetadata({ host }: Destination): boolean {
  return host === METADATA_HOST || host.startsWith(`${METADATA_HOST}:`);
}
