// The port to the ACR API (2018-12-01): what the program asks, what comes back, and the one error that a request fails with. The names
// of methods, request fields and response bodies are those of the generated client @alicloud/cr20181201.
import { ApiError, StaleConnection } from './errors.ts';

/** Request of GetRepoTagScanStatus (RAM action `cr:GetScan`). */
export type GetRepoTagScanStatusRequest = {
  readonly instanceId: string;
  readonly repoId: string;
  readonly tag: string;
  readonly digest?: string;
  readonly scanTaskId?: string;
};

/**
 * Answer of GetRepoTagScanStatus. `status` is as sent: `SCANNING`, `RETRYING`, `COMPLETE`, `FAILED`, one this version does not know, or
 * empty where the answer has none: the image was never scanned.
 */
export type GetRepoTagScanStatusAnswer = {
  readonly status: string;
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
 * Which page of a list; pages count from 1 and have at most 100 items. An API that knows tokens goes by `maxResults` and `nextToken`
 * and ignores the other two, one that does not the other way round.
 */
export type PageRequest = {
  readonly pageNo: number;
  readonly pageSize: number;
  readonly maxResults?: number;
  /** From the page before. */
  readonly nextToken?: string;
};

/** What all answers with a page say. */
export type PageAnswer = {
  /** How many items the list has, as the answer says; undefined where it does not, or something that is no number. */
  readonly totalCount: number | undefined;
  /** What to ask for the next page with; empty on the last page, and where the API only counts pages. */
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
  /** Whether it is being deleted, or is: its status is another than `NORMAL`. */
  readonly isGone: boolean;
};

/** Request of ListRepoTag (RAM action `cr:ListRepositoryTag`). */
export type ListRepoTagRequest = PageRequest & { readonly instanceId: string; readonly repoId: string };

/** Answer of ListRepoTag. */
export type ListRepoTagAnswer = PageAnswer & { readonly images: readonly ListedImage[] };
export type ListedImage = {
  readonly tag: string;
  /** As the answer has it, 64 hexadecimal digits with or without `sha256:`; empty where it has none. */
  readonly digest: string;
  /** When the tag was last pushed, in milliseconds since the epoch; undefined where the answer does not say. */
  readonly imageUpdate: number | undefined;
  /** Whether its status is `DELETING`. */
  readonly isDeleting: boolean;
};

/** Request of GetRepoTag (RAM action `cr:ListRepositoryTag`). */
export type GetRepoTagRequest = { readonly instanceId: string; readonly repoId: string; readonly tag: string };

/** Answer of GetRepoTag: a tag that exists, or is being deleted. */
export type GetRepoTagAnswer = Omit<ListedImage, 'tag'> & { readonly requestId: string };

/** The operations in use, by their names in the API: the values of the `action` label. */
export type ApiAction =
  | 'GetRepoTagScanStatus'
  | 'GetRepoTagScanSummary'
  | 'GetRepository'
  | 'ListRepository'
  | 'ListRepoTag'
  | 'GetRepoTag';

/** One instance's API under one set of credentials. Methods reject with {@link ApiError}; with anything else only where our own code is at fault. */
export interface AcrOperations {
  getRepoTagScanStatus(request: GetRepoTagScanStatusRequest): Promise<GetRepoTagScanStatusAnswer>;
  getRepoTagScanSummary(request: GetRepoTagScanSummaryRequest): Promise<GetRepoTagScanSummaryAnswer>;
  getRepository(request: GetRepositoryRequest): Promise<GetRepositoryAnswer>;
  listRepository(request: ListRepositoryRequest): Promise<ListRepositoryAnswer>;
  listRepoTag(request: ListRepoTagRequest): Promise<ListRepoTagAnswer>;
  getRepoTag(request: GetRepoTagRequest): Promise<GetRepoTagAnswer>;
}

/** The operations; those of `afresh` are asked on connections that were just opened, whatever connections are idle. */
export interface AcrApi extends AcrOperations {
  readonly afresh: AcrOperations;
}

export { ApiError, StaleConnection };
