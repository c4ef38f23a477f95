import test from 'ava';
import type { DiscoveryStatus } from '../../../src/model/exporter-status.ts';
import type { Overview, ProblemSummary } from '../../../src/web/overview.ts';
import { plainText, verdictOf } from '../../../src/web/page/findings.ts';
import { NOW_MS, overview, problemSummary, repositoryRow } from '../../helpers/target-rows.ts';

const [USUAL] = overview().quota;
const WELL = { rate: { configured: 5, current: 5 }, oldestDueSeconds: { urgent: 0, background: 0 } };
const ERROR = { code: 'InvalidAccessKeyId.NotFound', message: 'Not found.', requestId: '', timeMs: NOW_MS };

/** An overview in which nothing is wrong, but for what is given. */
function well(given: Partial<Overview> = {}): Overview {
  return overview({ quota: USUAL === undefined ? [] : [{ ...USUAL, ...WELL }], ...given });
}

function sets(names: readonly string[], refused: readonly string[]): Overview['quota'] {
  return names.flatMap((credentials) => {
    if (USUAL === undefined) return [];
    const isRefused = refused.includes(credentials);
    const refusal = isRefused ? { error: ERROR, sinceMs: NOW_MS, nextProbeMs: NOW_MS + 20_000 } : undefined;
    const due = { urgent: isRefused ? 40 : 0, background: 0 };
    return [{ ...USUAL, ...WELL, credentials, due, refusal, paused: { refused: isRefused, throttled: false } }];
  });
}

function verdict(given: Partial<Overview>, problems: ProblemSummary = problemSummary()) {
  const { first, others } = verdictOf({ overview: well(given), problems });
  return { tone: first.tone, text: plainText(first.sentence), href: first.href, others: others.length };
}

const DISCOVERY: DiscoveryStatus = {
  instanceId: 'cri-1',
  tags: 9,
  truncated: false,
  lastSuccessMs: NOW_MS,
  lastError: undefined,
  rules: undefined,
};

test('only where nothing is wrong the verdict is good, and it says how many tags there are', (t) => {
  t.deepEqual(verdict({}), {
    tone: 'good',
    text: 'All 1,237 tags are as expected, 1 scan running',
    href: './#targets',
    others: 0,
  });
});

test('refused credentials come first: how many sets, why, which, and how many tags wait', (t) => {
  const quota = sets(['default', 'cri-2', 'cri-3'], ['cri-2', 'cri-3']);
  const failed = problemSummary([repositoryRow({ failed: 7 })]);
  const { first, others } = verdictOf({ overview: well({ quota }), problems: failed });
  t.is(plainText(first.sentence), '2 of 3 credential sets refused: InvalidAccessKeyId.NotFound (cri-2, cri-3)');
  t.is(first.advice, 'Check the key or role and its secret. 80 tags wait for it.');
  t.is(first.tone, 'bad');
  t.deepEqual(
    others.map(({ short }) => plainText(short)),
    ['7 scans failed'],
  );
  const alone = verdict({ quota: sets(['default'], ['default']) });
  t.is(alone.text, 'The credentials are refused: InvalidAccessKeyId.NotFound');
});

test('failed scans are said with their repositories, and the one that has most of them', (t) => {
  const rows = [repositoryRow({ failed: 40 }), repositoryRow({ failed: 135 }, { repoName: 'web' })];
  t.deepEqual(verdict({}, problemSummary(rows)), {
    tone: 'bad',
    text: '175 scans failed in 2 repositories, most in shop/web (135)',
    href: './?status=failed#targets',
    others: 0,
  });
  const one = verdict({ instances: 2 }, problemSummary([repositoryRow({ failed: 1 })]));
  t.is(one.text, '1 scan failed in shop/api on cri-1');
  t.is(one.href, './?instance=cri-1&repository=shop%2Fapi&status=failed#targets');
});

test('where discovery fails, the advice is about the cause', (t) => {
  const adviceFor = (code: string) => {
    const lastError = { code, message: 'No.', requestId: '', timeMs: NOW_MS };
    const discovery = [{ ...DISCOVERY, lastSuccessMs: undefined, lastError }];
    return verdictOf({ overview: well({ discovery }), problems: problemSummary() }).first.advice;
  };
  t.is(adviceFor('ProxyFailure'), 'New tags are not found. Check the proxy and proxy_url.');
  t.is(
    adviceFor('NoPrivilege'),
    'New tags are not found. Grant the permissions that --config.print-ram-policy prints.',
  );
  for (const code of ['ECONNREFUSED', 'constructor'])
    t.is(adviceFor(code), 'New tags are not found. Check the network and the endpoint.');
});

