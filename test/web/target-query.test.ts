import test from 'ava';
import fc from 'fast-check';
import type { TargetRow } from '../../src/web/overview.ts';
import {
  ParameterError,
  readTargetQuery,
  selectOrderedTargets,
  selectTargets,
  type TargetQuery,
} from '../../src/web/target-query.ts';
import { targetRow } from '../helpers/target-rows.ts';

const STATUSES = ['scanning', 'retrying', 'complete', 'failed', 'not_scanned', 'unknown'];
const ALL: TargetQuery = {
  statuses: [],
  severities: [],
  sources: [],
  problems: [],
  instance: '',
  repository: '',
  tag: '',
  text: '',
  offset: 0,
  limit: Number.POSITIVE_INFINITY,
};

function read(query: string): TargetQuery {
  return readTargetQuery(new URLSearchParams(query), STATUSES);
}

test('without parameters everything is asked for', (t) => {
  t.deepEqual(read(''), ALL);
  t.deepEqual(
    read('status=&severity=&source=&q=&limit=&offset=&other=1'),
    ALL,
    'as is with empty ones, and with others',
  );
});

test('statuses, severities, sources, text, limit and offset are read; a limit of 0 is none', (t) => {
  t.deepEqual(
    read(
      'status=failed&status=unknown&severity=high&severity=low&source=listed&problem=stuck&instance=cri-1&repository=shop/api&tag=v1&q=a+b&limit=10&offset=20',
    ),
    {
      statuses: ['failed', 'unknown'],
      severities: ['high', 'low'],
      sources: ['listed'],
      problems: ['stuck'],
      instance: 'cri-1',
      repository: 'shop/api',
      tag: 'v1',
      text: 'a b',
      offset: 20,
      limit: 10,
    },
  );
  t.is(read('limit=0').limit, Number.POSITIVE_INFINITY);
});

test('the message for an invalid parameter names it, the expected and the found value', (t) => {
  for (const [query, message] of [
    [
      'status=green',
      'invalid parameter "status": expected scanning, retrying, complete, failed, not_scanned, unknown, found "green"',
    ],
    ['severity=critical', 'invalid parameter "severity": expected high, medium, low, unknown, found "critical"'],
    ['source=found', 'invalid parameter "source": expected listed, discovered, found "found"'],
    ['limit=-1', 'invalid parameter "limit": expected a whole number of at least 0, found "-1"'],
    ['limit=1.5', 'invalid parameter "limit": expected a whole number of at least 0, found "1.5"'],
    ['offset=ten', 'invalid parameter "offset": expected a whole number of at least 0, found "ten"'],
    [
      'limit=%C2%85%E2%80%AE',
      'invalid parameter "limit": expected a whole number of at least 0, found "\\u0085\\u202e"',
    ],
    [
      'offset=99999999999999999999',
      'invalid parameter "offset": expected a whole number of at least 0, found "99999999999999999999"',
    ],
  ] as const) {
    t.is(t.throws(() => read(query), { instanceOf: ParameterError })?.message, message);
  }
});

test('targets are selected by status and by words in anything that is shown of them, whatever the case', async (t) => {
  const error = { code: 'NoPrivilege', message: 'Access denied for this user.', requestId: 'BC648259', timeMs: 0 };
  const targets = [
    targetRow({ tag: 'v1', status: 'complete' }),
    targetRow({ tag: 'v2', status: 'failed', digest: 'sha256:67bf' }),
    targetRow({ tag: 'V3', status: 'unknown', lastError: error }),
    targetRow({ tag: 'v4', repoName: 'web', repoId: 'crr-web' }),
  ];
  const chosen = async (query: Partial<TargetQuery>) =>
    [...(await selectTargets(targets, { ...ALL, ...query })).rows].map(({ tag }) => tag);
  t.deepEqual(await chosen({}), ['v1', 'v2', 'V3', 'v4']);
  t.deepEqual(await chosen({ statuses: ['failed', 'unknown'] }), ['v2', 'V3']);
  t.deepEqual(await chosen({ text: 'SHOP/API:V' }), ['v1', 'v2', 'V3']);
  t.deepEqual(await chosen({ text: 'shop  v4 ' }), ['v4']);
  t.deepEqual(await chosen({ text: 'crr-web' }), ['v4']);
  t.deepEqual(await chosen({ text: '67BF' }), ['v2']);
  for (const text of ['noprivilege', 'access denied', 'bc648259']) t.deepEqual(await chosen({ text }), ['V3'], text);
  t.deepEqual(await chosen({ text: 'v1', statuses: ['failed'] }), []);
});

