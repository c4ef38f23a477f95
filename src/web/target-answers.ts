// Answers that show the watched tags, to people and to programs. Targets are chosen for one request at a time, and what is sent is made as fast
// as it is read, so that no number of requests takes more memory than a few of them.
import type { Context } from 'koa';
import type { PageAssets } from './assets.ts';
import { ConcurrencyLimit } from './concurrency-limit.ts';
import { FairQueue, QueueFullError } from './fair-queue.ts';
import type { Overview, TargetList } from './overview.ts';
import { renderPage } from './page/page.tsx';
import { comparisonOf, queryOf, readView } from './page/view.ts';
import { answerPlainly } from './plain-answer.ts';
import { sendPieces } from './send-chunks.ts';
import {
  ParameterError,
  readTargetQuery,
  selectFirstTargets,
  selectTargets,
  type TargetQuery,
} from './target-query.ts';
import { renderBadData, renderTargets } from './targets-api.ts';
import type { Turns } from './turns.ts';

/** To choose among 100,000 targets takes a tenth of a second or two: the last of so many waits no longer than a person does. */
const MOST_WAITING = { mostEach: 64, most: 128 };
/**
 * Lists under way, from the request to the last byte. They are made in turns, so that hundreds at once would all end late, and until then no
 * connection of their address gives way to a scrape or a probe.
 */
const MOST_LISTS = { mostEach: 64, most: 128 };

/** The page has one style sheet and one script, both its own. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "style-src 'self'",
  "script-src 'self'",
  "connect-src 'self'",
  'img-src data:',
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

export type TargetSources = {
  /** Every scan status there is. */
  readonly statuses: readonly string[];
  /** Everything but the tags; costs some milliseconds when many tags are due. */
  readonly overview: () => Overview;
  /** Every watched tag, as of now. */
  readonly targets: () => TargetList;
};

export class TargetAnswers {
  readonly #sources: TargetSources;
  readonly #assets: PageAssets;
  readonly #choosing = new FairQueue(MOST_WAITING);
  readonly #lists = new ConcurrencyLimit(MOST_LISTS);
  readonly #turns: Turns;

  constructor(sources: TargetSources, assets: PageAssets, turns: Turns) {
    this.#turns = turns;
    this.#sources = sources;
    this.#assets = assets;
  }

  /** The page for people. */
  async showPage(ctx: Context, parameters: URLSearchParams): Promise<void> {
    const { statuses, overview, targets } = this.#sources;
    const view = readView(parameters, statuses);
    ctx.set('Content-Security-Policy', CONTENT_SECURITY_POLICY);
    await this.#answer(ctx, 'text/html', async () => {
      const shown = overview();
      const selection = await selectFirstTargets(targets(), queryOf(view), comparisonOf(view));
      return renderPage({ overview: shown, selection, view, assets: this.#assets });
    });
  }

  /** The same as JSON. */
  async showTargets(ctx: Context, parameters: URLSearchParams): Promise<void> {
    const { statuses, targets } = this.#sources;
    const query = readQuery(parameters, statuses);
    if (query instanceof ParameterError) {
      ctx.status = 400;
      ctx.type = 'application/json; charset=utf-8';
      ctx.set('Cache-Control', 'no-store');
      ctx.body = renderBadData(query.message);
      return;
    }
    const leave = this.#lists.take(clientOf(ctx));
    if (leave === undefined) return tooMany(ctx);
    try {
      await this.#answer(ctx, 'application/json', async () => renderTargets(await selectTargets(targets(), query)));
    } finally {
      leave();
    }
  }

  /** Has the pieces of a body prepared when it is this client's turn, and sends them. */
  async #answer(ctx: Context, type: string, prepare: () => Promise<Iterable<string>>): Promise<void> {
    const { res: response } = ctx;
    const client = clientOf(ctx);
    ctx.set('Cache-Control', 'no-store');
    let pieces: Iterable<string> = [];
    try {
      const isAwaited = () => ctx.method !== 'HEAD' && !response.destroyed;
      if (isAwaited()) pieces = await this.#choosing.add(client, async () => (isAwaited() ? await prepare() : []));
    } catch (error) {
      if (!(error instanceof QueueFullError)) throw error;
      return tooMany(ctx);
    }
    ctx.status = 200;
    ctx.type = `${type}; charset=utf-8`;
    ctx.respond = false;
    await sendPieces(response, this.#inTurn(client, pieces));
  }

  async *#inTurn(client: string, pieces: Iterable<string>): AsyncGenerator<string> {
    await this.#turns.next(client);
    for (const piece of pieces) {
      yield piece;
      await this.#turns.next(client);
    }
  }
}

function clientOf(ctx: Context): string {
  return ctx.req.socket.remoteAddress ?? '';
}

function tooMany(ctx: Context): void {
  ctx.set('Retry-After', '5');
  answerPlainly(ctx, 503, 'Too many pages and lists of tags are being asked for. Try again in some seconds.');
}

function readQuery(parameters: URLSearchParams, statuses: readonly string[]): TargetQuery | ParameterError {
  try {
    return readTargetQuery(parameters, statuses);
  } catch (error) {
    if (error instanceof ParameterError) return error;
    throw error;
  }
}
