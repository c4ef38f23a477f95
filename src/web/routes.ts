// The koa application: paths, methods and their answers. `server.ts` listens.
import Koa, { type Context } from 'koa';
import type { ExpositionFormat, MetricsPage, PageSelection } from '../model/metrics-page.ts';
import { loadAssets } from './assets.ts';
import { TurnQueue } from './client-limits.ts';
import type { EventWebhook } from './events/event-webhook.ts';
import { isCrossSite, pathBelow, preferredFormat, prefersGzip, readRequestTarget, readSelection } from './request.ts';
import { answerPlainly, sendChunks } from './responses.ts';
import { TargetAnswers, type TargetSources } from './target-answers.ts';

/** The result of a reload. With problems the old configuration stays in force. */
export type ReloadResult = { readonly problems: readonly string[] };

/** What the routes need from the application. */
export type WebHandlers = TargetSources & {
  /** Where others reach the exporter, without a slash at its end: `https://example.com/acr`, `/acr`, or empty. */
  readonly externalUrl: string;
  /** Before every path: `/acr`, or empty. */
  readonly routePrefix: string;
  readonly telemetryPath: string;
  readonly metrics: (options: {
    format: ExpositionFormat;
    gzip: boolean;
    selection: PageSelection;
  }) => Promise<MetricsPage>;
  readonly isReady: () => boolean;
  /** Undefined if reloading over HTTP is not allowed. */
  readonly reload: (() => Promise<ReloadResult>) | undefined;
  readonly events: Pick<EventWebhook, 'isAt' | 'answer'> | undefined;
  /** Called with the error when an answer fails through an error of the exporter's own code. */
  readonly failed: (error: unknown) => void;
};

type Handler = (ctx: Context, parameters: URLSearchParams) => Promise<void> | void;
type Route = Readonly<Record<string, Handler>>;

/** Errors when the client closes the connection. */
const CLIENT_CLOSED = ['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED'];

/** The application's request listener for `http.createServer`. */
export function createRoutes(handlers: WebHandlers): ReturnType<Koa['callback']> {
  const assets = loadAssets();
  const turns = new TurnQueue();
  const answers = new TargetAnswers(handlers, assets, turns);
  const routes = new Map<string, Route>([
    ['/', { GET: (ctx, parameters) => answers.showPage(ctx, parameters) }],
    [handlers.telemetryPath, { GET: (ctx, parameters) => showMetrics(ctx, parameters, handlers, turns) }],
    ['/api/v1/targets', { GET: (ctx, parameters) => answers.showTargets(ctx, parameters) }],
    ...assets.all.map(({ path, type, body }): [string, Route] => [path, { GET: (ctx) => showAsset(ctx, type, body) }]),
    ['/-/healthy', { GET: (ctx) => answerPlainly(ctx, 200, 'acr-scan-exporter is healthy.') }],
    ['/-/ready', { GET: (ctx) => showReadiness(ctx, handlers) }],
    ['/-/reload', { POST: (ctx) => reload(ctx, handlers), PUT: (ctx) => reload(ctx, handlers) }],
  ]);
  const events: Route = { POST: (ctx) => handlers.events?.answer(ctx) };
  const { routePrefix, externalUrl } = handlers;
  const redirects = redirectsTo(routePrefix);
  const routeAt = (path: string) => {
    const below = pathBelow(routePrefix, path);
    if (below === undefined) return redirects.get(path);
    // A reload may add the webhook, or take it away.
    return handlers.events?.isAt(below) ? events : routes.get(below);
  };
  const app = new Koa();
  app.on('error', (error: NodeJS.ErrnoException) => {
    if (!CLIENT_CLOSED.includes(error.code ?? '')) handlers.failed(error);
  });
  const paths: Paths = {
    routeAt,
    start: `${externalUrl || routePrefix}/`,
    externalOrigin: URL.canParse(externalUrl) ? new URL(externalUrl).origin : undefined,
  };
  app.use((ctx) => dispatch(ctx, paths));
  return app.callback();
}

