// A registry behind the port to the API: scans end at the times of a plan, and events about them arrive or do not.
import { ApiError } from '../../src/acr/api-error.ts';
import type { AcrApi, AcrOperations, EventCenterRecord } from '../../src/acr/operations.ts';
import type { RegistryEvent } from '../../src/model/events.ts';
import type { ScanStatus } from '../../src/model/scan.ts';
import type { ManualClock } from './manual-clock.ts';

/** One instance `cri-1` with the repository `shop/api`. Times are milliseconds of the wall clock. */
export class EventRegistry {
  /** How many requests of each operation were answered. */
  readonly requests = new Map<string, number>();
  /** In the order in which the event center lists them. */
  records: EventCenterRecord[] = [];
  rules: readonly string[] = ['scans'];
  /** Every request to the event center fails with this code. */
  feedError: string | undefined;
  /** The same for requests for event rules only. */
  rulesError: string | undefined;
  /** Requests of these operations are not answered. */
  readonly unansweredActions = new Set<string>();
  /** Requests for these pages of records fail. */
  readonly failingPages = new Set<number>();
  /** All statuses that a tag had, and since when. */
  readonly #history = new Map<string, { readonly status: ScanStatus; readonly sinceMs: number }[]>();

  /** From now on the scan of a tag has this status. */
  set(tag: string, status: ScanStatus, sinceMs = 0): void {
    const history = this.#history.get(tag) ?? [];
    history.push({ status, sinceMs });
    this.#history.set(tag, history);
  }

  statusOf(tag: string): ScanStatus {
    return this.#history.get(tag)?.at(-1)?.status ?? 'not_scanned';
  }

  /** The status that a tag had at this time. */
  statusAt(tag: string, atMs: number): ScanStatus | undefined {
    return this.#history.get(tag)?.findLast(({ sinceMs }) => sinceMs <= atMs)?.status;
  }

  /** Adds a record that the scan of a tag ended. */
  record(id: string, tag: string, createTime: number, at: 'first' | 'last' = 'first'): void {
    const names = { namespace: 'shop', repoName: 'api', tag };
    const record = { recordId: id, eventType: 'cr:Artifact:ScanCompleted', ...names, createTime };
    if (at === 'first') this.records.unshift(record);
    else this.records.push(record);
  }

  /** @param latencyMs from a request to its answer, which has the status at the moment of the request */
  api(clock: ManualClock, latencyMs = 1): AcrApi {
    const operations = this.#operations(clock, latencyMs);
    return { ...operations, afresh: operations };
  }

  #errorOf(action: string): string | undefined {
    if (action === 'ListEventCenterRuleName') return this.rulesError ?? this.feedError;
    return action === 'ListEventCenterRecord' ? this.feedError : undefined;
  }

  #operations(clock: ManualClock, latencyMs: number): AcrOperations {
    const answer = async <Body extends object>(action: string, body: () => Body): Promise<Body> => {
      this.requests.set(action, (this.requests.get(action) ?? 0) + 1);
      const [made, error] = [body(), this.#errorOf(action)];
      await clock.sleep(latencyMs);
      if (this.unansweredActions.has(action)) return new Promise(() => {});
      if (error === undefined) return made;
      throw new ApiError({ code: error, kind: error === 'NoPrivilege' ? 'denied' : 'transport', message: error });
    };
    const requestId = 'R';
    const nothing = { requestId, totalCount: 0, nextToken: '' };
    return {
      getRepoTagScanStatus: ({ tag }) =>
        answer('GetRepoTagScanStatus', () => {
          const status = this.statusOf(tag);
          return { status, statusText: status, scanService: 'ACR_SCAN_SERVICE', requestId };
        }),
      getRepoTagScanSummary: () =>
        answer('GetRepoTagScanSummary', () => {
          return { highSeverity: 0, mediumSeverity: 0, lowSeverity: 0, unknownSeverity: 0, requestId };
        }),
      getRepository: () =>
        answer('GetRepository', () => {
          return { repoId: 'crr-api', repoNamespaceName: 'shop', repoName: 'api', requestId };
        }),
      listRepository: () => answer('ListRepository', () => ({ ...nothing, repositories: [] })),
      listRepoTag: () => answer('ListRepoTag', () => ({ ...nothing, images: [] })),
      getRepoTag: () =>
        answer('GetRepoTag', () => ({ digest: '', imageUpdate: undefined, isDeleting: false, requestId })),
      listEventCenterRecord: ({ pageNo, pageSize }) =>
        answer('ListEventCenterRecord', () => {
          if (this.failingPages.has(pageNo))
            throw new ApiError({ code: 'SystemError', kind: 'transport', message: `page ${pageNo}` });
          const records = this.records.slice((pageNo - 1) * pageSize, pageNo * pageSize);
          return { records, totalCount: this.records.length, requestId };
        }),
      listEventCenterRuleName: () => answer('ListEventCenterRuleName', () => ({ ruleNames: this.rules, requestId })),
    };
  }
}

/** The event that the scan of a tag of `shop/api` ended. */
export function scanCompleted(id: string, tag: string, timeMs: number): RegistryEvent {
  const repository = { id: 'crr-api', namespace: 'shop', name: 'api' };
  return { id, type: 'ScanCompleted', instanceId: 'cri-1', repository, tag, timeMs };
}

/** The event that a tag was pushed. */
export function pushCompleted(id: string, name: string, tag: string, timeMs: number): RegistryEvent {
  const repository = { id: `crr-${name}`, namespace: 'shop', name };
  return { id, type: 'PushCompleted', instanceId: 'cri-1', repository, tag, timeMs };
}
