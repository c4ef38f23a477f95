// The poll plan and what --config.check warns of.
import test from 'ava';
import type { Config } from '../../src/config/config.ts';
import { missingSecretWarnings } from '../../src/config/credential-files.ts';
import { credentialSets } from '../../src/config/credential-sets.ts';
import { parseConfig } from '../../src/config/load.ts';
import { formatPlan, planPolls } from '../../src/config/poll-plan.ts';
import { DIRECT } from '../../src/model/connection-settings.ts';

test('with a sufficient quota the planned intervals are the configured ones', (t) => {
  const { sets, warnings } = planPolls(configOf({ tags: 600, head: 'rate_limit: { requests_per_second: 5 }' }));
  t.deepEqual(sets[0]?.allComplete, {
    askedRate: 1, // 600 tags in 600 s
    scanningTags: 0,
    scanningEveryMs: undefined,
    completeEveryMs: 600_000,
  });
  t.is(sets[0]?.someScanning.scanningTags, 6);
  t.is(sets[0]?.someScanning.askedRate, 6 / 15 + 594 / 600);
  t.is(sets[0]?.someScanning.scanningEveryMs, 15_000);
  t.is(sets[0]?.someScanning.completeEveryMs, 600_000);
  t.deepEqual(warnings, []);
});

test('a quota that is too small makes the intervals longer, those of complete tags first', (t) => {
  const { sets, warnings } = planPolls(configOf({ tags: 2_000, head: 'rate_limit: { requests_per_second: 2 }' }));
  // 2000 tags at 2 a second.
  t.is(sets[0]?.allComplete.completeEveryMs, 1_000_000);
  // 20 scanning tags ask for 20/15 = 1.33 a second and get it; 1980 share the other 0.67.
  t.is(sets[0]?.someScanning.scanningEveryMs, 15_000);
  t.is(Math.round(sets[0]?.someScanning.completeEveryMs ?? 0), 2_970_000);
  t.deepEqual(warnings, [
    'credentials default: the intervals ask for 3.33 requests a second, 2 requests a second are allowed: tags will be polled less often than configured',
  ]);
});

test('scanning tags never get more than four of five requests', (t) => {
  const { sets } = planPolls(configOf({ tags: 10_000, head: 'rate_limit: { requests_per_second: 5 }' }));
  // 100 scanning tags ask for 6.67 a second and get 4; 9900 share 1.
  t.is(sets[0]?.someScanning.scanningEveryMs, 25_000);
  t.is(Math.round(sets[0]?.someScanning.completeEveryMs ?? 0), 9_900_000);
});

test('the warning says if only scanning tags exceed the quota', (t) => {
  const { warnings } = planPolls(configOf({ tags: 600, head: 'rate_limit: { requests_per_second: 1.2 }' }));
  t.is(warnings.length, 1);
  t.regex(
    warnings[0] ?? '',
    /1\.39 requests a second while 1 % of the tags are scanning, 1\.2 requests a second are allowed/,
  );
});

test('each set of credentials has its own row and its own quota', (t) => {
  const config = parseConfig(
    `instances:
  - { id: a, region: cn, repositories: [{ id: crr-1, tags: [v1, v2] }] }
  - { id: b, region: cn, credentials: { type: ecs_ram_role }, repositories: [{ namespace: n, name: m, tags: [v1] }] }
  - { id: c, region: cn, repositories: [{ namespace: n, name: m, id: crr-2, tags: [v1] }] }
`,
    '/etc/config.yml',
  );
  t.deepEqual(credentialSets(config), [
    { name: 'default', settings: { type: 'default' }, connection: DIRECT, instanceIds: ['a', 'c'] },
    { name: 'b', settings: { type: 'ecs_ram_role', roleName: undefined }, connection: DIRECT, instanceIds: ['b'] },
  ]);
  const [shared, own] = planPolls(config).sets;
  t.like(shared, { credentials: 'default', instances: 2, tags: 3, lookups: 1 });
  t.like(own, { credentials: 'b', instances: 1, tags: 1, lookups: 1, firstSweepMs: 400 });
});

