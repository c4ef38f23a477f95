// Records of runs, for tests of the laws: one tag, and what a test changes.
import { parseExposition } from '../../chaos/exposition.ts';
import type { Law } from '../../chaos/laws/law.ts';
import { LAWS, MEMBER_LAWS } from '../../chaos/laws/laws.ts';
import { type ApiRequest, type Configuration, emptyRecord, type RunRecord, type Scrape } from '../../chaos/record.ts';
import { Truth } from '../../chaos/truth.ts';

/** When the simulator of these records started. */
export const START = 1_000_000;
export const NAME = 'cri-a shop api v1';
/** What the files of these records say of times and limits. */
export const PACES = {
  rate: 40,
  maxConcurrent: 4,
  requestTimeoutMs: 1_000,
  intervalsMs: { scanning: 700, complete: 2_000, failed: 2_000, not_scanned: 2_000 },
  backoffMs: { initial: 300, max: 2_000 },
};
/** The file that lists the tag by its name. */
export const FILE_OF_NAME: Configuration = {
  toldAt: START,
  inForceAt: START,
  perTag: 'full',
  discovers: false,
  ...PACES,
  tags: new Set([NAME]),
};
export const LABELS = 'instance_id="cri-a",repo_namespace="shop",repo_name="api",tag="v1"';

export function law(name: string): Law {
  const found = [...LAWS, ...MEMBER_LAWS].find((each) => each.name === name);
  if (found === undefined) throw new Error(`there is no law ${name}`);
  return found;
}

/** The tag is COMPLETE from the start, SCANNING from 10 s on. */
export function truth(): Truth {
  const truth = new Truth();
  const tag = {
    instanceId: 'cri-a',
    repoId: 'crr-api',
    repoNamespace: 'shop',
    repoName: 'api',
    tag: 'v1',
    digest: 'one',
    former: [],
  };
  truth.look({ elapsedMs: 0, tags: [{ ...tag, status: 'COMPLETE', sinceMs: 0, untilMs: 10_000 }] }, START, START);
  truth.look(
    { elapsedMs: 11_000, tags: [{ ...tag, status: 'SCANNING', sinceMs: 10_000, untilMs: null }] },
    START + 11_000,
    START + 11_000,
  );
  return truth;
}

export type Shown = {
  readonly digest?: string;
  readonly at: number;
  readonly status?: string;
  readonly since?: number;
  readonly success?: number;
  readonly repoId?: string;
};

/** A scrape that shows the tag; times in milliseconds after the start. */
export function scrape({
  at,
  status = 'complete',
  since = 1_000,
  success = 5_000,
  repoId = 'crr-api',
  digest = '',
}: Shown): Scrape {
  const text = `acr_scan_tags{instance_id="cri-a",repo_namespace="shop",repo_name="api",status="${status}"} 1
acr_scan_tag_status{${LABELS},status="${status}"} 1
acr_scan_tag_status_since_timestamp_seconds{${LABELS}} ${(START + since) / 1_000}
acr_scan_tag_last_success_timestamp_seconds{${LABELS}} ${(START + success) / 1_000}
acr_scan_tag_info{${LABELS},repo_id="${repoId}",digest="${digest}"} 1
`;
  return {
    life: 0,
    sentAt: START + at,
    answeredAt: START + at + 1,
    mode: 'text',
    exposition: parseExposition(text, false),
  };
}

export function poll(index: number, at: number, change: Partial<ApiRequest> = {}): ApiRequest {
  return {
    index,
    arrivedAtMs: START + at,
    arrivedMonotonicMs: at,
    action: 'GetRepoTagScanStatus',
    accessKeyId: 'key-a-1',
    parameters: { InstanceId: 'cri-a', RepoId: 'crr-api', Tag: 'v1' },
    code: 'success',
    fault: null,
    retryAfterMs: null,
    finishedAtMs: START + at + 10,
    finishedMonotonicMs: at + 10,
    ...change,
  };
}

export function record(change: Partial<RunRecord>): RunRecord {
  return {
    ...emptyRecord(),
    monotonicZeroAt: START,
    lives: [{ number: 0, startedAt: START, from: START, to: Number.POSITIVE_INFINITY, clock: [] }],
    configurations: [
      { toldAt: START, inForceAt: START, perTag: 'full', tags: new Set([NAME]), discovers: false, ...PACES },
    ],
    truth: truth(),
    ...change,
  };
}

export function broken(name: string, change: Partial<RunRecord>): number {
  return law(name).check(record(change)).violations.length;
}
