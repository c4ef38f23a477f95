import test, { type ExecutionContext } from 'ava';
import { loadSdk } from '../../src/acr/sdk.ts';
import { checkOnline } from '../../src/app/online-check.ts';
import { parseConfig } from '../../src/config/load.ts';
import { createSimulator } from '../../src/simulator/simulator.ts';
import { systemClock } from '../../src/util/clock.ts';
import { Redactor } from '../../src/util/redactor.ts';
import { closedHost } from '../helpers/raw-server.ts';

const sdk = loadSdk();

/** @param parts of the instance in the configuration */
async function check(
  t: ExecutionContext,
  secret: string,
  parts: string,
  vulnerabilities = false,
  more: { readonly rules?: string[]; readonly faults?: object[] } = {},
) {
  const simulator = createSimulator({
    scenario: {
      keys: [{ access_key_id: 'key', access_key_secret: 'right-secret' }],
      instances: [
        {
          id: 'cri-1',
          ...(more.rules && { event_center: { rules: more.rules } }),
          repositories: [
            { namespace: 'shop', name: 'api', id: 'crr-api', tags: ['v1'] },
            { namespace: 'shop', name: 'web', id: 'crr-web', tags: ['v1'] },
            {
              namespace: 'shop',
              name: 'old',
              id: 'crr-old',
              tags: [{ tag: 'v1', status: 'NOT_SCANNED', not_scanned: 'business_error' }],
            },
            {
              namespace: 'shop',
              name: 'closed',
              id: 'crr-closed',
              tags: [{ tag: 'v1', status: 'NOT_SCANNED', not_scanned: 'error' }],
            },
          ],
        },
      ],
      faults: [
        ...(more.faults ?? []),
        { operation: 'GetRepoTagScanStatus', repository: 'crr-web', error: { code: 'NoPrivilege', http_status: 403 } },
        { operation: 'GetRepoTagScanSummary', error: { code: 'NoPrivilege', http_status: 403 } },
        { operation: 'GetRepoTag', repository: 'crr-closed', error: { code: 'NoPrivilege', http_status: 403 } },
        { operation: 'ListRepoTag', repository: 'crr-web', error: { code: 'NoPrivilege', http_status: 403 } },
      ],
    },
  });
  const { address } = await simulator.listen('127.0.0.1', 0);
  t.teardown(() => simulator.close());
  const config = parseConfig(
    `credentials: { type: access_key, access_key_id: key, access_key_secret: ${secret} }
rate_limit: { requests_per_second: 100 }
vulnerabilities: ${vulnerabilities}
instances: [{ id: cri-1, region: cn-hangzhou, endpoint: "http://${address}", ${parts} }]`,
    'config.yml',
  );
  const findings = [];
  const deps = { sdk: await sdk, env: {}, clock: systemClock, redactor: new Redactor() };
  for await (const finding of checkOnline(config, deps)) findings.push(finding);
  return { findings, requests: simulator.requests().map(({ action }) => action) };
}

test('each repository is tried once, looked up only where the exporter would, and a missing RAM action is named with its resource', async (t) => {
  const { findings, requests } = await check(
    t,
    'right-secret',
    'repositories: [{ namespace: shop, name: api, id: crr-api, tags: [v1, v2] }, { id: crr-web, tags: [v1] }, { namespace: shop, name: gone, tags: [v1] }]',
  );
  t.deepEqual(
    findings.map(({ subject, problem }) => [subject, problem === undefined]),
    [
      ['credentials default', true],
      ['cri-1 shop/api', true],
      ['cri-1 crr-web', false],
      ['cri-1 shop/gone', false],
    ],
  );
  t.regex(
    findings[2]?.problem ?? '',
    /^tag v1: the RAM action cr:GetScan on acs:cr:cn-hangzhou:\*:repository\/cri-1\/shop\/web is missing/,
  );
  t.regex(findings[3]?.problem ?? '', /^GetRepository failed with REPO_NOT_EXIST/);
  t.deepEqual(requests, ['GetRepoTagScanStatus', 'GetRepository', 'GetRepoTagScanStatus', 'GetRepository']);
});

test('a wrong secret is a problem of the credentials, with code and RequestId, and no repository is blamed', async (t) => {
  const { findings, requests } = await check(
    t,
    'wrong-secret-0123456789',
    'repositories: [{ namespace: shop, name: api, id: crr-api, tags: [v1] }, { id: crr-web, tags: [v1] }]',
  );
  t.deepEqual(
    findings.map(({ subject }) => subject),
    ['credentials default'],
  );
  t.regex(findings[0]?.problem ?? '', /^refused with SignatureDoesNotMatch: .* \(RequestId [\w-]+\)$/);
  t.false(JSON.stringify(findings).includes('wrong-secret-0123456789'));
  t.deepEqual(requests, ['GetRepoTagScanStatus']);
});

test('accepted credentials are reported before the rights that they lack', async (t) => {
  const { findings } = await check(
    t,
    'right-secret',
    'repositories: [{ id: crr-web, namespace: shop, name: web, tags: [v1] }]',
  );
  t.deepEqual(
    findings.map(({ subject, problem }) => [subject, problem === undefined]),
    [
      ['credentials default', true],
      ['cri-1 shop/web', false],
    ],
  );
});

