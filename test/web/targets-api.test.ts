import test from 'ava';
import { renderBadData, renderTargets } from '../../src/web/targets-api.ts';
import { NASTY_NAMES, NOW_MS, targetRow } from '../helpers/target-rows.ts';

function read(rows: readonly ReturnType<typeof targetRow>[], total = rows.length) {
  let text = '';
  for (const piece of renderTargets({ total, rows })) text += piece;
  return JSON.parse(text);
}

test('targets have the promised fields, with times in ISO 8601 and null for what is not known', async (t) => {
  const lastError = { code: 'NoPrivilege', message: 'Access denied.', requestId: 'BC648259', timeMs: NOW_MS };
  const vulnerabilitiesError = { code: 'SystemError', message: 'Try later.', requestId: '', timeMs: NOW_MS - 1_000 };
  const known = targetRow({
    lastError,
    source: 'discovered',
    vulnerabilities: { unknown: 4, low: 3, medium: 2, high: 1 },
    vulnerabilitiesError,
  });
  const unknown = targetRow({
    lastPollMs: undefined,
    lastSuccessMs: undefined,
    nextPollMs: undefined,
    vulnerabilities: undefined,
  });
  const names = {
    instanceId: 'cri-1',
    repoNamespace: 'shop',
    repoName: 'api',
    repoId: 'crr-api',
    tag: 'v1',
    digest: '',
    status: 'complete',
  };
  t.deepEqual(read([known, unknown], 7), {
    status: 'success',
    data: {
      total: 7,
      targets: [
        {
          ...names,
          since: '2026-01-02T02:04:05.000Z',
          lastPoll: '2026-01-02T03:03:05.000Z',
          lastSuccess: '2026-01-02T03:03:05.000Z',
          nextPoll: '2026-01-02T03:05:05.000Z',
          lastError: {
            code: 'NoPrivilege',
            message: 'Access denied.',
            requestId: 'BC648259',
            time: '2026-01-02T03:04:05.000Z',
          },
          source: 'discovered',
          vulnerabilities: { high: 1, medium: 2, low: 3, unknown: 4 },
          vulnerabilitiesError: {
            code: 'SystemError',
            message: 'Try later.',
            requestId: '',
            time: '2026-01-02T03:04:04.000Z',
          },
        },
        {
          ...names,
          since: '2026-01-02T02:04:05.000Z',
          lastPoll: null,
          lastSuccess: null,
          nextPoll: null,
          lastError: null,
          source: 'listed',
          vulnerabilities: null,
          vulnerabilitiesError: null,
        },
      ],
    },
  });
});

test('fields keep the order in which they came to be', async (t) => {
  const { data } = read([targetRow()]);
  t.deepEqual(Object.keys(data.targets[0]), [
    'instanceId',
    'repoNamespace',
    'repoName',
    'repoId',
    'tag',
    'digest',
    'status',
    'since',
    'lastPoll',
    'lastSuccess',
    'nextPoll',
    'lastError',
    'source',
    'vulnerabilities',
    'vulnerabilitiesError',
  ]);
});

test('none, one piece and several are all whole', async (t) => {
  for (const count of [0, 1, 499, 500, 501, 1_700]) {
    const rows = Array.from({ length: count }, (_, index) => targetRow({ tag: `v${index}` }));
    const { data } = read(rows);
    t.deepEqual(
      data.targets.map(({ tag }: { tag: string }) => tag),
      rows.map(({ tag }) => tag),
    );
  }
});

test('names that try to break out come back as they were', async (t) => {
  const { data } = read(NASTY_NAMES.map((tag) => targetRow({ tag })));
  t.deepEqual(
    data.targets.map(({ tag }: { tag: string }) => tag),
    NASTY_NAMES,
  );
});

test('the error for a bad parameter has the shape of Prometheus', (t) => {
  t.deepEqual(JSON.parse(renderBadData('a "reason"')), { status: 'error', errorType: 'bad_data', error: 'a "reason"' });
});
