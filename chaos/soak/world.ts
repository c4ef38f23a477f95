// What the exporter watches during a soak: some five hundred tags whose statuses change all the time, more than its rate allows to poll.
import type { Random } from '../random.ts';

export const RATE = 20;
const INSTANCES = ['cri-a', 'cri-b', 'cri-c'] as const;
const LISTED = ['api', 'web', 'job'] as const;
const LISTED_TAGS = 35;
const DISCOVERED = ['build', 'tools'] as const;
const DISCOVERED_TAGS = 20;
/** How many of the listed tags a configuration has. */
const LISTED_SHARE = 0.9;

const KEY = { access_key_id: 'soak-key', access_key_secret: 'soak-secret' };
/** The variables that the configuration takes the key from. */
export const SECRET_ENV = { SOAK_KEY_ID: KEY.access_key_id, SOAK_KEY_SECRET: KEY.access_key_secret };

/** The simulator's scenario. */
export function scenario(): object {
  const listed = LISTED.map((name) => ({
    namespace: 'shop',
    name,
    id: `crr-${name}`,
    tags: [{ count: LISTED_TAGS }],
    // Only to tags that are there: they get another digest.
    pushes: { interval: { min: '10s', max: '30s' }, repush_share: 1 },
  }));
  const discovered = DISCOVERED.map((name) => ({
    namespace: 'ops',
    name,
    id: `crr-${name}`,
    tags: [{ count: DISCOVERED_TAGS }],
    pushes: { interval: { min: '4s', max: '16s' }, name: 'build-{n}', repush_share: 0.5, keep: 15 },
  }));
  return {
    keys: [KEY],
    instances: INSTANCES.map((id) => ({ id, repositories: [...listed, ...discovered] })),
    scan: { rescan_interval: { min: '1m', max: '10m' } },
    latency: { min: '20ms', max: '150ms' },
  };
}

/** The exporter's configuration, with a fresh choice of the listed tags: as many come as go, so that there are as many all the time. */
export function configuration(endpoint: string, random: Random): object {
  const tags = () =>
    Array.from({ length: LISTED_TAGS }, (_, index) => `v${index + 1}`).filter(
      (_, index) => index === 0 || random.share() < LISTED_SHARE,
    );
  return {
    credentials: { type: 'access_key', access_key_id_env: 'SOAK_KEY_ID', access_key_secret_env: 'SOAK_KEY_SECRET' },
    rate_limit: { requests_per_second: RATE, max_concurrent: 8 },
    intervals: { scanning: '10s', complete: '20s', failed: '20s', not_scanned: '20s' },
    discovery_interval: '30s',
    instances: INSTANCES.map((id) => ({
      id,
      region: 'cn-hangzhou',
      endpoint,
      repositories: LISTED.map((name) => ({ namespace: 'shop', name, tags: tags() })),
      discover: [{ namespaces: ['ops'], tags: ['*'] }],
    })),
  };
}
