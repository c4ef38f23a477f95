// Loads a configuration file in a worker thread: this thread keeps answering, and the memory that parsing needs is freed with the worker.
import { once } from 'node:events';
import { getHeapStatistics } from 'node:v8';
import type { Worker } from 'node:worker_threads';
import { openFilesAdvice } from '../util/open-files-limit.ts';
import { startThread } from '../util/worker-thread.ts';
import { ConfigError } from '../util/yaml/problems.ts';
import type { Config } from './config.ts';
import type { LoadResult } from './load-worker.ts';

const MEBIBYTE = 2 ** 20;
/** More than the largest permitted file needs. */
const MAX_HEAP_BYTES = 2_048 * MEBIBYTE;
/** Enough for small files. */
const MIN_HEAP_BYTES = 32 * MEBIBYTE;
/** The memory of a worker outside its heap, and of this thread for the configuration that it receives. */
const BESIDE_HEAP_BYTES = 64 * MEBIBYTE;

/**
 * Loads a file as `loadConfig` does, but blocks the event loop of this thread only to receive the result: some 60 ms for 100,000 tags.
 * Rejects with {@link ConfigError} and nothing else: a worker that runs out of memory is a problem of the file too.
 *
 * @param freeBytes how much more memory the process may use: the heap of the worker gets no more than that or than the heap of
 * this thread has, but at least 32 MiB
 */
export async function loadConfigInWorker(file: string, freeBytes = Number.POSITIVE_INFINITY): Promise<Config> {
  const availableBytes = Math.min(MAX_HEAP_BYTES, getHeapStatistics().heap_size_limit, freeBytes - BESIDE_HEAP_BYTES);
  const heapBytes = Math.max(MIN_HEAP_BYTES, availableBytes);
  const heapMebibytes = Math.floor(heapBytes / MEBIBYTE);
  const worker = startThread(import.meta.url, 'load-worker', {
    workerData: file,
    resourceLimits: { maxOldGenerationSizeMb: heapMebibytes },
  });
  // Without a listener, an error after the last message would end the process. The wait for a message gets its own.
  worker.on('error', () => {});
  try {
    return await receive(worker);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'an error';
    const advice = openFilesAdvice(error);
    const memory = `${heapMebibytes} MiB of memory that are left for it`;
    const expected = advice === undefined ? `a file that can be read with the ${memory}` : 'a file that can be opened';
    const found =
      code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'one that needs more' : (advice ?? `a worker that failed (${code})`);
    throw new ConfigError([{ file, line: 1, column: 1, path: 'file', expected, found }]);
  } finally {
    await worker.terminate();
  }
}

async function receive(worker: Worker): Promise<Config> {
  const exited = once(worker, 'exit').then(() => {
    throw new Error('the worker ended early');
  });
  // After the race it may still reject, and then nothing else handles it.
  exited.catch(() => {});
  const [result]: LoadResult[] = await Promise.race([once(worker, 'message'), exited]);
  if (result === undefined) throw new Error('the worker sent nothing');
  if ('problems' in result) throw new ConfigError(result.problems);
  return result.config;
}
