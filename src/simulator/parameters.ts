// The operations of the simulator and their parameters.

/** The parameters of each operation. The API reports missing ones in the order of `required`. */
export const PARAMETERS = {
  GetRepoTagScanStatus: { required: ['InstanceId', 'RepoId', 'Tag'], optional: ['ScanTaskId', 'Digest', 'ScanType'] },
  GetRepoTagScanSummary: { required: ['InstanceId', 'RepoId', 'Tag'], optional: ['ScanTaskId', 'Digest'] },
  GetRepository: { required: ['InstanceId'], optional: ['RepoId', 'RepoNamespaceName', 'RepoName'] },
  ListRepository: {
    required: ['InstanceId'],
    optional: ['RepoNamespaceName', 'RepoName', 'RepoStatus', 'PageNo', 'PageSize', 'MaxResults', 'NextToken'],
  },
  ListRepoTag: { required: ['InstanceId', 'RepoId'], optional: ['PageNo', 'PageSize', 'MaxResults', 'NextToken'] },
  GetRepoTag: { required: ['InstanceId', 'RepoId', 'Tag'], optional: [] },
  ListEventCenterRecord: {
    required: ['InstanceId'],
    optional: ['EventType', 'RuleId', 'RepoNamespaceName', 'RepoName', 'PageNo', 'PageSize'],
  },
  ListEventCenterRuleName: { required: ['InstanceId'], optional: [] },
  CreateRepoTagScanTask: { required: ['InstanceId', 'RepoId', 'Tag'], optional: ['Digest', 'ScanService'] },
} as const;

export type Action = keyof typeof PARAMETERS;

export const ACTIONS = [
  'GetRepoTagScanStatus',
  'GetRepoTagScanSummary',
  'GetRepository',
  'ListRepository',
  'ListRepoTag',
  'GetRepoTag',
  'ListEventCenterRecord',
  'ListEventCenterRuleName',
  'CreateRepoTagScanTask',
] as const satisfies readonly Action[];

/** Parameters by name. */
export type Parameters = Readonly<Record<string, string>>;

const KNOWN_NAMES: ReadonlySet<string> = new Set([
  'RegionId',
  ...Object.values(PARAMETERS).flatMap(({ required, optional }) => [...required, ...optional]),
]);

export function isAction(name: string): name is Action {
  return Object.hasOwn(PARAMETERS, name);
}

/** The parameters that any operation has. Others are dropped: they may be secrets sent by mistake. */
export function knownParameters(pairs: Iterable<readonly [string, string]>): Parameters {
  return Object.fromEntries([...pairs].filter(([name]) => KNOWN_NAMES.has(name)));
}