test('the top-level credentials are not a set if every instance has its own', (t) => {
  const config = parseConfig(
    'instances: [{ id: a, region: cn, credentials: { type: default }, repositories: [{ id: crr-1, tags: [v1] }] }]',
    '/etc/config.yml',
  );
  t.deepEqual(
    credentialSets(config).map(({ name }) => name),
    ['a'],
  );
});

test('the plan is a table', (t) => {
  const plan = planPolls(configOf({ tags: 2_000, head: 'rate_limit: { requests_per_second: 2 }' }));
  t.is(
    formatPlan(plan),
    `Intervals: scanning 15s, complete 10m, failed 10m, not scanned 10m

CREDENTIALS  TAGS  FIRST SWEEP  WHEN          ASKED   ALLOWED  SCANNING EVERY  COMPLETE EVERY
default      2000  16m41s       all complete  3.33/s  2/s      -               16m40s, not 10m
                                1 % scanning  4.63/s  2/s      15s             49m30s, not 10m

default: vulnerabilities ask for 0.556/s more, each complete tag once an hour
`,
  );
});

test('the plan counts with both intervals where there are events', (t) => {
  const head =
    'rate_limit: { requests_per_second: 2 }\nvulnerabilities: false\nevents: { webhook: { token_env: TOKEN } }';
  const plan = planPolls(configOf({ tags: 2_000, head }));
  t.is(
    formatPlan(plan),
    `Intervals: scanning 15s, complete 10m, failed 10m, not scanned 10m, complete while events are healthy 6h

CREDENTIALS  TAGS  FIRST SWEEP  WHEN            ASKED     ALLOWED  SCANNING EVERY  COMPLETE EVERY
default      2000  16m41s       all complete    3.33/s    2/s      -               16m40s, not 10m
                                1 % scanning    4.63/s    2/s      15s             49m30s, not 10m
                                events healthy  0.0926/s  2/s      -               6h
`,
  );
  t.deepEqual(plan.warnings, [
    'credentials default: the intervals ask for 3.33 requests a second (0.0926 while events are healthy), 2 requests a second are allowed: tags will be polled less often than configured',
  ]);
});

test('a feed needs one request a period, and only its instance is polled less often', (t) => {
  const instance = (id: string, more: string) =>
    `  - { id: ${id}, region: cn, ${more}repositories: [{ namespace: n, name: m, id: crr, tags: [v1, v2, v3] }] }\n`;
  const text = `vulnerabilities: false\nevents: { complete: 1h }\ninstances:\n${instance('a', 'events: { feed: 20s }, ')}${instance('b', '')}`;
  const plan = planPolls(parseConfig(text, '/etc/config.yml'));
  t.is(plan.sets[0]?.feedRate, 1 / 20);
  t.is(plan.sets[0]?.firstSweepMs, 6_000 / (5 - 1 / 20));
  t.is(plan.sets[0]?.eventsHealthy?.askedRate, 3 / 3_600 + 3 / 600);
  t.regex(formatPlan(plan), /^default: feeds of events ask for 0\.05\/s more, whatever the number of tags$/m);
  const longer = planPolls(parseConfig(`intervals: { complete: 2h }\n${text}`, '/etc/config.yml'));
  t.is(longer.healthyCompleteMs, 7_200_000, 'events never make an interval shorter');
});

test('discovery reduces the quota of tags by its own requests, up to a third', (t) => {
  const rules = 'discover: [{ newest: 20 }], repositories: [{ namespace: shop, name: api, id: crr-1, tags: [v1] }]';
  const plan = planPolls(parseConfig(`instances: [{ id: cri-1, region: cn-hangzhou, ${rules} }]`, '/etc/config.yml'));
  // 1 request for the list of 100 repositories and 1 for each of them, in 300 s; 1 tag in 5 requests a second less that.
  t.is(plan.sets[0]?.discoveryRate, 101 / 300);
  t.is(plan.sets[0]?.firstSweepMs, 1_000 / (5 - 101 / 300));
  t.regex(formatPlan(plan), /^default {6}1 \+ found /m);
  t.regex(
    formatPlan(plan),
    /^default: discovery asks for 0\.337\/s more if it finds 100 repositories in each instance\ndefault: each 1,000 tags that it finds ask for 1\.67\/s when complete, and for 0\.278\/s with vulnerabilities$/m,
  );
  const busy = planPolls(
    parseConfig(
      `discovery_interval: 10s\ninstances: [{ id: cri-1, region: cn-hangzhou, ${rules} }]`,
      '/etc/config.yml',
    ),
  );
  t.is(Math.round(busy.sets[0]?.firstSweepMs ?? 0), 300, 'discovery never takes more than a third');
  t.regex(
    busy.warnings.join(),
    /^credentials default: discovery asks for 10\.1 requests a second if it finds 100 repositories in each instance, while tags are due it gets 1\.67 at most: runs will take longer than discovery_interval$/,
  );
});

