// What is read of the bodies that EventBridge sends, and what is not.
import test from 'ava';
import fc from 'fast-check';
import { MAX_BATCH, parseCloudEvents } from '../../src/events/cloud-event.ts';
import { cloudEvent } from '../helpers/webhook.ts';

type Changes = Readonly<Record<string, unknown>>;

function read(changes: Changes = {}, data: Changes = {}) {
  return parseCloudEvents(JSON.stringify(cloudEvent(changes, data)));
}

const EVENT = {
  id: '45ef4dew-7c35-447a-bd93-fab1',
  type: 'ScanCompleted',
  instanceId: 'cri-1',
  repository: { id: 'crr-1', namespace: 'shop', name: 'api' },
  tag: 'latest',
  timeMs: Date.UTC(2026, 0, 1, 0, 0, 41),
};

test('a finished scan is read as EventBridge documents it', (t) => {
  t.deepEqual<unknown, unknown>(read(), { events: [EVENT], others: 0, problems: [] });
});

test('a push is read with the fields that it has', (t) => {
  const data = {
    RegionId: 'cn-hangzhou',
    InstanceId: 'cri-1',
    RepoId: 'crr-1',
    RepoNamespaceName: 'shop',
    RepoName: 'api',
    Tag: '1',
  };
  const { events } = read({ type: 'cr:Artifact:PushCompleted', data });
  t.deepEqual<unknown, unknown>(events, [{ ...EVENT, type: 'PushCompleted', tag: '1' }]);
});

test('a batch is read item by item', (t) => {
  const batch = [cloudEvent(), cloudEvent({ id: 'other' }), cloudEvent({ type: 'cr:Artifact:BuildCompleted' }), 7];
  const { events, others, problems } = parseCloudEvents(JSON.stringify(batch));
  t.deepEqual(
    events.map(({ id }) => id),
    [EVENT.id, 'other'],
  );
  t.is(others, 1);
  t.deepEqual(problems, ['expected a CloudEvent, a JSON object, found a number']);
});

test('an empty batch is nothing', (t) => {
  t.deepEqual(parseCloudEvents('[]'), { events: [], others: 0, problems: [] });
});

test('a batch is read up to its limit', (t) => {
  const batch = (count: number) => JSON.stringify(Array.from({ length: count }, () => 0));
  t.is(parseCloudEvents(batch(MAX_BATCH)).problems.length, MAX_BATCH);
  t.deepEqual(parseCloudEvents(batch(MAX_BATCH + 1)).problems, ['expected a batch of at most 1000 events, found 1001']);
});

for (const [what, changes] of [
  ['a build', { type: 'cr:Artifact:BuildCompleted' }],
  ['another product', { source: 'acs.oss', type: 'oss:ObjectCreated:PutObject' }],
  ['another source with our type', { source: 'acs.cr2' }],
  ['a build without data', { type: 'cr:Artifact:BuildCompleted', data: undefined, time: undefined }],
  ['a type that every object has', { type: 'constructor' }],
] as const) {
  test(`a CloudEvent of ${what} is another`, (t) => {
    t.deepEqual(read(changes), { events: [], others: 1, problems: [] });
  });
}

test('whole numbers count as their text', (t) => {
  const { events } = read({ id: 17 }, { Tag: 20260131, RepoId: 5 });
  t.deepEqual(
    events.map(({ id, tag, repository }) => [id, tag, repository.id]),
    [['17', '20260131', '5']],
  );
});

test('the repository has an id or its names', (t) => {
  const repositoryOf = (data: Changes) => read({}, data).events[0]?.repository;
  t.deepEqual(repositoryOf({ RepoId: null }), { id: '', namespace: 'shop', name: 'api' });
  t.deepEqual(repositoryOf({ RepoName: undefined, RepoNamespaceName: '' }), { id: 'crr-1', namespace: '', name: '' });
  t.is(repositoryOf({ RepoId: undefined, RepoName: undefined }), undefined);
});

const LONG = 'x'.repeat(256);

