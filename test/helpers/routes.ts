// The routes on a server of their own, over what a test hands in.
import type { ExecutionContext } from 'ava';
import { createRoutes, type WebHandlers } from '../../src/web/routes.ts';
import type { WebServerOptions } from '../../src/web/server.ts';
import { overview, problemSummary, targetRow } from './target-rows.ts';
import { type RunningServer, startWebServer } from './web-server.ts';

/** Starts them, with one tag unless the test wants others; `failures` is what answers failed with. */
export async function startRoutes(
  t: ExecutionContext,
  given: Partial<WebHandlers> = {},
  options: Partial<WebServerOptions> = {},
  webConfig?: string,
): Promise<RunningServer & { readonly failures: readonly unknown[] }> {
  const failures: unknown[] = [];
  const listener = createRoutes({
    externalUrl: '',
    routePrefix: '',
    telemetryPath: '/metrics',
    metrics: async () => {
      const chunks = [Buffer.from('up 1\n')];
      return { chunks, length: 5, contentType: 'text/plain', done: () => {} };
    },
    isReady: () => true,
    statuses: Object.keys(overview().totals),
    overview: () => overview(),
    problems: async () => problemSummary(),
    details: () => undefined,
    targets: () => [targetRow()],
    reload: undefined,
    events: undefined,
    failed: (error) => failures.push(error),
    ...given,
  });
  const server = await startWebServer(t, webConfig, (request, response) => void listener(request, response), options);
  return { ...server, failures };
}
