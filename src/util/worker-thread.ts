// Starts worker threads from modules of this program, both compiled and from sources.
import { extname } from 'node:path';
import { Worker, type WorkerOptions } from 'node:worker_threads';

/** Runs the module `name` in the folder of the module at `url`, with the same extension: compiled in the package, TypeScript in tests. */
export function startThread(url: string, name: string, options: Omit<WorkerOptions, 'execArgv'>): Worker {
  const extension = extname(url);
  return new Worker(new URL(`./${name}${extension}`, url), {
    ...options,
    ...(extension === '.ts' ? { execArgv: typeScriptLoader() } : {}),
  });
}

/** Threads do not inherit the loader of TypeScript. */
function typeScriptLoader(): string[] {
  const register = `import { register } from ${JSON.stringify(import.meta.resolve('tsx/esm/api'))}; register();`;
  return [`--import=data:text/javascript,${encodeURIComponent(register)}`];
}
