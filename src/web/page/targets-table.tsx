// The table of watched tags: a row each, with why it is not green.
import type { ComponentChildren } from 'preact';
import type { LastError, TargetRow } from '../overview.ts';
import { shortDigest } from './texts.ts';
import { RelativeTime } from './time.tsx';
import { addressOf, type SortKey, type View } from './view.ts';

const COLUMNS: readonly { readonly key: SortKey; readonly title: string }[] = [
  { key: 'status', title: 'Status' },
  { key: 'repository', title: 'Repository' },
  { key: 'tag', title: 'Tag' },
  { key: 'since', title: 'Since' },
  { key: 'last_poll', title: 'Last poll' },
  { key: 'next_poll', title: 'Next poll' },
  { key: 'error', title: 'Last error' },
  { key: 'instance', title: 'Instance' },
];

type TableProps = { readonly rows: readonly TargetRow[]; readonly view: View; readonly nowMs: number };

export function TargetsTable({ rows, view, nowMs }: TableProps) {
  return (
    <table>
      <caption class="hidden">Watched tags with their scan status</caption>
      <thead>
        <tr>
          {COLUMNS.map(({ key, title }) => (
            <ColumnHead key={title} sortKey={key} title={title} view={view} />
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <Row key={`${row.instanceId} ${row.repoNamespace}/${row.repoName}:${row.tag}`} row={row} nowMs={nowMs} />
        ))}
      </tbody>
    </table>
  );
}

function ColumnHead({
  sortKey,
  title,
  view,
}: {
  readonly sortKey: SortKey;
  readonly title: string;
  readonly view: View;
}) {
  const sorted = view.sort === sortKey;
  const href = addressOf({ ...view, sort: sortKey, descending: sorted && !view.descending, page: 1 });
  return (
    <th scope="col" aria-sort={sorted ? (view.descending ? 'descending' : 'ascending') : undefined}>
      <a href={href}>
        {title}
        <span class="arrow" aria-hidden="true">
          {sorted ? (view.descending ? '▼' : '▲') : ''}
        </span>
      </a>
    </th>
  );
}

function Row({ row, nowMs }: { readonly row: TargetRow; readonly nowMs: number }) {
  return (
    <tr>
      <Cell label="Status">
        <span class={`badge status-${row.status}`}>
          <span class="dot" aria-hidden="true" />
          {row.status}
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
        {row.digest === '' ? null : (
          <code class="digest" title={row.digest}>
            {shortDigest(row.digest)}
          </code>
        )}
      </Cell>
      <Cell label="Since">
        <RelativeTime ms={row.sinceMs} nowMs={nowMs} />
      </Cell>
      <Cell label="Last poll" kind="whole">
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
        {row.lastError === undefined ? <span class="quiet">none</span> : <ErrorText error={row.lastError} />}
      </Cell>
      <Cell label="Instance" kind="instance">
        <bdi>{row.instanceId}</bdi>
      </Cell>
    </tr>
  );
}

type CellProps = { readonly label: string; readonly kind?: string; readonly children: ComponentChildren };

/** On a phone a row is a card and the label stands beside the content, which is one box for that. */
function Cell({ label, kind, children }: CellProps) {
  return (
    <td data-label={label} class={kind}>
      <div>{children}</div>
    </td>
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

function ErrorText({ error: { code, message, requestId } }: { readonly error: LastError }) {
  return (
    <>
      <code class="code">{code}</code> <bdi class="message">{message}</bdi>
      {requestId === '' ? null : (
        <span class="detail">
          RequestId <code class="request-id">{requestId}</code>
          <button type="button" class="copy" data-copy={requestId} hidden>
            Copy<span class="hidden"> RequestId {requestId}</span>
          </button>
        </span>
      )}
    </>
  );
}
