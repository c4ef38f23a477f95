// Says which way requests go, for `--config.check`, and what is worth a warning about it.
import {
  type ProxyChoice,
  type ProxyEnvironment,
  proxyVariables,
  throughEnvironment,
  throughProxy,
} from '../acr/connections/proxy-choice.ts';
import type { Config, InstanceConfig } from '../config/config.ts';
import type { ProxySettings } from '../model/connection-settings.ts';
import { type ProxyUrl, parseProxyUrl } from '../util/proxy-url.ts';

const MAX_NAMED = 5;

/** One line for each way that requests of instances go. Files and variables with the URL of a proxy are not read, those of the environment are. */
export function describeRoutes({ instances }: Config, env: ProxyEnvironment): readonly string[] {
  const idsByWay = new Map<string, string[]>();
  for (const instance of instances) {
    const way = describeWay(instance, env);
    idsByWay.set(way, [...(idsByWay.get(way) ?? []), instance.id]);
  }
  return [...idsByWay].map(([way, ids]) => `Requests${idsByWay.size === 1 ? '' : ` of ${listed(ids)}`}: ${way}`);
}

function describeWay({ endpoint, connection }: InstanceConfig, env: ProxyEnvironment): string {
  const { proxy } = connection;
  const [place, choice] = choiceOf(proxy, env);
  const chosen = choice(endpoint);
  if (chosen !== undefined) return `through the proxy ${chosen.shown}${place === '' ? '' : ` (${place})`}`;
  if (proxy.from === 'none') return 'directly, without a proxy';
  if (proxy.from === 'url') return `directly, because of no_proxy: ${endpoint.host}`;
  return proxyVariables(env).length === 0
    ? 'directly: proxy_from_environment is true, but no variable with a proxy is set'
    : `directly: the variables of the environment have no proxy for ${endpoint.protocol}://${endpoint.host}`;
}

/** Where the URL of the proxy comes from if it is not in the configuration, and the choice. */
function choiceOf(proxy: ProxySettings, env: ProxyEnvironment): readonly [place: string, choice: ProxyChoice] {
  switch (proxy.from) {
    case 'none':
      return ['', () => undefined];
    case 'environment':
      return [
        'proxy_from_environment',
        throughEnvironment(
          env,
          (variable, value) => parseProxyUrl(value) ?? unread(`in ${variable}, which is no URL of one`),
        ),
      ];
    case 'url': {
      const { url, noProxy } = proxy;
      if (url.from === 'file') return ['proxy_url_file', throughProxy(unread(`in the file ${url.path}`), noProxy)];
      if (url.from === 'env') return ['proxy_url_env', throughProxy(unread(`in the variable ${url.name}`), noProxy)];
      return ['', throughProxy(parseProxyUrl(url.value) ?? unread('of the configuration'), noProxy)];
    }
  }
}

/** Stands for a proxy whose URL is not known here. */
function unread(shown: string): ProxyUrl {
  return { protocol: 'http:', host: '', port: 0, authorization: undefined, secrets: [], shown };
}

/** Why the variables of proxies that are set have no effect; undefined if they have one, or none is set. Without their values. */
export function unusedProxyVariables({ connection, instances }: Config, env: ProxyEnvironment): string | undefined {
  const names = proxyVariables(env);
  const isUsed = [connection, ...instances.map((instance) => instance.connection)].some(
    ({ proxy }) => proxy.from === 'environment',
  );
  if (names.length === 0 || isUsed) return undefined;
  const [are, them] = names.length === 1 ? ['is', 'it'] : ['are', 'them'];
  return `${listed(names)} ${are} set but not used: proxy_from_environment: true uses ${them}`;
}

/** The instances whose API may show any certificate. */
export function uncheckedInstances({ instances }: Config): readonly string[] {
  return instances.filter(({ connection }) => connection.tls.insecureSkipVerify).map(({ id }) => id);
}

/** A warning about them; undefined if there are none. */
export function uncheckedWarning(config: Config): string | undefined {
  const ids = uncheckedInstances(config);
  if (ids.length === 0) return undefined;
  return `insecure_skip_verify: any certificate of the API is accepted for ${listed(ids)}: use tls.ca_file instead`;
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, MAX_NAMED);
  const more = names.length - shown.length;
  return more === 0 ? shown.join(', ') : `${shown.join(', ')} and ${more} more`;
}
