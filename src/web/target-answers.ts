// Answers with the watched tags: the status page, and the list as JSON. Targets are selected for one request at a time, and pieces of an
// answer are made as fast as they are read, so that many requests need no more memory than a few.
import type { Context } from 'koa';
import type { PageAssets } from './assets.ts';
import type { TurnQueue } from './client-limits.ts';
import { ConcurrencyLimit, FairQueue, QueueFullError } from './client-limits.ts';
import type { Overview, ProblemSummary, TargetDetails, TargetList, TargetRow } from './overview.ts';
import { renderPage } from './page/page.tsx';
import { orderOf, queryOf, readView, repositoryRangeOf, type ShownTag, type View } from './page/view.ts';
import { answerPlainly, sendPieces } from './responses.ts';
import {
  type OrderedSelection,
  ParameterError,
  readTargetQuery,
  selectOrderedTargets,
  selectTargets,
  type TargetQuery,
} from './target-query.ts';
import { renderBadData, renderTargets } from './targets-api.ts';

/** A selection among 100,000 targets takes 0.1 to 0.2 s: the last of so many waits no longer than a person does. */
const MAX_WAITING = { perClient: 64, total: 128 };
/**
 * Lists under way, from the request to the last byte. They share the event loop, so hundreds at once would all end late, and until then
 * their connections would not be closed in favour of a scrape or a probe.
 */
const MAX_LISTS = { perClient: 64, total: 128 };

/** The page has one style sheet and one script, both from this server. */
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
  /** All scan statuses. */
  readonly statuses: readonly string[];
  /** Everything but the tags. Takes some milliseconds when many tags are due. */
  readonly overview: () => Overview;
  /** What is wrong in the repositories, of which those from `offset` on are given, the worst first. */
  readonly problems: (range: { readonly offset: number; readonly limit: number }) => Promise<ProblemSummary>;
  /** What else is known of a tag; undefined when it is not watched any more. */
  readonly details: (row: TargetRow) => TargetDetails | undefined;
  /** All watched tags, as of now. */
  readonly targets: () => TargetList;
};

export class TargetAnswers {
  readonly #sources: TargetSources;
  readonly #assets: PageAssets;
  readonly #selections = new FairQueue(MAX_WAITING);
  readonly #lists = new ConcurrencyLimit(MAX_LISTS);
  readonly #turns: TurnQueue;

  constructor(sources: TargetSources, assets: PageAssets, turns: TurnQueue) {
    this.#turns = turns;
    this.#sources = sources;
    this.#assets = assets;
  }

  /** Answers with the status page. */
  async showPage(ctx: Context, parameters: URLSearchParams): Promise<void> {
    const { statuses } = this.#sources;
    const view = readView(parameters, statuses);
    ctx.set('Content-Security-Policy', CONTENT_SECURITY_POLICY);
    await this.#answer(ctx, 'text/html', () => this.#page(view));
  }

  async #page(view: View): Promise<Iterable<string>> {
    const targets = this.#sources.targets();
    const selection = await selectOrderedTargets(targets, queryOf(view), orderOf(view));
    const problems = await this.#sources.problems(repositoryRangeOf(view));
    const overview = this.#sources.overview();
    const tag = view.tag === '' ? undefined : this.#onlyTag(selection);
    return renderPage({ overview, problems, selection, tag, view, assets: this.#assets });
  }

  /** The tag of a selection of one. */
  #onlyTag({ total, rows: [row] }: OrderedSelection): ShownTag | undefined {
    const details = total === 1 && row !== undefined ? this.#sources.details(row) : undefined;
    return row && details && { row, details };
  }

  /** Answers with the list as JSON. */
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
    const release = this.#lists.take(clientOf(ctx));
    if (release === undefined) return tooMany(ctx);
    try {
      await this.#answer(ctx, 'application/json', async () => renderTargets(await selectTargets(targets(), query)));
    } finally {
      release();
    }
  }

  /** Prepares the pieces of a body when it is this client's turn, and sends them. */
  async #answer(ctx: Context, type: string, prepare: () => Promise<Iterable<string>>): Promise<void> {
    const { res: response } = ctx;
    const client = clientOf(ctx);
    ctx.set('Cache-Control', 'no-store');
    let pieces: Iterable<string> = [];
    try {
      const isAwaited = () => ctx.method !== 'HEAD' && !response.destroyed;
      if (isAwaited()) pieces = await this.#selections.add(client, async () => (isAwaited() ? await prepare() : []));
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
