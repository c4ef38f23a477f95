// The status page at `/`: the watched tags and their problems. Complete without JavaScript; a script refreshes it.
import { renderToString } from 'preact-render-to-string';
import type { Overview } from '../overview.ts';
import type { OrderedSelection } from '../target-query.ts';
import { Discovery } from './discovery.tsx';
import { Events } from './events.tsx';
import { Filter } from './filter.tsx';
import { TargetRows, TargetsTable } from './targets-table.tsx';
import { countText, spanText } from './texts.ts';
import { Quota, StatusSummary } from './totals.tsx';
import { addressOf, ROWS_PER_PAGE, type View } from './view.ts';

export type PageProps = {
  readonly overview: Overview;
  readonly selection: OrderedSelection;
  readonly view: View;
  /** The addresses of style sheet and script, relative to the page. */
  readonly assets: { readonly css: string; readonly js: string };
};

const ROWS_PER_PIECE = 10;
/** The place of the table's rows. No name can contain it, since the renderer escapes all values. */
const NO_ROWS = '<tbody></tbody>';

/** The page as HTML, in pieces, so that pieces that a client does not read are not made. The renderer escapes all values. */
export function* renderPage(props: PageProps): Generator<string> {
  const { selection, overview } = props;
  const [before = '', after] = renderToString(<Page {...props} />).split(NO_ROWS);
  yield `<!doctype html>\n${before}`;
  if (after !== undefined) {
    yield '<tbody>';
    for (let from = 0; from < selection.rows.length; from += ROWS_PER_PIECE) {
      const rows = selection.rows.slice(from, from + ROWS_PER_PIECE);
      yield renderToString(<TargetRows rows={rows} overview={overview} />);
    }
    yield `</tbody>${after}`;
  }
  yield '\n';
}

function Page({ overview, selection, view, assets }: PageProps) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>acr-scan-exporter</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href={assets.css} />
        <script src={assets.js} defer />
      </head>
      <body>
        <a class="skip" href="#targets">
          Skip to the watched tags
        </a>
        <Header overview={overview} />
        <main data-now={new Date(overview.nowMs).toISOString()}>
          <div class="top">
            <StatusSummary overview={overview} view={view} />
            <div class="stack">
              <Quota rows={overview.quota} />
              <div class="slot" data-live="discovery">
                <Discovery overview={overview} view={view} />
              </div>
              <div class="slot" data-live="events">
                <Events overview={overview} />
              </div>
            </div>
          </div>
          <section id="targets" aria-labelledby="targets-heading">
            <h2 id="targets-heading" class="hidden">
              Targets
            </h2>
            <Filter overview={overview} view={view} />
            <div data-live="targets">
              <Found selection={selection} view={view} />
              {selection.rows.length === 0 ? null : <TargetsTable view={view} overview={overview} />}
              <Pages total={selection.total} view={view} />
            </div>
          </section>
        </main>
      </body>
    </html>
  );
}

function Header({ overview }: { readonly overview: Overview }) {
  const { version, revision, sdk, nowMs, startedMs, telemetryPath, ready } = overview;
  return (
    <header>
      <h1>acr-scan-exporter</h1>
      <p data-live="build">
        <span class={ready ? 'mark good' : 'mark warn'}>{ready ? 'polling' : 'not polling yet'}</span> version {version}
        {revision === '' ? null : ` (${revision})`}, up for {spanText(nowMs - startedMs)}
        {sdk === '' ? null : `, ${sdk}`}
      </p>
      <nav aria-label="Other pages">
        <a href={`.${telemetryPath}`}>Metrics</a> <a href="./api/v1/targets">JSON</a> <a href="./-/healthy">Health</a>{' '}
        <a href="./-/ready">Readiness</a>
      </nav>
      <noscript>
        Without JavaScript this page does not refresh itself. It shows {new Date(nowMs).toISOString()}.
      </noscript>
    </header>
  );
}

function Found({ selection: { total, rows }, view }: { readonly selection: OrderedSelection; readonly view: View }) {
  const first = (view.page - 1) * ROWS_PER_PAGE + 1;
  const range = `${first.toLocaleString('en-US')} to ${(first + rows.length - 1).toLocaleString('en-US')} of ${countText(total, 'tag')}`;
  const text =
    total === 0 ? 'No tag matches.' : rows.length === 0 ? `There are only ${countText(total, 'tag')}.` : range;
  return (
    <p class="found" role="status">
      {text}
    </p>
  );
}

function Pages({ total, view }: { readonly total: number; readonly view: View }) {
  const last = Math.max(1, Math.ceil(total / ROWS_PER_PAGE));
  if (last === 1 && view.page === 1) return null;
  const to = (page: number) => addressOf({ ...view, page });
  return (
    <nav class="pages" aria-label="Pages of tags">
      {view.page > 1 ? (
        <a href={to(Math.min(view.page - 1, last))} rel="prev">
          Previous
        </a>
      ) : (
        <span class="quiet">Previous</span>
      )}
      <span>
        Page {view.page} of {last}
      </span>
      {view.page < last ? (
        <a href={to(view.page + 1)} rel="next">
          Next
        </a>
      ) : (
        <span class="quiet">Next</span>
      )}
    </nav>
  );
}