/** As in Prometheus, `/` leads to the prefix, and the prefix to the start page. There are no other paths outside of the prefix. */
function redirectsTo(routePrefix: string): ReadonlyMap<string, Route> {
  if (routePrefix === '') return new Map();
  return new Map<string, Route>([
    ['/', { GET: (ctx, parameters) => redirect(ctx, 302, routePrefix, parameters) }],
    [routePrefix, { GET: (ctx, parameters) => redirect(ctx, 301, `${routePrefix}/`, parameters) }],
  ]);
}

function redirect(ctx: Context, status: 301 | 302, path: string, parameters: URLSearchParams): void {
  const location = parameters.size === 0 ? path : `${path}?${parameters}`;
  ctx.set('Location', location);
  answerPlainly(ctx, status, `The page is at ${location}`);
}

type Paths = {
  readonly routeAt: (path: string) => Route | undefined;
  /** The URL or path of the start page. */
  readonly start: string;
  readonly externalOrigin: string | undefined;
};

async function dispatch(ctx: Context, { routeAt, start, externalOrigin }: Paths): Promise<void> {
  const target = readRequestTarget(ctx.url);
  if (target === undefined) return answerPlainly(ctx, 400, 'The request target is neither a path nor an http URL.');
  const route = routeAt(target.path);
  if (route === undefined) return answerPlainly(ctx, 404, `There is nothing here. The start page is at ${start}`);
  const isRead = ctx.method === 'GET' || ctx.method === 'HEAD';
  const handler = route[isRead ? 'GET' : ctx.method];
  if (handler !== undefined && !isRead && isCrossSite(ctx.headers, externalOrigin))
    return answerPlainly(
      ctx,
      403,
      'Refused: a page of another site sent this request. Send it with a program such as curl.',
    );
  if (handler !== undefined) return handler(ctx, target.parameters);
  const allowed = Object.keys(route).flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
  ctx.set('Allow', allowed.join(', '));
  answerPlainly(ctx, 405, `${ctx.method} is not allowed here, only ${allowed.join(', ')}.`);
}

async function showMetrics(
  ctx: Context,
  parameters: URLSearchParams,
  { metrics }: WebHandlers,
  turns: TurnQueue,
): Promise<void> {
  const format = preferredFormat(ctx.get('Accept') || undefined);
  const gzip = prefersGzip(ctx.get('Accept-Encoding') || undefined);
  await turns.next(ctx.req.socket.remoteAddress ?? '');
  if (ctx.res.destroyed) return;
  const page = await metrics({ format, gzip, selection: readSelection(parameters) });
  try {
    await sendPage(ctx, page, gzip);
  } finally {
    page.done();
  }
}

async function sendPage(ctx: Context, page: MetricsPage, gzip: boolean): Promise<void> {
  ctx.status = 200;
  ctx.set('Content-Type', page.contentType);
  ctx.set('Content-Length', String(page.length));
  ctx.set('Vary', 'Accept, Accept-Encoding');
  ctx.set('Cache-Control', 'no-store');
  if (gzip) ctx.set('Content-Encoding', 'gzip');
  // koa sends one buffer or one stream. A page is thousands of cached blocks, which must not be copied into one.
  ctx.respond = false;
  if (ctx.method === 'HEAD') ctx.res.end();
  else await sendChunks(ctx.res, page.chunks);
}

function showReadiness(ctx: Context, { isReady }: WebHandlers): void {
  if (isReady()) answerPlainly(ctx, 200, 'acr-scan-exporter is ready.');
  else answerPlainly(ctx, 503, 'acr-scan-exporter is not ready.');
}

function showAsset(ctx: Context, type: string, body: string): void {
  ctx.set('Cache-Control', 'public, max-age=31536000, immutable');
  ctx.type = type;
  ctx.body = body;
}

async function reload(ctx: Context, { reload: perform }: WebHandlers): Promise<void> {
  if (perform === undefined)
    return answerPlainly(ctx, 403, 'Reloading over HTTP is off. Start with --web.enable-lifecycle to allow it.');
  const { problems } = await perform();
  if (problems.length === 0) answerPlainly(ctx, 200, 'The configuration was reloaded.');
  else
    answerPlainly(
      ctx,
      500,
      ['The configuration was not reloaded, the old one stays in force:', ...problems].join('\n'),
    );
}
