import test from 'ava';
import { ParameterError, readTargetQuery, selectTargets, type TargetQuery } from '../../src/web/target-query.ts';
import { targetRow } from '../helpers/target-rows.ts';

const STATUSES = ['scanning', 'retrying', 'complete', 'failed', 'unknown'];
const ALL: TargetQuery = { statuses: [], text: '', offset: 0, limit: Number.POSITIVE_INFINITY };

function read(query: string): TargetQuery {
  return readTargetQuery(new URLSearchParams(query), STATUSES);
}

test('without parameters everything is asked for', (t) => {
  t.deepEqual(read(''), ALL);
  t.deepEqual(read('status=&q=&limit=&offset=&other=1'), ALL, 'as is with empty ones, and with others');
});

test('statuses, text, limit and offset are read; a limit of 0 is none', (t) => {
  t.deepEqual(read('status=failed&status=unknown&q=a+b&limit=10&offset=20'), {
    statuses: ['failed', 'unknown'],
    text: 'a b',
    offset: 20,
    limit: 10,
  });
  t.is(read('limit=0').limit, Number.POSITIVE_INFINITY);
});

test('a parameter that does not fit says which, what was expected and what was found', (t) => {
  for (const [query, message] of [
    [
      'status=green',
      'invalid parameter "status": expected scanning, retrying, complete, failed, unknown, found "green"',
    ],
    ['limit=-1', 'invalid parameter "limit": expected a whole number of at least 0, found "-1"'],
    ['limit=1.5', 'invalid parameter "limit": expected a whole number of at least 0, found "1.5"'],
    ['offset=ten', 'invalid parameter "offset": expected a whole number of at least 0, found "ten"'],
    [
      'offset=99999999999999999999',
      'invalid parameter "offset": expected a whole number of at least 0, found "99999999999999999999"',
    ],
  ] as const) {
    t.is(t.throws(() => read(query), { instanceOf: ParameterError })?.message, message);
  }
});

test('targets are chosen by status and by words in anything that is shown of them, whatever the case', async (t) => {
  const error = { code: 'NoPrivilege', message: 'Access denied for this user.', requestId: 'BC648259', timeMs: 0 };
  const targets = [
    targetRow({ tag: 'v1', status: 'complete' }),
    targetRow({ tag: 'v2', status: 'failed', digest: 'sha256:67bf' }),
    targetRow({ tag: 'V3', status: 'unknown', lastError: error }),
    targetRow({ tag: 'v4', repoName: 'web', repoId: 'crr-web' }),
  ];
  const chosen = async (query: Partial<TargetQuery>) =>
    (await selectTargets(targets, { ...ALL, ...query })).rows.map(({ tag }) => tag);
  t.deepEqual(await chosen({}), ['v1', 'v2', 'V3', 'v4']);
  t.deepEqual(await chosen({ statuses: ['failed', 'unknown'] }), ['v2', 'V3']);
  t.deepEqual(await chosen({ text: 'SHOP/API:V' }), ['v1', 'v2', 'V3']);
  t.deepEqual(await chosen({ text: 'shop  v4 ' }), ['v4']);
  t.deepEqual(await chosen({ text: 'crr-web' }), ['v4']);
  t.deepEqual(await chosen({ text: '67BF' }), ['v2']);
  for (const text of ['noprivilege', 'access denied', 'bc648259']) t.deepEqual(await chosen({ text }), ['V3'], text);
  t.deepEqual(await chosen({ text: 'v1', statuses: ['failed'] }), []);
});

test('a part of the chosen is given with the number of all', async (t) => {
  const targets = Array.from({ length: 5_000 }, (_, index) => targetRow({ tag: `v${index}` }));
  const { total, rows } = await selectTargets(targets, { ...ALL, offset: 4_998, limit: 10 });
  t.is(total, 5_000);
  t.deepEqual(
    rows.map(({ tag }) => tag),
    ['v4998', 'v4999'],
  );
});

test('the event loop gets its turn while many targets are looked at', async (t) => {
  let turns = 0;
  const counting = setInterval(() => {
    turns += 1;
  });
  t.teardown(() => clearInterval(counting));
  function* many() {
    for (let index = 0; index < 100_000; index++) yield targetRow();
  }
  await selectTargets(many(), { ...ALL, text: 'nothing has this' });
  t.true(turns > 5, `${turns}`);
});
