// What replicas must configure alike.
import test from 'ava';
import { groupConfigDigest } from '../../src/config/group-config-digest.ts';
import { parseConfig } from '../../src/config/load.ts';

const REPOSITORY = '{ namespace: shop, name: api, tags: [v1] }';
const CREDENTIALS = 'credentials: { type: access_key, access_key_id_file: /a, access_key_secret_env: A }';

/** Parts of a configuration that is the same but for them. */
type Parts = {
  readonly head?: string;
  readonly id?: string;
  readonly repositories?: string;
  readonly discover?: string;
  readonly own?: string;
  readonly max?: number;
};

function digestOf(parts: Parts = {}): string {
  const { head = '', id = 'cri-1', repositories = REPOSITORY, discover = '{ newest: 3 }', own = '', max = 2 } = parts;
  const instance = `{ id: ${id}, region: cn-hangzhou, ${own} repositories: [${repositories}], discover: [${discover}] }`;
  return groupConfigDigest(parseConfig(`${head}\ninstances: [${instance}]`, '/etc/config.yml'), max);
}

test('what decides about tags and the quota changes the digest', (t) => {
  const all = [
    digestOf(),
    digestOf({ max: 3 }),
    digestOf({ head: 'max_tags: 7' }),
    digestOf({ head: 'rate_limit: { requests_per_second: 3 }' }),
    digestOf({ head: 'rate_limit: { max_concurrent: 3 }' }),
    digestOf({ id: 'cri-2' }),
    digestOf({ own: `${CREDENTIALS},` }),
    digestOf({ repositories: `${REPOSITORY}, { namespace: shop, name: web, tags: [v1] }` }),
    digestOf({ repositories: '{ namespace: shop, name: api, tags: [v1, v2] }' }),
    digestOf({ repositories: '{ namespace: shop, name: api, id: crr-1, tags: [v1] }' }),
    digestOf({ discover: '{ newest: 4 }' }),
    digestOf({ discover: '{ newest: 3, max_age: 3d }' }),
    digestOf({ discover: '{ newest: 3, exclude_tags: ["*-dev"] }' }),
  ];
  t.is(new Set(all).size, all.length);
  for (const each of all) t.regex(each, /^[0-9a-f]{12}$/);
});

test('secrets, paths and what each replica may have for itself do not', (t) => {
  const same = [
    digestOf(),
    digestOf({ head: CREDENTIALS }),
    digestOf({ head: CREDENTIALS.replace('/a', '/b') }),
    digestOf({ head: 'proxy_url: http://user:secret@proxy:3128' }),
    digestOf({ head: 'replicas: { redis_url_file: /run/redis, group: prod, max: 9 }' }),
    digestOf({ repositories: '{ tags: [v1], name: api, namespace: shop }' }),
  ];
  t.is(new Set(same).size, 1);
  t.is(digestOf({ own: `${CREDENTIALS},` }), digestOf({ own: `${CREDENTIALS.replace('/a', '/b')},` }));
});
