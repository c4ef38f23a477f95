// The table of watched tags. A row is one line; a row that has the focus shows everything.
import type { ComponentChildren } from 'preact';
import { type Overview, repositoryName, type TargetRow } from '../overview.ts';
import { ErrorText } from './error-text.tsx';
import { shortDigest, statusText } from './texts.ts';
import { RelativeTime } from './time.tsx';
import { addressOf, EVERYTHING, type SortKey, type View } from './view.ts';
import { FoundOfTag } from './vulnerabilities.tsx';

type Column = {
  readonly key: SortKey;
  readonly title: string;
  /** Whether the first click orders from the most to the least. */
  readonly mostFirst?: true;
};

export const COLUMNS: readonly Column[] = [
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

/** The columns that would not be empty, or the same in every row. */
export type Shown = {
  readonly repository: boolean;
  readonly vulnerabilities: boolean;
  readonly error: boolean;
  readonly instance: boolean;
};

export function shownColumns(
  { vulnerabilities, instances }: Overview,
  { repository, instance }: View,
  rows: readonly TargetRow[],
): Shown {
  return {
    repository: repository === '',
    vulnerabilities: vulnerabilities.wantedTags > 0,
    error: rows.some(({ lastError, vulnerabilitiesError }) => (lastError ?? vulnerabilitiesError) !== undefined),
    instance: instances > 1 && instance === '',
  };
}

/** The table without its rows. */
export function TargetsTable({ view, shown }: { readonly view: View; readonly shown: Shown }) {
  const columns = COLUMNS.filter(({ key }) => !(key in shown) || shown[key as keyof Shown]);
  return (
    <table class="targets">
      <caption class="hidden">Watched tags with their scan status</caption>
      <colgroup>
        {columns.map(({ key }) => (
          <col key={key} class={`col-${key}`} />
        ))}
      </colgroup>
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

type RowsProps = { readonly rows: readonly TargetRow[]; readonly overview: Overview; readonly shown: Shown };

export function TargetRows({ rows, overview, shown }: RowsProps) {
  return (
    <>
      {rows.map((row) => (
        <Row key={`${row.instanceId} ${repositoryName(row)}:${row.tag}`} {...{ row, overview, shown }} />
      ))}
    </>
  );
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

type RowProps = { readonly row: TargetRow; readonly overview: Overview; readonly shown: Shown };

function Row({ row, overview: { nowMs, instances }, shown }: RowProps) {
  const { status, sinceMs, instanceId, tag, nextPollMs } = row;
  const repository = repositoryName(row);
  const scope = { ...EVERYTHING, repository, instance: instances > 1 ? instanceId : '' };
  return (
    <tr class="row">
      <Cell label="Status">
        <Status row={row} status={status} />
      </Cell>
      {shown.repository ? (
        <Cell label="Repository" isHeader>
          <a href={addressOf(scope)} class="plain">
            <RepositoryName row={row} />
          </a>
        </Cell>
      ) : null}
      <Cell label="Tag" isHeader={!shown.repository}>
        <a href={addressOf({ ...scope, tag })} class="tag" title={tag}>
          <bdi>{tag}</bdi>
        </a>
        <Origin row={row} />
      </Cell>
      {shown.vulnerabilities ? (
        <Cell label="Vulnerabilities">
          <FoundOfTag row={row} />
        </Cell>
      ) : null}
      <Cell label="Since">
        <RelativeTime ms={sinceMs} nowMs={nowMs} />
      </Cell>
      <Cell label="Last poll">
        <LastPoll row={row} nowMs={nowMs} />
      </Cell>
      <Cell label="Next poll">
        {nextPollMs === undefined ? (
          <span class="quiet">{nextText(row)}</span>
        ) : (
          <RelativeTime ms={nextPollMs} nowMs={nowMs} ahead />
        )}
      </Cell>
      {shown.error ? (
        <Cell label="Last error">
          <Errors row={row} />
        </Cell>
      ) : null}
      {shown.instance ? (
        <Cell label="Instance">
          <bdi title={instanceId}>{instanceId}</bdi>
        </Cell>
      ) : null}
    </tr>
  );
}

/** Each name is isolated from the direction of the text around it. */
export function RepositoryName({ row: { repoNamespace, repoName } }: { readonly row: TargetRow }) {
  return (
    <>
      {repoNamespace === '' ? null : (
        <>
          <bdi>{repoNamespace}</bdi>/
        </>
      )}
      <bdi>{repoName}</bdi>
    </>
  );
}

export function Status({ row: { stuck, stale }, status }: { readonly row: TargetRow; readonly status: string }) {
  return (
    <>
      <span class={`badge status-${status}`}>
        <span class="dot" aria-hidden="true" />
        {statusText(status)}
      </span>
      {stuck ? <span class="mark tone-bad">stuck</span> : null}
      {stale ? <span class="mark tone-warn">stale</span> : null}
    </>
  );
}

type CellProps = { readonly label: string; readonly isHeader?: boolean; readonly children: ComponentChildren };

/** On a phone a row is a card, with the label beside the content, so the content is one box. */
function Cell({ label, isHeader = false, children }: CellProps) {
  const content = <div>{children}</div>;
  return isHeader ? (
    <th scope="row" data-label={label}>
      {content}
    </th>
  ) : (
    <td data-label={label}>{content}</td>
  );
}

/** The digest of the tag, and a mark if discovery found it. */
function Origin({ row: { digest, source } }: { readonly row: TargetRow }) {
  return (
    <>
      {source === 'listed' ? null : (
        <>
          {' '}
          <span class="quiet more-text" title="Found by discovery, not listed in the configuration">
            discovered
          </span>
        </>
      )}
      {digest === '' ? null : (
        <>
          {' '}
          <code class="quiet more-text" title={digest}>
            {shortDigest(digest)}
          </code>
        </>
      )}
    </>
  );
}

function Errors({ row: { lastError, vulnerabilitiesError } }: { readonly row: TargetRow }) {
  return (
    <>
      {lastError === undefined ? null : <ErrorText error={lastError} />}
      {vulnerabilitiesError === undefined ? null : (
        <span class="summary-error">
          {' '}
          <span class="quiet">Vulnerabilities:</span> <ErrorText error={vulnerabilitiesError} />
        </span>
      )}
    </>
  );
}

export function nextText({ repoId }: TargetRow): string {
  return repoId === '' ? 'waits for the repository lookup' : 'under way';
}

type LastPollProps = { readonly row: TargetRow; readonly nowMs: number };

function LastPoll({ row: { lastPollMs, lastSuccessMs, lastError }, nowMs }: LastPollProps) {
  if (lastPollMs === undefined) return <span class="quiet">not yet</span>;
  if (lastError === undefined) return <RelativeTime ms={lastPollMs} nowMs={nowMs} />;
  return (
    <>
      <RelativeTime ms={lastPollMs} nowMs={nowMs} /> <span class="bad">failed</span>
      <span class="more-text">
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
