// The interface to the ACR API (2018-12-01): requests, answers, and the error of a failed request. The names of methods and request fields are
// those of the generated client @alicloud/cr20181201.
import type { ScanStatus } from '../model/scan.ts';
import type { ApiError } from './api-error.ts';

/** Request of GetRepoTagScanStatus (RAM action `cr:GetScan`). */
export type GetRepoTagScanStatusRequest = {
  readonly instanceId: string;
  readonly repoId: string;
  readonly tag: string;
  readonly digest?: string;
  readonly scanTaskId?: string;
};

/** Answer of GetRepoTagScanStatus. */
export type GetRepoTagScanStatusAnswer = {
  /** `not_scanned` if the answer has no status: the image was never scanned. `unknown` for a status that this version does not know. */
  readonly status: ScanStatus;
  /** The status as sent, made safe for messages: `SCANNING`, `RETRYING`, `COMPLETE`, `FAILED`, an unknown one, or empty. */
  readonly statusText: string;
  readonly requestId: string;
  /** `ACR_SCAN_SERVICE` (Trivy) or `SAS_SCAN_SERVICE` (Security Center); empty when the answer does not say. */
  readonly scanService: string;
};

/** Request of GetRepository (RAM action `cr:GetRepository`): by id, or by namespace and name. */
export type GetRepositoryRequest =
  | { readonly instanceId: string; readonly repoId: string }
  | { readonly instanceId: string; readonly repoNamespaceName: string; readonly repoName: string };

/** Answer of GetRepository. */
export type GetRepositoryAnswer = {
  readonly repoId: string;
  readonly repoNamespaceName: string;
  readonly repoName: string;
  readonly requestId: string;
};

/** Request of GetRepoTagScanSummary (RAM action `cr:GetScanCount`). */
export type GetRepoTagScanSummaryRequest = GetRepoTagScanStatusRequest;

/** Answer of GetRepoTagScanSummary: vulnerabilities by severity, whole numbers of at least 0. */
export type GetRepoTagScanSummaryAnswer = {
  readonly highSeverity: number;
  readonly mediumSeverity: number;
  readonly lowSeverity: number;
  readonly unknownSeverity: number;
  readonly requestId: string;
};

/**
 * Which page of a list. Pages count from 1 and have at most 100 items. An API with tokens uses `maxResults` and `nextToken` and ignores the
 * other two fields; an API without tokens does the opposite.
 */
export type PageRequest = {
  readonly pageNo: number;
  readonly pageSize: number;
  readonly maxResults?: number;
  /** From the page before. */
  readonly nextToken?: string;
};

/** The fields of all answers with a page. */
export type PageAnswer = {
  /** How many items the list has, as the answer says; undefined if it does not say it with a number. */
  readonly totalCount: number | undefined;
  /** The token of the next page; empty on the last page, and with an API that only numbers pages. */
  readonly nextToken: string;
  readonly requestId: string;
};

/** Request of ListRepository (RAM action `cr:ListRepository`): all repositories of an instance, of a namespace, or one. */
export type ListRepositoryRequest = PageRequest & {
  readonly instanceId: string;
  readonly repoNamespaceName?: string;
  readonly repoName?: string;
  readonly repoStatus?: 'NORMAL';
};

/** Answer of ListRepository. */
export type ListRepositoryAnswer = PageAnswer & { readonly repositories: readonly ListedRepository[] };
export type ListedRepository = {
  readonly repoId: string;
  readonly repoNamespaceName: string;
  readonly repoName: string;
  /** Whether it is deleted or being deleted: its status is not `NORMAL`. */
  readonly isGone: boolean;
};

/** Request of ListRepoTag (RAM action `cr:ListRepositoryTag`). */
export type ListRepoTagRequest = PageRequest & { readonly instanceId: string; readonly repoId: string };

/** Answer of ListRepoTag. */
export type ListRepoTagAnswer = PageAnswer & { readonly images: readonly ListedImage[] };
export type ListedImage = {
  readonly tag: string;
  /** As sent: 64 hexadecimal digits with or without `sha256:`; empty if there is none. */
  readonly digest: string;
  /** When the tag was last pushed, in milliseconds since the epoch; undefined if the answer does not say it. */
  readonly imageUpdate: number | undefined;
  /** Whether its status is `DELETING`. */
  readonly isDeleting: boolean;
};

/** Request of GetRepoTag (RAM action `cr:ListRepositoryTag`). */
export type GetRepoTagRequest = { readonly instanceId: string; readonly repoId: string; readonly tag: string };

/** Answer of GetRepoTag: a tag that exists, or is being deleted. */
export type GetRepoTagAnswer = Omit<ListedImage, 'tag'> & { readonly requestId: string };

/** Request of ListEventCenterRecord (RAM action `cr:ListEventCenterRecord`). Pages count from 1. */
export type ListEventCenterRecordRequest = {
  readonly instanceId: string;
  readonly eventType?: string;
  readonly pageNo: number;
  readonly pageSize: number;
};

/** Answer of ListEventCenterRecord: notifications that event rules of the instance have sent. */
export type ListEventCenterRecordAnswer = {
  readonly records: readonly EventCenterRecord[];
  /** How many records there are, as the answer says; undefined if it does not say it with a number. */
  readonly totalCount: number | undefined;
  readonly requestId: string;
};
/** A record as sent: texts of any length. What the answer does not say is empty or undefined. */
export type EventCenterRecord = {
  readonly recordId: string;
  /** Such as `cr:Artifact:ScanCompleted`. */
  readonly eventType: string;
  readonly namespace: string;
  readonly repoName: string;
  readonly tag: string;
  /** In milliseconds since the epoch. */
  readonly createTime: number | undefined;
};

/** Request of ListEventCenterRuleName (RAM action `cr:ListEventCenterRuleName`). */
export type ListEventCenterRuleNameRequest = { readonly instanceId: string };

/** Answer of ListEventCenterRuleName: the names of the event rules of the instance. */
export type ListEventCenterRuleNameAnswer = { readonly ruleNames: readonly string[]; readonly requestId: string };

/** The operations in use, by their names in the API: the values of the `action` label. */
export type ApiAction =
  | 'GetRepoTagScanStatus'
  | 'GetRepoTagScanSummary'
  | 'GetRepository'
  | 'ListRepository'
  | 'ListRepoTag'
  | 'GetRepoTag'
  | 'ListEventCenterRecord'
  | 'ListEventCenterRuleName';

/** The API of one instance under one set of credentials. Methods reject with {@link ApiError}; any other error is a bug of our own code. */
export interface AcrOperations {
  getRepoTagScanStatus(request: GetRepoTagScanStatusRequest): Promise<GetRepoTagScanStatusAnswer>;
  getRepoTagScanSummary(request: GetRepoTagScanSummaryRequest): Promise<GetRepoTagScanSummaryAnswer>;
  getRepository(request: GetRepositoryRequest): Promise<GetRepositoryAnswer>;
  listRepository(request: ListRepositoryRequest): Promise<ListRepositoryAnswer>;
  listRepoTag(request: ListRepoTagRequest): Promise<ListRepoTagAnswer>;
  getRepoTag(request: GetRepoTagRequest): Promise<GetRepoTagAnswer>;
  listEventCenterRecord(request: ListEventCenterRecordRequest): Promise<ListEventCenterRecordAnswer>;
  listEventCenterRuleName(request: ListEventCenterRuleNameRequest): Promise<ListEventCenterRuleNameAnswer>;
}

/** The operations. Those of `afresh` use new connections, even if others are idle. */
export interface AcrApi extends AcrOperations {
  readonly afresh: AcrOperations;
}
