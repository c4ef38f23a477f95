// The port to the ACR API (2018-12-01): what the program asks and what comes back. Types only; the names of methods, request
// fields and response bodies are those of the generated client @alicloud/cr20181201.
import type { ApiError } from './errors.ts';

/** Request of GetRepoTagScanStatus (RAM action `cr:GetScan`). */
export type GetRepoTagScanStatusRequest = {
  readonly instanceId: string;
  readonly repoId: string;
  readonly tag: string;
  readonly digest?: string;
  readonly scanTaskId?: string;
};

/** Answer of GetRepoTagScanStatus. `status` is as sent: `SCANNING`, `RETRYING`, `COMPLETE`, `FAILED`, or one this version does not know. */
export type GetRepoTagScanStatusBody = {
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
export type GetRepositoryBody = {
  readonly repoId: string;
  readonly repoNamespaceName: string;
  readonly repoName: string;
  readonly requestId: string;
};

export type Answer<Body> = { readonly body: Body };

/** The operations in use, by their names in the API: the values of the `action` label. */
export type ApiAction = 'GetRepoTagScanStatus' | 'GetRepository';

/** One instance's API under one set of credentials. Methods reject with {@link ApiError} and with nothing else. */
export interface AcrApi {
  getRepoTagScanStatus(request: GetRepoTagScanStatusRequest): Promise<Answer<GetRepoTagScanStatusBody>>;
  getRepository(request: GetRepositoryRequest): Promise<Answer<GetRepositoryBody>>;
}

export type { ApiError };
