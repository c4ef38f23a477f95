// The watch room wired up around a scripted API and a manual clock.
import type { AcrApi, GetRepositoryRequest, GetRepoTagScanStatusRequest } from '../../src/acr/api.ts';
import { ApiError, type ApiErrorKind } from '../../src/acr/errors.ts';
import { StateStore, type StoreObserver } from '../../src/state/store.ts';
import { Lane, type SlotLimiter } from '../../src/watch/lane.ts';
import { Poller } from '../../src/watch/poller.ts';
import { Roster } from '../../src/watch/roster.ts';
import type { WatchedInstance } from '../../src/watch/task.ts';
import type { Timing } from '../../src/watch/timing.ts';
import type { WatchListEntry, WatchListInstance } from '../../src/watch/watch-list.ts';
import { ManualClock } from './manual-clock.ts';

export const TIMING: Timing = {
  intervals: { scanningMs: 15_000, completeMs: 600_000, failedMs: 300_000 },
  backoff: { initialMs: 5_000, maxMs: 600_000 },
};

/** A request that waits for the test to answer it. */
export type Pending =
  | {
      readonly action: 'GetRepoTagScanStatus';
      readonly request: GetRepoTagScanStatusRequest;
      readonly answer: Answerer;
    }
  | { readonly action: 'GetRepository'; readonly request: GetRepositoryRequest; readonly answer: Answerer };

type Answerer = {
  status(status: string): void;
  repository(id: string, namespace: string, name: string): void;
  error(code: string, kind: ApiErrorKind, retryAfterMs?: number): void;
};

const SILENT: StoreObserver = {
  tagAdded() {},
  tagChanged() {},
  tagRemoved() {},
  tallyAdded() {},
  tallyChanged() {},
  tallyRemoved() {},
};

/** One instance `cri-1` under credentials `default`; every slot is free at once, every request waits for its answer. */
export function createWatching() {
  const clock = new ManualClock();
  const pending: Pending[] = [];
  const events: string[] = [];
  const store = new StateStore(SILENT);
  const log = (message: string, fields?: object) => void events.push(`${message} ${JSON.stringify(fields ?? {})}`);
  const logger = { debug() {}, info: log, warn: log, error: log };
  const failures: string[] = [];
  const scans: number[] = [];
  const meter = {
    requestSent() {},
    requestEnded() {},
    requestFailed: (_instance: string, action: string, code: string) => void failures.push(`${action} ${code}`),
    scanEnded: (_instance: string, seconds: number) => void scans.push(seconds),
  };
  const poller = new Poller({ store, meter, clock, random: () => 0, logger, timing: TIMING });
  const roster = new Roster({ store, poller, clock, logger });
  const credentials = new ScriptedCredentials();
  const lane = createLane('default', { poller, clock, credentials });
  const api = scriptedApi(pending);
  const instance: WatchedInstance = { id: 'cri-1', api, lane };
  const instances = new Map([[instance.id, instance]]);
  return {
    clock,
    store,
    roster,
    poller,
    lane,
    credentials,
    instance,
    pending,
    events,
    failures,
    scans,
    /** Watches these repositories of `cri-1`. */
    watch(...repositories: readonly WatchListEntry[]): Promise<void> {
      const list: WatchListInstance[] = [{ id: 'cri-1', domain: '', repositories }];
      return roster.apply(list, instances, () => Promise.resolve());
    },
    /** The watched tags as `NAMESPACE/NAME:TAG STATUS`, sorted. */
    shown(): string[] {
      const lines = [...store.tags()].map(({ target: { repository, tag }, state }) => {
        return `${repository.namespace}/${repository.name}:${tag} ${state.status}`;
      });
      return lines.sort();
    },
    /** Takes the only request that waits. */
    next(): Pending {
      const [first, ...others] = pending.splice(0);
      if (first === undefined || others.length > 0)
        throw new Error(`expected one request, found ${others.length + (first ? 1 : 0)}`);
      return first;
    },
  };
}

/** Credentials that a test takes away and gives back. */
export class ScriptedCredentials {
  unavailable = false;
  changed = false;
  refreshes = 0;
  ensures = 0;

  async ensure(): Promise<void> {
    this.ensures += 1;
    if (this.unavailable) throw new ApiError({ code: 'CredentialsUnavailable', kind: 'refused', message: 'none' });
  }

  async refresh(): Promise<boolean> {
    this.refreshes += 1;
    const { changed } = this;
    this.changed = false;
    return changed;
  }
}

type LaneParts = {
  readonly poller: Poller;
  readonly clock: ManualClock;
  readonly credentials: ScriptedCredentials;
  readonly limiter?: SlotLimiter;
};

export function createLane(
  name: string,
  { poller, clock, credentials, limiter = new InstantLimiter() }: LaneParts,
): Lane {
  return new Lane({
    name,
    limits: { requestsPerSecond: 10, maxConcurrent: 100 },
    limiter,
    credentials,
    performer: poller,
    clock,
    onRefusal() {},
  });
}

class InstantLimiter {
  inFlight = 0;
  limits = { requestsPerSecond: 0, maxConcurrent: 0 };
  #stopped = false;

  async start(job: () => Promise<void>): Promise<boolean> {
    if (this.#stopped) return false;
    this.inFlight += 1;
    void job().finally(() => {
      this.inFlight -= 1;
    });
    return true;
  }

  stop(): void {
    this.#stopped = true;
  }
}

function scriptedApi(pending: Pending[]): AcrApi {
  return {
    getRepoTagScanStatus: (request) =>
      new Promise((resolve, reject) => {
        const answer = answerer(
          (status) => resolve({ body: { status, requestId: 'R', scanService: 'ACR_SCAN_SERVICE' } }),
          () => reject(new Error('not a repository request')),
          reject,
        );
        pending.push({ action: 'GetRepoTagScanStatus', request, answer });
      }),
    getRepository: (request) =>
      new Promise((resolve, reject) => {
        const answer = answerer(
          () => reject(new Error('not a scan status request')),
          (repoId, repoNamespaceName, repoName) =>
            resolve({ body: { repoId, repoNamespaceName, repoName, requestId: 'R' } }),
          reject,
        );
        pending.push({ action: 'GetRepository', request, answer });
      }),
  };
}

function answerer(
  status: Answerer['status'],
  repository: Answerer['repository'],
  reject: (error: ApiError) => void,
): Answerer {
  return {
    status,
    repository,
    error: (code, kind, retryAfterMs) =>
      reject(new ApiError({ code, kind, message: `the API said ${code}`, retryAfterMs })),
  };
}

/** An entry of a watch list. */
export function entry(
  names: { namespace?: string; name?: string; id?: string },
  ...tags: readonly string[]
): WatchListEntry {
  const { namespace = '', name = '', id = '' } = names;
  return { namespace, name, id, tags: tags.map((tag) => ({ tag, digest: '', scanTaskId: '' })) };
}
