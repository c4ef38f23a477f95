import test from 'ava';
import { parseConfig } from '../../src/config/load.ts';
import { ramPolicies } from '../../src/config/ram-policy.ts';

function policies(text: string) {
  return ramPolicies(parseConfig(text, 'config.yml'));
}

test('each repository may be asked for scans, and looked up only where that is needed', (t) => {
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

test('nothing that is not asked is allowed: neither lookups nor numbers of vulnerabilities nor lists of repositories', (t) => {
  const [policy] = policies(
    'vulnerabilities: false\ninstances: [{ id: cri-1, region: cn-hangzhou, repositories: [{ namespace: a, name: b, id: c, tags: [v1] }] }]',
  );
  t.deepEqual(
    policy?.document.Statement.flatMap(({ Action }) => Action),
    ['cr:GetScan', 'cr:ListRepositoryTag'],
  );
});

test('a repository given by id alone opens its instance, and its instance alone', (t) => {
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

test('each set of credentials has a policy of its own', (t) => {
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

test('discovery may list the repositories of its instance, and ask for those that its rules may take', (t) => {
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

test('discovery that names whole namespaces or repositories may list those, and no others', (t) => {
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