test('credentials that no answer has confirmed are not reported as accepted', async (t) => {
  const config = parseConfig(
    `credentials: { type: access_key, access_key_id: key, access_key_secret: any-secret }
instances:
  - id: cri-1
    region: cn-hangzhou
    endpoint: "http://${await closedHost()}"
    repositories: [{ namespace: shop, name: api, id: crr-api, tags: [v1] }]`,
    'config.yml',
  );
  const findings = [];
  const deps = { sdk: await sdk, env: {}, clock: systemClock, redactor: new Redactor() };
  for await (const finding of checkOnline(config, deps)) findings.push(finding);
  t.deepEqual(findings[0], {
    subject: 'credentials default',
    problem: 'no request was answered, so nothing is known of them',
  });
  t.regex(findings[1]?.problem ?? '', /ConnectionRefused/);
});

test('where vulnerabilities are wanted, a missing action for them is named', async (t) => {
  const listed = 'repositories: [{ namespace: shop, name: api, id: crr-api, tags: [v1] }]';
  const { findings } = await check(t, 'right-secret', listed, true);
  t.regex(
    findings[1]?.problem ?? '',
    /^tag v1: the RAM action cr:GetScanCount on acs:cr:cn-hangzhou:\*:repository\/cri-1\/shop\/api is missing/,
  );
});

test('discovery lists the repositories, and the tags of the first that a rule takes', async (t) => {
  const good = await check(t, 'right-secret', 'discover: [{ repositories: [api] }]');
  t.deepEqual(good.findings[1], { subject: 'cri-1 discovery', problem: undefined });
  t.deepEqual(good.requests, ['ListRepository', 'ListRepoTag']);
  const denied = await check(t, 'right-secret', 'discover: [{ repositories: [web] }]');
  t.regex(
    denied.findings[1]?.problem ?? '',
    /^shop\/web: the RAM action cr:ListRepositoryTag on acs:cr:cn-hangzhou:\*:repository\/cri-1\/shop\/web is missing/,
  );
  const none = await check(t, 'right-secret', 'discover: [{ namespaces: ["shp*"] }]');
  t.is(none.findings[1]?.problem, 'no rule takes any of the 4 repositories of the instance');
  const named = await check(t, 'right-secret', 'discover: [{ namespaces: [shp] }]');
  t.is(named.findings[1]?.problem, 'none of the namespaces and repositories that the rules name exists');
});

test('discovery says of each rule how many repositories it takes: none is a problem, with a hint where a pattern looks wrong', async (t) => {
  const { findings } = await check(
    t,
    'right-secret',
    'discover: [{ namespaces: ["s*"], repositories: ["*"] }, { namespaces: ["shop*"], repositories: [api] }, { namespaces: ["*"], repositories: ["^api"] }]',
  );
  t.deepEqual(
    findings.map(({ subject, problem }) => [subject, problem === undefined]),
    [
      ['credentials default', true],
      ['cri-1 discovery', true],
      ['cri-1 discovery rule 1: 4 repositories', true],
      ['cri-1 discovery rule 2: 1 repository', true],
      ['cri-1 discovery rule 3: 0 repositories', false],
    ],
  );
  t.regex(
    findings[4]?.problem ?? '',
    /^takes none of the 4 repositories that were listed: "\^api" looks like a regular expression, and patterns are no/,
  );
});

test('an image that was never scanned is no problem, a tag that does not exist is one, and the action that tells them apart is named', async (t) => {
  const { findings } = await check(
    t,
    'right-secret',
    'repositories: [{ namespace: shop, name: old, id: crr-old, tags: [v1] }, { namespace: shop, name: api, id: crr-api, tags: [v0] }, { namespace: shop, name: closed, id: crr-closed, tags: [v1] }]',
  );
  const [, old, missing, closed] = findings.map(({ problem }) => problem);
  t.is(old, undefined);
  t.regex(missing ?? '', /^tag v0: GetRepoTagScanStatus failed with REPO_TAG_NOT_EXIST/);
  t.regex(
    closed ?? '',
    /^tag v1: the RAM action cr:ListRepositoryTag on acs:cr:cn-hangzhou:\*:repository\/cri-1\/shop\/closed is missing/,
  );
});

test('a feed of events is tried: a missing right, or an instance without an event rule, is a problem', async (t) => {
  const parts = 'events: { feed: 15s }, repositories: [{ namespace: shop, name: api, id: crr-api, tags: [v1] }]';
  const found = async (more: Parameters<typeof check>[4]) => {
    const { findings } = await check(t, 'right-secret', parts, false, more);
    return findings.find(({ subject }) => subject === 'cri-1 events')?.problem;
  };
  t.is(await found({ rules: ['scans'] }), undefined);
  t.regex((await found({})) ?? '', /^the instance has no event rule, so its event center has no new records/);
  for (const operation of ['ListEventCenterRecord', 'ListEventCenterRuleName']) {
    const denied = { operation, error: { code: 'NoPrivilege', http_status: 403 } };
    t.regex(
      (await found({ rules: ['scans'], faults: [denied] })) ?? '',
      new RegExp(`^the RAM action cr:${operation} on acs:cr:cn-hangzhou:\\*:instance/cri-1 is missing`),
    );
  }
  const unknown = { operation: 'ListEventCenterRecord', error: { code: 'InvalidAction.NotFound', http_status: 404 } };
  t.regex((await found({ faults: [unknown] })) ?? '', /InvalidAction\.NotFound: .* The region may have no events/);
  const { findings, requests } = await check(t, 'right-secret', parts.replace('events: { feed: 15s }, ', ''));
  t.false(findings.some(({ subject }) => subject.includes('events')));
  t.false(requests.some((action) => action.startsWith('ListEventCenter')));
});
