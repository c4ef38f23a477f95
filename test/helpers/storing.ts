// Directories and storages for tests.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { SnapshotFile, type SnapshotFileOptions } from '../../src/storage/snapshot-file.ts';
import { ManualClock } from './manual-clock.ts';

export type Line = { readonly message: string } & Readonly<Record<string, unknown>>;

/** A directory that goes when the test ends. */
export function temporaryDirectory(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'acr-storage-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A storage in `directory`, as a process that just started opens it, with the log lines that it writes. */
export function openStorage(directory: string, options: Partial<SnapshotFileOptions> = {}) {
  const lines: Line[] = [];
  const log = (message: string, fields: object = {}) => void lines.push({ ...fields, message });
  const clock = new ManualClock();
  const logger = { debug: log, info: log, warn: log, error: log };
  const storage = new SnapshotFile({
    directory,
    pid: process.pid,
    exporterVersion: '1.2.3',
    clock,
    logger,
    ...options,
  });
  return { storage, lines, clock };
}

/** What a new process finds in `directory`. */
export async function loadFrom(directory: string, options: Partial<SnapshotFileOptions> = {}) {
  const { storage, lines } = openStorage(directory, options);
  const { records, savedMs } = await storage.load();
  await storage.close();
  return { records: [...records], savedMs, lines };
}

/** Saves each snapshot after the one before, as one process. */
export async function saveTo(directory: string, ...snapshots: readonly (readonly object[])[]): Promise<void> {
  const { storage } = openStorage(directory);
  await storage.load();
  for (const records of snapshots) await storage.save(records);
  await storage.close();
}
