// Writes the state that a former process left: every tag was polled within the last interval.
import { statSync } from 'node:fs';
import { loadConfig } from '../../src/config/load.ts';
import type { SnapshotRecord, TagRecord } from '../../src/model/snapshot.ts';
import { stableHex } from '../../src/simulator/random.ts';
import { SnapshotFile } from '../../src/storage/snapshot-file.ts';
import { systemClock } from '../../src/util/clock.ts';
import type { Logger } from '../../src/util/logger.ts';
import { INSTANCE, repositoryOf } from '../program.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

export type StateOptions = {
  /** The configuration of the exporter. */
  readonly config: string;
  readonly repositories: number;
  readonly tagsEach: number;
  readonly completeIntervalMs: number;
  readonly discovered: boolean;
  /** Of so many tags in a row the scan of one has failed. Undefined: all are complete. */
  readonly failedEvery?: number;
};

/** Writes the state file. */
export async function writeState(directory: string, options: StateOptions): Promise<void> {
  const file = new SnapshotFile({
    directory,
    pid: process.pid,
    exporterVersion: '0.0.0',
    clock: systemClock,
    logger: silent,
  });
  await file.load();
  await file.save(records(options));
  await file.close();
}

export function stateFile(directory: string): string {
  return `${directory}/state.ndjson.gz`;
}

export function stateMegabytes(directory: string): number {
  return statSync(stateFile(directory)).size / 1e6;
}

function* records({
  config,
  repositories,
  tagsEach,
  discovered,
  failedEvery,
  ...options
}: StateOptions): Generator<SnapshotRecord> {
  const nowMs = Date.now();
  if (discovered) {
    const { instances, discoveryIntervalMs: intervalMs } = loadConfig(config);
    const rules = JSON.stringify(instances[0]?.discover);
    const discovery = { rules, intervalMs, success: nowMs, ended: nowMs, failures: 0, truncated: false };
    yield { kind: 'instance', id: INSTANCE, names: { refused: [] }, discovery };
  }
  for (let number = 0; number < repositories; number += 1) {
    yield { kind: 'repository', number, instance: INSTANCE, ...repositoryOf(number), found: discovered };
    for (let index = 1; index <= tagsEach; index += 1) {
      const success = nowMs - randomMs(options.completeIntervalMs);
      const record: TagRecord = {
        kind: 'tag',
        repository: number,
        tag: `v${index}`,
        status: failedEvery !== undefined && index % failedEvery === 0 ? 'failed' : 'complete',
        since: success - randomMs(30 * DAY_MS),
        success,
        service: 'ACR_SCAN_SERVICE',
      };
      yield discovered ? { ...record, ...foundOf(success, repositoryOf(number).id, index) } : record;
    }
  }
}

/** What discovery and the requests for vulnerabilities add. The digest is that of the simulator, and as random as a real one. */
function foundOf(success: number, repoId: string, index: number): Partial<TagRecord> {
  return {
    digest: `sha256:${stableHex(64, 'digest', INSTANCE, repoId, `v${index}`)}`,
    vulnerabilities: [index % 3, index % 7, index % 31, 0],
    discovered: true,
    updated: success - randomMs(100 * DAY_MS),
    summarised: success - randomMs(HOUR_MS),
  };
}

function randomMs(below: number): number {
  return Math.floor(Math.random() * below);
}
