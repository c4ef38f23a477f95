// Starts worker threads from modules of this program, compiled or as sources.
import { extname } from 'node:path';
import { Worker, type WorkerOptions } from 'node:worker_threads';

/** Runs the module `name`, which lies beside the module at `url` and is of its kind: a compiled file in the package, a source in tests. */
export function startThread(url: string, name: string, options: Omit<WorkerOptions, 'execArgv'>): Worker {
  const extension = extname(url);
  return new Worker(new URL(`./${name}${extension}`, url), {
    ...options,
    ...(extension === '.ts' ? { execArgv: typeScriptLoader() } : {}),
  });
}

/** The loader for sources does not come along into threads. */
function typeScriptLoader(): string[] {
  const register = `import { register } from ${JSON.stringify(import.meta.resolve('tsx/esm/api'))}; register();`;
  return [`--import=data:text/javascript,${encodeURIComponent(register)}`];
}