test('what is refused, late, failing to reload or to discover, stopped or throttled is never good', (t) => {
  const lastError = { code: 'NoPrivilege', message: 'No.', requestId: '', timeMs: NOW_MS };
  const late = { urgent: 0, background: 1_200 };
  const quota = (given: Partial<Overview['quota'][number]>) =>
    USUAL === undefined ? [] : [{ ...USUAL, ...WELL, ...given }];
  const cases: readonly (readonly [Partial<Overview>, string, string])[] = [
    [{ quota: quota({ oldestDueSeconds: late }) }, 'warn', 'Polls are up to 20 min late with the credentials: default'],
    [
      { reloadFailure: { timeMs: NOW_MS - 300_000, problems: ['a', 'b'] } },
      'bad',
      'The reload of the configuration failed 5 min ago: 2 problems in the file',
    ],
    [
      { discovery: [{ ...DISCOVERY, lastSuccessMs: undefined, lastError }] },
      'bad',
      'Discovery fails: NoPrivilege (cri-1)',
    ],
    [{ discovery: [{ ...DISCOVERY, lastError }] }, 'warn', 'Discovery cannot list everything: NoPrivilege (cri-1)'],
    [
      { discovery: [{ ...DISCOVERY, rules: [{ repositories: 0, tags: 0 }] }] },
      'warn',
      'Discovery rule 1 matches nothing (cri-1)',
    ],
    [
      { discovery: [{ ...DISCOVERY, truncated: true }] },
      'warn',
      'More tags were found than max_tags allows (100,000): cri-1',
    ],
    [
      { quota: quota({ rate: { configured: 5, current: 2.5 } }) },
      'warn',
      'The API throttles the credentials: 2.5 of 5 requests a second (default)',
    ],
    [{ ready: false, quota: quota({ running: false }) }, 'bad', 'Not polling, 24 h after the start'],
  ];
  for (const [given, tone, text] of cases) {
    const found = verdict(given);
    t.deepEqual([found.tone, found.text], [tone, text]);
  }
});

test('problems of tags are said in the order of their weight', (t) => {
  const sentences = (['stuck', 'stale', 'high', 'errors', 'unknown', 'not_scanned'] as const).map(
    (problem) => verdict({}, problemSummary([repositoryRow({ [problem]: 2 })])).text,
  );
  t.deepEqual(sentences, [
    '2 scans stuck for more than 30 min in shop/api',
    '2 results without an answer for more than 1 h in shop/api',
    '2 high-severity vulnerabilities found in shop/api',
    '2 polls failing in shop/api',
    '2 tags without a known status in shop/api',
    '2 images never scanned in shop/api',
  ]);
});

test('tags that wait for their first answer are no problem', (t) => {
  const found = verdict({}, problemSummary([repositoryRow({ unknown: 900 })], 900));
  t.deepEqual([found.tone, found.text], ['busy', '900 of 1,237 tags wait for the first answer']);
  const oldestDueSeconds = { urgent: 900, background: 0 };
  const quota = USUAL === undefined ? [] : [{ ...USUAL, ...WELL, oldestDueSeconds }];
  const waiting = verdict({ quota }, problemSummary([repositoryRow({ unknown: 900 })], 900));
  t.is(waiting.text, found.text, 'their polls are not late: they come as fast as the quota allows');
  t.is(verdict({ quota }).text, 'Polls are up to 15 min late with the credentials: default');
  const empty = { scanning: 0, retrying: 0, complete: 0, failed: 0, not_scanned: 0, unknown: 0 };
  t.is(verdict({ totals: empty }).text, 'No tag is watched');
});

test('a problem that another sentence says already is not said twice', (t) => {
  const quota = sets(['default', 'cri-2'], ['cri-2']);
  const shorts = (waiting: number, problems: Parameters<typeof repositoryRow>[0]) =>
    verdictOf({ overview: well({ quota }), problems: problemSummary([repositoryRow(problems)], waiting) }).others.map(
      ({ short }) => plainText(short),
    );
  t.deepEqual(shorts(40, { unknown: 40 }), [], 'the 40 tags that wait are those of the refused credentials');
  t.deepEqual(shorts(41, { unknown: 41 }), ['41 of 1,237 tags wait for the first answer']);
  t.deepEqual(shorts(0, { unknown: 3, errors: 3 }), ['3 polls failing'], 'a tag without a status has a failed poll');
  t.deepEqual(shorts(0, { unknown: 3, errors: 2 }), ['2 polls failing', '3 tags without a known status']);
});

const REPLICA: NonNullable<Overview['replica']> = {
  id: 'one',
  host: 'pod-1',
  isConnected: true,
  isMember: true,
  members: [
    { id: 'one', host: 'pod-1' },
    { id: 'two', host: 'pod-2' },
  ],
  differs: [],
  lastExchangeMs: NOW_MS,
  problem: undefined,
  max: 2,
  shares: [],
  repositories: 3,
  tags: 9,
  unwrittenTags: 0,
};

test('a replica without an answer from Redis says so, and one that takes part does not', (t) => {
  t.is(verdict({ replica: REPLICA }).tone, 'good');
  const away = verdict({ replica: { ...REPLICA, isConnected: false, problem: 'connect ECONNREFUSED' } });
  t.like(away, { tone: 'bad', text: 'No answer from Redis, this replica goes on alone: connect ECONNREFUSED' });
  const joining = verdict({ replica: { ...REPLICA, isMember: false, isConnected: false, problem: 'WRONGPASS' } });
  t.is(joining.text, 'No answer from Redis, this replica waits to join the others: WRONGPASS');
});

test('replicas whose configurations differ are named', (t) => {
  const differs = verdict({ replica: { ...REPLICA, differs: ['pod-2', 'pod-3', 'pod-4'] } });
  t.like(differs, { tone: 'warn', text: 'Replicas have different configurations: pod-2, pod-3, …' });
});

test('a replica without tags waits for its part, or for a place in the group', (t) => {
  const totals = { scanning: 0, retrying: 0, complete: 0, failed: 0, not_scanned: 0, unknown: 0 };
  t.like(verdict({ totals, replica: REPLICA }), { tone: 'busy', text: 'This replica watches no tag' });
  const full = verdict({ totals, replica: { ...REPLICA, isMember: false } });
  t.like(full, { tone: 'warn', text: 'This replica waits: the group has its 2 replicas' });
});
