// The status page at `/`: what is wrong and where, and the watched tags. Complete without JavaScript; a script refreshes it.
import { renderToString } from 'preact-render-to-string';
import type { Overview, ProblemSummary } from '../overview.ts';
import type { OrderedSelection } from '../target-query.ts';
import { Connections } from './connections.tsx';
import { Filter } from './filter.tsx';
import { type Verdict, verdictOf } from './findings.ts';
import { Found, Pages } from './pages.tsx';
import { RepositoryTable, WorstRepositories } from './problems.tsx';
import { StatusSummary } from './summary.tsx';
import { TagView } from './tag-view.tsx';
import { type Shown, shownColumns, TargetRows, TargetsTable } from './targets-table.tsx';
import { spanText } from './texts.ts';
import { TabVerdict, VerdictLine } from './verdict.tsx';
import { addressOf, EVERYTHING, type ShownTag, type View } from './view.ts';

export type PageProps = {
  readonly overview: Overview;
  readonly problems: ProblemSummary;
  readonly selection: OrderedSelection;
  /** Shown instead of the table. */
  readonly tag: ShownTag | undefined;
  readonly view: View;
  /** The addresses of style sheet and script, relative to the page. */
  readonly assets: { readonly css: string; readonly js: string };
};

const ROWS_PER_PIECE = 10;
/** The place of the rows of the table of tags. No name can contain it, since the renderer escapes all values. */
const NO_ROWS = '<tbody></tbody>';

/** The page as HTML, in pieces, so that pieces that a client does not read are not made. The renderer escapes all values. */
export function* renderPage(props: PageProps): Generator<string> {
  const { selection, overview, problems, view } = props;
  const verdict = verdictOf({ overview, problems });
  const shown = shownColumns(overview, view, selection.rows);
  const [before = '', after] = renderToString(<Page {...props} verdict={verdict} shown={shown} />).split(NO_ROWS);
  yield `<!doctype html>\n${before}`;
  if (after !== undefined) {
    yield '<tbody>';
    for (let from = 0; from < selection.rows.length; from += ROWS_PER_PIECE) {
      const rows = selection.rows.slice(from, from + ROWS_PER_PIECE);
      yield renderToString(<TargetRows rows={rows} overview={overview} shown={shown} />);
    }
    yield `</tbody>${after}`;
  }
  yield '\n';
}

type WholePageProps = PageProps & { readonly verdict: Verdict; readonly shown: Shown };

function Page(props: WholePageProps) {
  const { overview, problems, view, assets, verdict } = props;
  const showsWorst = problems.repositories > 0 && !view.byRepository && view.repository === '';
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <TabVerdict verdict={verdict} />
        <link rel="stylesheet" href={assets.css} />
        <script src={assets.js} defer />
      </head>
      <body>
        <a class="skip" href="#targets">
          Skip to the watched tags
        </a>
        <Header overview={overview} />
        <main data-now={new Date(overview.nowMs).toISOString()}>
          <VerdictLine verdict={verdict} />
          <StatusSummary overview={overview} view={view} />
          <div class={showsWorst ? 'top' : 'top single'}>
            <div class="slot" data-live="problems">
              {showsWorst ? <WorstRepositories overview={overview} problems={problems} /> : null}
            </div>
            <div class="slot" data-live="connections">
              <Connections overview={overview} />
            </div>
          </div>
          <section id="targets" aria-labelledby="targets-heading">
            <Targets {...props} />
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
      <h1>
        <a href="./">acr-scan-exporter</a>
      </h1>
      <p data-live="build">
        <span class={ready ? 'mark' : 'mark tone-bad'}>{ready ? 'polling' : 'not polling'}</span> version {version}
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

/** The table of tags, that of repositories, or a single tag. */
function Targets(props: WholePageProps) {
  const { overview, problems, selection, view, tag, shown } = props;
  const { total, rows } = selection;
  const heading = (
    <h2 id="targets-heading" class={view.repository === '' && !view.byRepository ? 'hidden' : ''}>
      {headingOf(view)}
    </h2>
  );
  if (view.byRepository) {
    return (
      <>
        {heading}
        <div data-live="targets">
          <Found total={problems.repositories} rows={problems.worst.length} view={view} noun={REPOSITORIES} />
          {problems.worst.length === 0 ? null : <RepositoryTable overview={overview} problems={problems} />}
          <Pages total={problems.repositories} view={view} />
        </div>
      </>
    );
  }
  if (tag !== undefined) {
    return (
      <>
        <h2 id="targets-heading" class="hidden">
          Tag
        </h2>
        <div data-live="targets">
          <TagView tag={tag} overview={overview} />
        </div>
      </>
    );
  }
  return (
    <>
      {heading}
      <Filter overview={overview} problems={problems} view={view} />
      <div data-live="targets">
        <Found total={total} rows={rows.length} view={view} noun={TAGS} />
        {rows.length === 0 ? null : <TargetsTable view={view} shown={shown} />}
        <Pages total={total} view={view} />
      </div>
    </>
  );
}

const TAGS = ['tag', 'tags'] as const;
const REPOSITORIES = ['repository with problems', 'repositories with problems'] as const;

/** What the table is limited to. */
function headingOf({ byRepository, repository, instance, tag }: View) {
  if (byRepository)
    return (
      <>
        Repositories with problems · <a href={addressOf(EVERYTHING)}>all tags</a>
      </>
    );
  if (repository === '') return 'Tags';
  return (
    <>
      <bdi>{tag === '' ? repository : `${repository}:${tag}`}</bdi>
      {instance === '' ? null : (
        <>
          {' '}
          on <bdi>{instance}</bdi>
        </>
      )}{' '}
      · <a href={addressOf(EVERYTHING)}>all tags</a>
    </>
  );
}
