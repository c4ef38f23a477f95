// Loads a configuration file in a thread of its own: this one goes on serving, and what parsing needs of memory goes with the thread.
import { once } from 'node:events';
import { getHeapStatistics } from 'node:v8';
import type { Worker } from 'node:worker_threads';
import { openFilesAdvice } from '../util/open-files.ts';
import { startThread } from '../util/thread.ts';
import { ConfigError } from '../util/yaml/problems.ts';
import type { Config } from './config.ts';
import { Assembly, type Slice } from './pieces.ts';

const MEBIBYTE = 2 ** 20;
/** More than the largest file that is read needs. */
const MOST_HEAP_BYTES = 2_048 * MEBIBYTE;
/** What small files need. */
const LEAST_HEAP_BYTES = 32 * MEBIBYTE;
/** What a worker takes beside its heap, and this thread for the configuration that it is handed meanwhile. */
const BESIDE_HEAP_BYTES = 64 * MEBIBYTE;

/**
 * Loads a file as `loadConfig` does, but holds this thread's event loop for no more than some milliseconds at a time. Rejects
 * with {@link ConfigError} and nothing else: a worker that runs out of memory, too, is a problem of the file.
 *
 * @param freeBytes how much more memory the process may take: the worker gives up before it takes more, or more heap than this
 * thread may have
 */
export async function loadConfigInWorker(file: string, freeBytes = Number.POSITIVE_INFINITY): Promise<Config> {
  const mostBytes = Math.min(MOST_HEAP_BYTES, getHeapStatistics().heap_size_limit, freeBytes - BESIDE_HEAP_BYTES);
  const heapBytes = Math.max(LEAST_HEAP_BYTES, mostBytes);
  const heapMebibytes = Math.floor(heapBytes / MEBIBYTE);
  const worker = startThread(import.meta.url, 'load-worker', {
    workerData: file,
    resourceLimits: { maxOldGenerationSizeMb: heapMebibytes },
  });
  // An error that comes while nobody waits for a message would end the process; who waits is told of it beside this.
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

/** Asks for one slice after the other: a port that was sent them all would deliver them all in one turn of the event loop. */
async function receive(worker: Worker): Promise<Config> {
  const assembly = new Assembly();
  const exited = once(worker, 'exit').then(() => {
    throw new Error('the worker ended early');
  });
  // Unless it loses the race below, nobody looks at it.
  exited.catch(() => {});
  for (let result: Config | undefined; ; ) {
    const message = once(worker, 'message');
    worker.postMessage('next');
    const [slice]: Slice[] = await Promise.race([message, exited]);
    result = slice && assembly.add(slice);
    if (result) return result;
  }
}
