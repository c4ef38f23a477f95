// Puts away what a run leaves behind, processes and files, however this program ends: by itself, by a signal, for want of a reader of what it
// prints, or by an error that nothing catches. Only SIGKILL leaves it no time: then programs end by themselves, see parent-probe.mjs.
import { mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';

const tasks = new Set<() => void>();
let isWatching = false;

/**
 * Has something done right before this program ends, at once, since nothing is waited for any more.
 *
 * @returns takes it back
 */
export function atEnd(task: () => void): () => void {
  if (!isWatching) watchForEnd();
  isWatching = true;
  tasks.add(task);
  return () => void tasks.delete(task);
}

export type TemporaryDirectory = { readonly path: string; readonly remove: () => void };

/** @param purpose is a part of its name */
export function temporaryDirectory(purpose: string): TemporaryDirectory {
  const path = mkdtempSync(join(tmpdir(), `acr-scan-exporter-${purpose}-`));
  const removeNow = () => rmSync(path, { recursive: true, force: true, maxRetries: 3 });
  const takeBack = atEnd(removeNow);
  return {
    path,
    remove: () => {
      takeBack();
      removeNow();
    },
  };
}

function watchForEnd(): void {
  process.on('exit', () => {
    for (const task of tasks) task();
  });
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.once(signal, () => endAsBy(signal));
  // As in `npm run chaos | head`: the reader has ended.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => endAsBy('SIGPIPE'));
}

/** Ends with the status that a shell gives for a program that a signal ended. */
function endAsBy(signal: NodeJS.Signals): void {
  process.exit(128 + constants.signals[signal]);
}