test('only instances with discovery count for the rate of discovery', (t) => {
  const text = `instances:
  - { id: a, region: cn, discover: [{}] }
  - { id: b, region: cn, discover: [{}, { tags: [v1] }] }
  - { id: c, region: cn, repositories: [{ id: crr-1, tags: [v1] }] }
  - { id: d, region: cn, credentials: { type: ecs_ram_role }, discover: [{}] }
`;
  const [shared, own] = planPolls(parseConfig(text, '/etc/config.yml')).sets;
  t.is(shared?.discoveryRate, (2 * 101) / 300);
  t.is(own?.discoveryRate, 101 / 300);
});

test('there is a warning if polls, vulnerabilities and discovery together need more than the quota', (t) => {
  // 570 tags in 600 s, and each once an hour: 0.95 + 0.158 a second.
  const { warnings } = planPolls(
    configOf({ tags: 570, head: 'rate_limit: { requests_per_second: 1.1 }\nintervals: { scanning: 10m }' }),
  );
  t.deepEqual(warnings, [
    'credentials default: polls, vulnerabilities and discovery ask for 1.11 requests a second together, 1.1 requests a second are allowed: tags will be polled less often than configured',
  ]);
});

test('vulnerabilities that are switched off are not counted', (t) => {
  const plan = planPolls(configOf({ tags: 10, head: 'vulnerabilities: false' }));
  t.is(plan.sets[0]?.summaryRate, 0);
  t.false(formatPlan(plan).includes('vulnerabilities'));
});

test('warnings of missing files and variables name the key and not the value, which may be a misplaced secret', async (t) => {
  const config = parseConfig(
    `credentials:
  type: sts
  access_key_id_env: PRESENT
  access_key_secret_env: opensesame
  security_token_file: token
instances:
  - { id: a, region: cn, repositories: [{ id: crr-1, tags: [v1] }] }
  - id: b
    region: cn
    credentials: { type: oidc_role_arn, role_arn: r, oidc_provider_arn: p, oidc_token_file: /run/token }
    repositories: [{ id: crr-1, tags: [v1] }]
`,
    '/etc/acr/config.yml',
  );
  const asked: string[] = [];
  const warnings = await missingSecretWarnings(config, {
    hasVariable: (name) => name === 'PRESENT',
    hasFile: async (path) => asked.push(path) === 0,
  });
  t.deepEqual(asked, ['/etc/acr/token', '/run/token']);
  t.deepEqual(warnings, [
    'credentials.access_key_secret_env: no such environment variable',
    'credentials.security_token_file: no such file; relative paths start at the directory of the configuration file',
    'instances[1].credentials.oidc_token_file: no such file; relative paths start at the directory of the configuration file',
  ]);
});

function configOf({ tags, head }: { tags: number; head: string }): Config {
  const list = Array.from({ length: tags }, (_, index) => `v${index}`).join(', ');
  const text = `${head}\ninstances: [{ id: a, region: cn, repositories: [{ namespace: n, name: m, tags: [${list}] }] }]`;
  return parseConfig(text, '/etc/config.yml');
}

test('with replicas the plan is that of all together, and says what each has without Redis', (t) => {
  const head = 'replicas: { redis_url_env: REDIS_URL, group: prod, max: 4 }\nrate_limit: { requests_per_second: 10 }';
  const plan = formatPlan(planPolls(configOf({ tags: 1, head })));
  t.true(
    plan.includes('replicas: at most 4 of the group prod share this plan; without Redis each has 2.5/s of a rate\n'),
    plan,
  );
});
