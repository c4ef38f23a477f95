// The records and rules of the event center, as the API answers them.
import test, { type ExecutionContext } from 'ava';
import { startHttp } from '../helpers/raw-server.ts';
import { failureOf, testApi } from './setup.ts';

const REQUEST = { instanceId: 'cri-1', eventType: 'cr:Artifact:ScanCompleted', pageNo: 1, pageSize: 100 };

async function apiAnswering(t: ExecutionContext, body: object) {
  const { host } = await startHttp(t, (_, response) =>
    response.end(JSON.stringify({ IsSuccess: true, Code: 'success', RequestId: 'R-1', ...body })),
  );
  return testApi(host);
}

test('records of the event center arrive with their times, as numbers or text', async (t) => {
  const record = {
    RecordId: 'crecrr-1',
    EventType: 'cr:Artifact:ScanCompleted',
    InstanceId: 'cri-1',
    Namespace: 'shop',
  };
  const api = await apiAnswering(t, {
    Records: [
      { ...record, RepoName: 'api', Tag: 'v1', CreateTime: 1_700_000_000_000 },
      { ...record, RecordId: 'crecrr-2', RepoName: 'api', Tag: 'v2', CreateTime: '1700000000001' },
    ],
    TotalCount: 7,
  });
  const common = { eventType: 'cr:Artifact:ScanCompleted', namespace: 'shop', repoName: 'api' };
  t.deepEqual(await api.listEventCenterRecord(REQUEST), {
    records: [
      { ...common, recordId: 'crecrr-1', tag: 'v1', createTime: 1_700_000_000_000 },
      { ...common, recordId: 'crecrr-2', tag: 'v2', createTime: 1_700_000_000_001 },
    ],
    totalCount: 7,
    requestId: 'R-1',
  });
});

test('a damaged record does not hide the others', async (t) => {
  const api = await apiAnswering(t, {
    Records: [
      { RecordId: 7, Tag: null },
      { RecordId: 'crecrr-1', Tag: 'v1' },
    ],
  });
  const { records } = await api.listEventCenterRecord(REQUEST);
  t.deepEqual(
    records.map(({ recordId, tag, createTime }) => [recordId, tag, createTime]),
    [
      ['', '', undefined],
      ['crecrr-1', 'v1', undefined],
    ],
  );
  const none = await apiAnswering(t, { Records: 'none' });
  t.is((await failureOf(none.listEventCenterRecord(REQUEST))).code, 'InvalidResponse');
});

test('an instance without event rules answers an empty list of them, or none', async (t) => {
  const rules = await apiAnswering(t, { RuleNames: [{ RuleId: 'crecr-1', RuleName: 'scans' }] });
  t.deepEqual((await rules.listEventCenterRuleName({ instanceId: 'cri-1' })).ruleNames, ['scans']);
  for (const body of [{ RuleNames: [] }, {}]) {
    const none = await apiAnswering(t, body);
    t.deepEqual((await none.listEventCenterRuleName({ instanceId: 'cri-1' })).ruleNames, []);
  }
});