for (const [changes, data, problem] of [
  [{ specversion: '0.3' }, {}, 'specversion: expected 1.0, found another'],
  [{ specversion: undefined }, {}, 'specversion: expected a text of at most 255 characters, found none'],
  [{ id: '' }, {}, 'id: expected a text of at most 255 characters, found none'],
  [{ id: LONG }, {}, 'id: expected a text of at most 255 characters, found 256'],
  [{ type: ['x'] }, {}, 'type: expected a text of at most 255 characters, found a list'],
  [{ source: undefined }, {}, 'source: expected a text of at most 255 characters, found none'],
  [{ data: undefined }, {}, 'data: expected a JSON object, found none'],
  [{ data: 'text' }, {}, 'data: expected a JSON object, found a string'],
  [{ data: [] }, {}, 'data: expected a JSON object, found a list'],
  [{}, { InstanceId: undefined }, 'data.InstanceId: expected a text of at most 255 characters, found none'],
  [{}, { Tag: LONG }, 'data.Tag: expected a text of at most 255 characters, found 256'],
  [{}, { Tag: 1.5 }, 'data.Tag: expected a text of at most 255 characters, found a number'],
  [{}, { Tag: { a: 1 } }, 'data.Tag: expected a text of at most 255 characters, found an object'],
  [{}, { RepoId: '', RepoName: '' }, 'data: expected RepoId, or RepoNamespaceName and RepoName, found neither'],
  [{}, { RepoName: true }, 'data.RepoName: expected a text of at most 255 characters, found a boolean'],
] as const) {
  test(`an event is refused with: ${problem} (${JSON.stringify([changes, data]).slice(0, 60)})`, (t) => {
    t.deepEqual(read(changes, data), { events: [], others: 0, problems: [problem] });
  });
}

for (const [time, ms] of [
  ['2026-01-01T08:00:41+08:00', Date.UTC(2026, 0, 1, 0, 0, 41)],
  ['2026-01-01T00:00:41Z', Date.UTC(2026, 0, 1, 0, 0, 41)],
  ['2026-01-01t00:00:41.5z', Date.UTC(2026, 0, 1, 0, 0, 41, 500)],
  ['2026-01-01T00:00:41.123456789-00:30', Date.UTC(2026, 0, 1, 0, 30, 41, 123)],
  ['2026-01-01 00:00:41', undefined],
  ['2026-01-01T00:00:41', undefined],
  ['2026-13-01T00:00:41Z', undefined],
  ['1767225641000', undefined],
  ['', undefined],
] as const) {
  test(`the time ${time || 'of nothing'} is ${ms === undefined ? 'none' : 'read'}`, (t) => {
    const { events, problems } = read({ time });
    t.deepEqual(
      events.map(({ timeMs }) => timeMs),
      ms === undefined ? [] : [ms],
    );
    t.is(problems.length, ms === undefined ? 1 : 0);
  });
}

for (const [text, problem] of [
  ['', 'expected JSON, found nothing'],
  ['{"id":', 'expected JSON, found something else'],
  ['null', 'expected a CloudEvent, a JSON object, found none'],
  ['"event"', 'expected a CloudEvent, a JSON object, found a string'],
  ['{}', 'specversion: expected a text of at most 255 characters, found none'],
  ['['.repeat(32_000) + ']'.repeat(32_000), 'expected a CloudEvent, a JSON object, found a list'],
  [
    `${'{"data":'.repeat(8_000)}1${'}'.repeat(8_000)}`,
    'specversion: expected a text of at most 255 characters, found none',
  ],
] as const) {
  test(`${text.slice(0, 20) || 'an empty body'} is refused with: ${problem}`, (t) => {
    t.deepEqual(parseCloudEvents(text), { events: [], others: 0, problems: [problem] });
  });
}

test('fields of the prototype are no fields of an event', (t) => {
  const inherited = `{"__proto__":${JSON.stringify(cloudEvent())}}`;
  t.is(parseCloudEvents(inherited).problems.length, 1);
  const data = `{"__proto__":${JSON.stringify(cloudEvent().data)}}`;
  const text = JSON.stringify(cloudEvent({ data: 'DATA' })).replace('"DATA"', data);
  t.deepEqual(parseCloudEvents(text).problems, [
    'data.InstanceId: expected a text of at most 255 characters, found none',
  ]);
  t.is(Object.hasOwn(Object.prototype, 'InstanceId'), false);
});

test('of any JSON, each item is an event, another, or a problem', (t) => {
  const value = fc.oneof(fc.jsonValue(), fc.constantFrom('acs.cr', '1.0', 'cr:Artifact:ScanCompleted', 5, null, ''));
  const changed = fc
    .record({
      envelope: fc.dictionary(fc.constantFrom(...Object.keys(cloudEvent())), value),
      data: fc.dictionary(fc.constantFrom(...Object.keys(cloudEvent().data)), value),
    })
    .map(({ envelope, data }) => cloudEvent(envelope, data));
  const items = fc.array(fc.oneof(changed, fc.jsonValue()), { maxLength: 5 });
  fc.assert(
    fc.property(items, (batch) => {
      const { events, others, problems } = parseCloudEvents(JSON.stringify(batch));
      t.is(events.length + others + problems.length, batch.length);
      for (const { id, instanceId, tag, timeMs, repository } of events)
        t.true(
          id !== '' &&
            instanceId !== '' &&
            tag !== '' &&
            Number.isFinite(timeMs) &&
            `${repository.id}${repository.name}` !== '',
        );
    }),
  );
});
