// The API of a simulation without HTTP: the port of the exporter, answered by the operations of the simulator.
import type { AcrApi, AcrOperations } from '../../src/acr/operations.ts';
import type { ScanStatus } from '../../src/model/scan.ts';
import { perform } from '../../src/simulator/operations.ts';
import type { Action } from '../../src/simulator/parameters.ts';
import type { Simulation } from '../../src/simulator/simulation.ts';
import type { Clock } from '../../src/util/clock.ts';

const STATUSES: Readonly<Record<string, ScanStatus>> = {
  SCANNING: 'scanning',
  RETRYING: 'retrying',
  COMPLETE: 'complete',
  FAILED: 'failed',
};

type Options = {
  readonly simulation: Simulation;
  readonly clock: Clock;
  /** The time from a request to its answer, half of it before the API reads its state. */
  readonly latencyMs: () => number;
  /** Called when an answer about a tag's status arrives, with the time at which the API wrote it. */
  readonly answered: (tag: string, writtenAtMs: number) => void;
  readonly sent: (action: Action) => void;
};

export function inProcessApi({ simulation, clock, latencyMs, answered, sent }: Options): AcrApi {
  const ask = async (action: Action, parameters: Readonly<Record<string, string>>) => {
    sent(action);
    const halfMs = latencyMs() / 2;
    await clock.sleep(halfMs);
    const fields = perform(action, simulation.registry, parameters, simulation.instant());
    const writtenAtMs = clock.monotonic();
    await clock.sleep(halfMs);
    return { fields, writtenAtMs };
  };
  const unused = () => Promise.reject(new Error('expected no such request'));
  const operations: AcrOperations = {
    getRepoTagScanStatus: async ({ instanceId, repoId, tag }) => {
      const asked = { InstanceId: instanceId, RepoId: repoId, Tag: tag };
      const { fields, writtenAtMs } = await ask('GetRepoTagScanStatus', asked);
      const statusText = String(fields.Status);
      answered(tag, writtenAtMs);
      return {
        status: STATUSES[statusText] ?? 'unknown',
        statusText,
        requestId: '',
        scanService: String(fields.ScanService),
      };
    },
    listEventCenterRecord: async ({ instanceId, eventType = '', pageNo, pageSize }) => {
      const { fields } = await ask('ListEventCenterRecord', {
        InstanceId: instanceId,
        EventType: eventType,
        PageNo: String(pageNo),
        PageSize: String(pageSize),
      });
      const records = fields.Records as readonly Readonly<Record<string, string | number>>[];
      return {
        records: records.map((record) => ({
          recordId: String(record.RecordId),
          eventType: String(record.EventType),
          namespace: String(record.Namespace),
          repoName: String(record.RepoName),
          tag: String(record.Tag),
          createTime: Number(record.CreateTime),
        })),
        totalCount: Number(fields.TotalCount),
        requestId: '',
      };
    },
    listEventCenterRuleName: async ({ instanceId }) => {
      const { fields } = await ask('ListEventCenterRuleName', { InstanceId: instanceId });
      const names = fields.RuleNames as readonly { readonly RuleName: string }[];
      return { ruleNames: names.map(({ RuleName }) => RuleName), requestId: '' };
    },
    getRepoTagScanSummary: unused,
    getRepository: unused,
    listRepository: unused,
    listRepoTag: unused,
    getRepoTag: unused,
  };
  return { ...operations, afresh: operations };
}
