import test from 'ava';
import { parseConfig } from '../../src/config/load.ts';
import { ramPolicies } from '../../src/config/ram-policy.ts';

function policies(text: string) {
  return ramPolicies(parseConfig(text, 'config.yml'));
}

test('the policy allows scans of each repository, and lookups only of those that need one', (t) => {
  const text = `
instances:
  - id: cri-1
    region: cn-hangzhou
    repositories:
      - { namespace: shop, name: api, id: crr-api, tags: [v1] }
      - { namespace: shop, name: web, tags: [v1] }
      - { namespace: shop, name: web, tags: [v2] }
`;
  t.deepEqual(policies(text), [
    {
      credentials: 'default',
      document: {
        Version: '1',
        Statement: [
          {
            Effect: 'Allow',
            Action: ['cr:GetScan'],
            Resource: [
              'acs:cr:cn-hangzhou:*:repository/cri-1/shop/api',
              'acs:cr:cn-hangzhou:*:repository/cri-1/shop/web',
            ],
          },
          {
            Effect: 'Allow',
            Action: ['cr:GetScanCount'],
            Resource: [
              'acs:cr:cn-hangzhou:*:repository/cri-1/shop/api',
              'acs:cr:cn-hangzhou:*:repository/cri-1/shop/web',
            ],
          },
          {
            Effect: 'Allow',
            Action: ['cr:GetRepository'],
            Resource: ['acs:cr:cn-hangzhou:*:repository/cri-1/shop/web'],
          },
          {
            Effect: 'Allow',
            Action: ['cr:ListRepositoryTag'],
            Resource: [
              'acs:cr:cn-hangzhou:*:repository/cri-1/shop/api',
              'acs:cr:cn-hangzhou:*:repository/cri-1/shop/web',
            ],
          },
        ],
      },
    },
  ]);
});

test('the policy does not allow unused operations: lookups, vulnerabilities, lists of repositories', (t) => {
  const [policy] = policies(
    'vulnerabilities: false\ninstances: [{ id: cri-1, region: cn-hangzhou, repositories: [{ namespace: a, name: b, id: c, tags: [v1] }] }]',
  );
  t.deepEqual(
    policy?.document.Statement.flatMap(({ Action }) => Action),
    ['cr:GetScan', 'cr:ListRepositoryTag'],
  );
});

test('the policy allows the event center of instances with a feed, and of no others', (t) => {
  const repositories = 'repositories: [{ namespace: a, name: b, id: c, tags: [v1] }]';
  const [policy] = policies(`events: { webhook: { token_env: TOKEN } }
instances:
  - { id: cri-1, region: cn-hangzhou, events: { feed: 15s }, ${repositories} }
  - { id: cri-2, region: cn-hangzhou, ${repositories} }
`);
  const statements = policy?.document.Statement.filter(({ Action }) => Action[0]?.startsWith('cr:ListEventCenter'));
  t.deepEqual(
    statements,
    ['cr:ListEventCenterRecord', 'cr:ListEventCenterRuleName'].map((action) => {
      return { Effect: 'Allow', Action: [action], Resource: ['acs:cr:cn-hangzhou:*:instance/cri-1'] };
    }),
  );
});

test('a repository that is given only by id allows its whole instance, and no other', (t) => {
  const text = `
instances:
  - id: cri-1
    region: cn-hangzhou
    repositories: [{ id: crr-1, tags: [v1] }, { namespace: shop, name: api, id: crr-2, tags: [v1] }]
  - id: cri-2
    region: cn-beijing
    repositories: [{ namespace: shop, name: api, id: crr-3, tags: [v1] }]
`;
  t.deepEqual(policies(text)[0]?.document.Statement[0]?.Resource, [
    'acs:cr:cn-beijing:*:repository/cri-2/shop/api',
    'acs:cr:cn-hangzhou:*:repository/cri-1/*',
  ]);
});

test('each set of credentials has its own policy', (t) => {
  const text = `
instances:
  - { id: cri-1, region: cn-hangzhou, repositories: [{ namespace: a, name: b, id: c, tags: [v1] }] }
  - { id: cri-2, region: cn-hangzhou, credentials: { type: ecs_ram_role }, repositories: [{ namespace: a, name: b, id: c, tags: [v1] }] }
`;
  t.deepEqual(
    policies(text).map(({ credentials, document }) => [credentials, document.Statement[0]?.Resource]),
    [
      ['default', ['acs:cr:cn-hangzhou:*:repository/cri-1/a/b']],
      ['cri-2', ['acs:cr:cn-hangzhou:*:repository/cri-2/a/b']],
    ],
  );
});

test('with discovery the policy allows lists of the instance, and operations on repositories that the rules may match', (t) => {
  const text = `
instances:
  - id: cri-1
    region: cn-hangzhou
    discover:
      - { namespaces: ["shop-*"], exclude_repositories: ["*-cache"] }
      - { namespaces: [base], repositories: [debian, "go-?"], vulnerabilities: false }
  - id: cri-2
    region: cn-hangzhou
    repositories: [{ namespace: shop, name: api, id: crr-1, tags: [v1] }]
    discover: [{ namespaces: [shop] }, {}]
`;
  const one = 'acs:cr:cn-hangzhou:*:repository/cri-1';
  const all = 'acs:cr:cn-hangzhou:*:repository/cri-2/*';
  const taken = [`${one}/base/debian`, `${one}/base/go-?`, `${one}/shop-*/*`, all];
  t.deepEqual(
    policies(text)[0]?.document.Statement.map(({ Action, Resource }) => [Action[0], Resource]),
    [
      ['cr:GetScan', taken],
      ['cr:GetScanCount', [`${one}/shop-*/*`, all]],
      ['cr:ListRepository', [`${one}/*`, all]],
      ['cr:ListRepositoryTag', taken],
    ],
  );
});

test('with rules without wildcards the policy only allows lists of these namespaces or repositories', (t) => {
  const text = `
instances:
  - id: cri-1
    region: cn-hangzhou
    discover:
      - { namespaces: [shop], repositories: ["web-*"] }
      - { namespaces: [base], repositories: [debian] }
`;
  const one = 'acs:cr:cn-hangzhou:*:repository/cri-1';
  const lists = policies(text)[0]?.document.Statement.find(({ Action }) => Action[0] === 'cr:ListRepository');
  t.deepEqual(lists?.Resource, [`${one}/base/debian`, `${one}/shop/*`]);
});
