// The table of watched tags, with the reason for each problem.
import type { ComponentChildren } from 'preact';
import type { Overview, TargetRow } from '../overview.ts';
import { ErrorText } from './error-text.tsx';
import { shortDigest, statusText } from './texts.ts';
import { RelativeTime } from './time.tsx';
import { addressOf, type SectionProps, type SortKey, type View } from './view.ts';
import { FoundOfTag } from './vulnerabilities.tsx';

type Column = {
  readonly key: SortKey;
  readonly title: string;
  /** Whether the first click orders from the most to the least. */
  readonly mostFirst?: true;
};

const COLUMNS: readonly Column[] = [
  { key: 'status', title: 'Status' },
  { key: 'repository', title: 'Repository' },
  { key: 'tag', title: 'Tag' },
  { key: 'vulnerabilities', title: 'Vulnerabilities', mostFirst: true },
  { key: 'since', title: 'Since' },
  { key: 'last_poll', title: 'Last poll' },
  { key: 'next_poll', title: 'Next poll' },
  { key: 'error', title: 'Last error' },
  { key: 'instance', title: 'Instance' },
];

/** The table without its rows. */
export function TargetsTable({ view, overview }: SectionProps) {
  const columns = COLUMNS.filter(({ key }) => key !== 'vulnerabilities' || showsVulnerabilities(overview));
  return (
    <table>
      <caption class="hidden">Watched tags with their scan status</caption>
      <thead>
        <tr>
          {columns.map((column) => (
            <ColumnHead key={column.key} column={column} view={view} />
          ))}
        </tr>
      </thead>
      <tbody />
    </table>
  );
}

type RowsProps = { readonly rows: readonly TargetRow[]; readonly overview: Overview };

export function TargetRows({ rows, overview }: RowsProps) {
  const shows = { vulnerabilities: showsVulnerabilities(overview) };
  return (
    <>
      {rows.map((row) => (
        <Row
          key={`${row.instanceId} ${row.repoNamespace}/${row.repoName}:${row.tag}`}
          row={row}
          shows={shows}
          nowMs={overview.nowMs}
        />
      ))}
    </>
  );
}

/** If no tag is asked for its vulnerabilities, the column would be empty. */
function showsVulnerabilities({ vulnerabilities }: Overview): boolean {
  return vulnerabilities.wantedTags > 0;
}

function ColumnHead({ column, view }: { readonly column: Column; readonly view: View }) {
  const { key, title, mostFirst = false } = column;
  const sorted = view.sort === key;
  const descending = sorted ? !view.descending : mostFirst;
  return (
    <th scope="col" aria-sort={sorted ? (view.descending ? 'descending' : 'ascending') : undefined}>
      <a href={addressOf({ ...view, sort: key, descending, page: 1 })}>
        {title}
        <span class="arrow" aria-hidden="true">
          {sorted ? (view.descending ? '▼' : '▲') : ''}
        </span>
      </a>
    </th>
  );
}

type RowProps = {
  readonly row: TargetRow;
  readonly shows: { readonly vulnerabilities: boolean };
  readonly nowMs: number;
};

function Row({ row, shows, nowMs }: RowProps) {
  return (
    <tr>
      <Cell label="Status">
        <span class={`badge status-${row.status}`}>
          <span class="dot" aria-hidden="true" />
          {statusText(row.status)}
        </span>
      </Cell>
      <th scope="row" data-label="Repository" class="name">
        <div>
          {row.repoNamespace === '' ? null : (
            <>
              <bdi>{row.repoNamespace}</bdi>/
            </>
          )}
          <bdi>{row.repoName}</bdi>
        </div>
      </th>
      <Cell label="Tag" kind="name">
        <bdi class="tag">{row.tag}</bdi>
        <Origin row={row} />
      </Cell>
      {shows.vulnerabilities ? (
        <Cell label="Vulnerabilities">
          <FoundOfTag row={row} />
        </Cell>
      ) : null}
      <Cell label="Since">
        <RelativeTime ms={row.sinceMs} nowMs={nowMs} />
      </Cell>
      <Cell label="Last poll" kind="times">
        <LastPoll row={row} nowMs={nowMs} />
      </Cell>
      <Cell label="Next poll">
        {row.nextPollMs === undefined ? (
          <span class="quiet">{nextText(row)}</span>
        ) : (
          <RelativeTime ms={row.nextPollMs} nowMs={nowMs} ahead />
        )}
      </Cell>
      <Cell label="Last error" kind="error">
        <Errors row={row} />
      </Cell>
      <Cell label="Instance" kind="instance">
        <bdi>{row.instanceId}</bdi>
      </Cell>
    </tr>
  );
}

type CellProps = { readonly label: string; readonly kind?: string; readonly children: ComponentChildren };

/** On a phone a row is a card, with the label beside the content, so the content is one box. */
function Cell({ label, kind, children }: CellProps) {
  return (
    <td data-label={label} class={kind}>
      <div>{children}</div>
    </td>
  );
}

/** The digest of the tag, and a mark if discovery found it. */
function Origin({ row: { digest, source } }: { readonly row: TargetRow }) {
  if (digest === '' && source === 'listed') return null;
  return (
    <span class="detail origin">
      {digest === '' ? null : <code title={digest}>{shortDigest(digest)}</code>}{' '}
      {source === 'listed' ? null : <span title="Found by discovery, not listed in the configuration">discovered</span>}
    </span>
  );
}

function Errors({ row: { lastError, vulnerabilitiesError } }: { readonly row: TargetRow }) {
  if (lastError === undefined && vulnerabilitiesError === undefined) return <span class="quiet">none</span>;
  return (
    <>
      {lastError === undefined ? null : <ErrorText error={lastError} />}
      {vulnerabilitiesError === undefined ? null : (
        <div>
          <span class="detail">Vulnerabilities:</span> <ErrorText error={vulnerabilitiesError} />
        </div>
      )}
    </>
  );
}

function nextText({ repoId }: TargetRow): string {
  return repoId === '' ? 'waits for the repository lookup' : 'under way';
}

function LastPoll({
  row: { lastPollMs, lastSuccessMs, lastError },
  nowMs,
}: {
  readonly row: TargetRow;
  readonly nowMs: number;
}) {
  if (lastPollMs === undefined) return <span class="quiet">not yet</span>;
  if (lastError === undefined) {
    return (
      <>
        <RelativeTime ms={lastPollMs} nowMs={nowMs} />, <span class="ok">answered</span>
      </>
    );
  }
  return (
    <>
      <RelativeTime ms={lastPollMs} nowMs={nowMs} />, <span class="bad">failed</span>
      <span class="detail">
        {lastSuccessMs === undefined ? (
          'never answered'
        ) : (
          <>
            answered <RelativeTime ms={lastSuccessMs} nowMs={nowMs} />
          </>
        )}
      </span>
    </>
  );
}