test('targets are selected by where they come from', async (t) => {
  const targets = [targetRow({ tag: 'v1' }), targetRow({ tag: 'v2', source: 'discovered' })];
  const chosen = async (sources: TargetQuery['sources']) =>
    [...(await selectTargets(targets, { ...ALL, sources })).rows].map(({ tag }) => tag);
  t.deepEqual(await chosen(['listed']), ['v1']);
  t.deepEqual(await chosen(['discovered']), ['v2']);
  t.deepEqual(await chosen(['listed', 'discovered']), ['v1', 'v2']);
});

test('targets are selected by the severities that were found in them; what is not known has none', async (t) => {
  const none = { high: 0, medium: 0, low: 0, unknown: 0 };
  const targets = [
    targetRow({ tag: 'clean', vulnerabilities: none }),
    targetRow({ tag: 'high', vulnerabilities: { ...none, high: 2 } }),
    targetRow({ tag: 'low', vulnerabilities: { ...none, low: 1 } }),
    targetRow({ tag: 'all', vulnerabilities: { high: 1, medium: 1, low: 1, unknown: 1 } }),
    targetRow({ tag: 'not known', vulnerabilities: undefined }),
  ];
  const chosen = async (severities: TargetQuery['severities']) =>
    [...(await selectTargets(targets, { ...ALL, severities })).rows].map(({ tag }) => tag);
  t.deepEqual(await chosen(['high']), ['high', 'all']);
  t.deepEqual(await chosen(['medium']), ['all']);
  t.deepEqual(await chosen(['high', 'low']), ['high', 'low', 'all']);
  t.deepEqual(await chosen(['unknown']), ['all']);
});

test('the error of the vulnerabilities is found like that of the poll', async (t) => {
  const lastError = { code: 'SystemError', message: 'Try later.', requestId: 'AAAA', timeMs: 0 };
  const vulnerabilitiesError = { code: 'NoPrivilege', message: 'Access denied.', requestId: 'BC648259', timeMs: 0 };
  const targets = [targetRow({ tag: 'v1' }), targetRow({ tag: 'v2', lastError, vulnerabilitiesError })];
  for (const text of ['noprivilege', 'access denied', 'bc648259', 'systemerror', 'aaaa'])
    t.deepEqual(
      [...(await selectTargets(targets, { ...ALL, text })).rows].map(({ tag }) => tag),
      ['v2'],
      text,
    );
});

test('a part of the selected targets comes with their total number', async (t) => {
  const targets = Array.from({ length: 5_000 }, (_, index) => targetRow({ tag: `v${index}` }));
  const { total, rows } = await selectTargets(targets, { ...ALL, offset: 4_998, limit: 10 });
  t.is(total, 5_000);
  t.deepEqual(
    [...rows].map(({ tag }) => tag),
    ['v4998', 'v4999'],
  );
});

test('the event loop gets its turn while many targets are examined', async (t) => {
  let turns = 0;
  const counting = setInterval(() => {
    turns += 1;
  });
  t.teardown(() => clearInterval(counting));
  const many = { length: 100_000, at: () => targetRow() };
  await selectTargets(many, { ...ALL, text: 'nothing has this' });
  t.true(turns > 5, `${turns}`);
});

test('the targets at some places of an order are those of all in that order, whatever is asked for', async (t) => {
  const tags = fc.array(fc.record({ sinceMs: fc.nat(5), tag: fc.constantFrom('a', 'b', 'c') }), { maxLength: 60 });
  const order = { values: [({ sinceMs }: TargetRow) => sinceMs], descending: false };
  await fc.assert(
    fc.asyncProperty(tags, fc.nat(30), fc.integer({ min: 1, max: 10 }), async (given, offset, limit) => {
      const targets = given.map((each, index) => targetRow({ ...each, digest: `${index}` }));
      const query = { ...ALL, text: 'api:a', offset, limit };
      const { total, rows } = await selectOrderedTargets(targets, query, order);
      const all = targets.filter(({ tag }) => tag === 'a').toSorted((one, other) => one.sinceMs - other.sinceMs);
      t.is(total, all.length);
      t.deepEqual(rows, all.slice(offset, offset + limit));
    }),
  );
});
