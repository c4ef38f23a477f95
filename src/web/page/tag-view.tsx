// A single tag: its scan, what happened to it since the start of the exporter, how to ask for it, and what identifies it.
import type { ComponentChildren } from 'preact';
import { type Overview, repositoryName, type TargetRow } from '../overview.ts';
import { CopyButton } from './copy-button.tsx';
import { ErrorText } from './error-text.tsx';
import { nextText, RepositoryName, Status } from './targets-table.tsx';
import { countText, statusText } from './texts.ts';
import { RelativeTime } from './time.tsx';
import { addressOf, EVERYTHING, type ShownTag } from './view.ts';
import { FoundOfTag } from './vulnerabilities.tsx';

type TagViewProps = { readonly tag: ShownTag; readonly overview: Overview };

export function TagView({ tag: { row, details }, overview }: TagViewProps) {
  const { nowMs, startedMs, instances } = overview;
  const { lastError, vulnerabilitiesError } = row;
  const scope = { ...EVERYTHING, repository: repositoryName(row), instance: instances > 1 ? row.instanceId : '' };
  return (
    <article class="tag-view">
      <p class="path">
        <a href={addressOf(EVERYTHING)}>All tags</a> / <a href={addressOf(scope)}>{<RepositoryName row={row} />}</a>
      </p>
      <h3>
        <bdi>{row.tag}</bdi> <Status row={row} status={row.status} />
      </h3>
      <div class="columns">
        <div>
          <h4>Scan</h4>
          <dl>
            <Fact name="Status">
              {statusText(row.status)}, since <Exact ms={row.sinceMs} nowMs={nowMs} />
            </Fact>
            {row.wantsVulnerabilities ? (
              <Fact name="Vulnerabilities">
                <FoundOfTag row={row} />
              </Fact>
            ) : null}
            {details.scanService === '' ? null : <Fact name="Scanner">{details.scanService}</Fact>}
          </dl>
          <h4>Requests</h4>
          <dl>
            <Fact name="Last poll">
              {row.lastPollMs === undefined ? 'not yet' : <Exact ms={row.lastPollMs} nowMs={nowMs} />}
              {details.failures > 1 ? `, ${countText(details.failures, 'failure')} in a row` : ''}
            </Fact>
            <Fact name="Last answer">
              {row.lastSuccessMs === undefined ? 'never' : <Exact ms={row.lastSuccessMs} nowMs={nowMs} />}
            </Fact>
            <Fact name="Next poll">
              {row.nextPollMs === undefined ? nextText(row) : <Exact ms={row.nextPollMs} nowMs={nowMs} ahead />}
            </Fact>
            {lastError === undefined ? null : (
              <Fact name="Error">
                <ErrorText error={lastError} />
              </Fact>
            )}
            {vulnerabilitiesError === undefined ? null : (
              <Fact name="Error of the vulnerabilities">
                <ErrorText error={vulnerabilitiesError} />
              </Fact>
            )}
          </dl>
        </div>
        <div>
          <h4>Identifiers</h4>
          <dl>
            {identifiersOf(row, details.scanTaskId).map(([name, text]) => (
              <Fact key={name} name={name}>
                <Copyable text={text} what={name} />
              </Fact>
            ))}
          </dl>
          <h4>To ask for it</h4>
          <dl>
            <Fact name="PromQL">
              <Copyable text={promqlOf(row)} what="PromQL" />
            </Fact>
            {row.repoId === '' ? null : (
              <Fact name="Aliyun CLI">
                <Copyable text={commandOf(row, details.scanTaskId)} what="command" />
              </Fact>
            )}
          </dl>
        </div>
        <div>
          <h4>
            Status changes since the exporter's start <Exact ms={startedMs} nowMs={nowMs} />
          </h4>
          <StatusChanges tag={{ row, details }} nowMs={nowMs} />
          <h4>Last errors since then</h4>
          <LastErrors tag={{ row, details }} nowMs={nowMs} />
        </div>
      </div>
    </article>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

type ExactProps = { readonly ms: number; readonly nowMs: number; readonly ahead?: boolean };

/** The time itself, and how far away it is. */
function Exact({ ms, nowMs, ahead = false }: ExactProps) {
  return (
    <>
      {new Date(ms)
        .toISOString()
        .replace('T', ' ')
        .replace(/\.\d+Z$/, ' UTC')}{' '}
      (
      <RelativeTime ms={ms} nowMs={nowMs} ahead={ahead} />)
    </>
  );
}

function Copyable({ text, what }: { readonly text: string; readonly what: string }) {
  return (
    <>
      <code>
        <bdi>{text}</bdi>
      </code>
      <CopyButton text={text} what={what} />
    </>
  );
}

type HistoryProps = { readonly tag: ShownTag; readonly nowMs: number };

function StatusChanges({ tag: { row, details }, nowMs }: HistoryProps) {
  const { formerStatuses } = details.history;
  if (formerStatuses.length === 0) return <p class="quiet">None is known.</p>;
  return (
    <ol class="history">
      {[...formerStatuses, row].reverse().map(({ status, sinceMs }) => (
        <li key={String(sinceMs)}>
          <span class={`badge status-${status}`}>
            <span class="dot" aria-hidden="true" />
            {statusText(status)}
          </span>{' '}
          from <Exact ms={sinceMs} nowMs={nowMs} />
        </li>
      ))}
    </ol>
  );
}

function LastErrors({ tag: { details }, nowMs }: HistoryProps) {
  const { errors } = details.history;
  if (errors.length === 0) return <p class="quiet">None is known.</p>;
  return (
    <ol class="history">
      {[...errors].reverse().map((error, index) => (
        <li key={String(index)}>
          <Exact ms={error.timeMs} nowMs={nowMs} />: <ErrorText error={error} />
        </li>
      ))}
    </ol>
  );
}

function identifiersOf(row: TargetRow, scanTaskId: string): readonly (readonly [string, string])[] {
  const all = [
    ['Instance', row.instanceId],
    ['Repository', repositoryName(row)],
    ['Repository id', row.repoId],
    ['Tag', row.tag],
    ['Digest', row.digest],
    ['Scan task', scanTaskId],
  ] as const;
  return all.filter(([, text]) => text !== '');
}

/** A selector of the series of the tag. */
function promqlOf({ instanceId, repoNamespace, repoName, tag }: TargetRow): string {
  const labels = { instance_id: instanceId, repo_namespace: repoNamespace, repo_name: repoName, tag };
  const matchers = Object.entries(labels).map(([name, value]) => `${name}=${promqlString(value)}`);
  return `acr_scan_tag_status{${matchers.join(',')}}`;
}

/** PromQL has the escapes of Go, to which those of JSON belong. */
function promqlString(text: string): string {
  return JSON.stringify(text);
}

/** The request that the exporter sends, for the command line of Alibaba Cloud. */
function commandOf({ instanceId, repoId, tag, digest }: TargetRow, scanTaskId: string): string {
  const parameters = { InstanceId: instanceId, RepoId: repoId, Tag: tag, Digest: digest, ScanTaskId: scanTaskId };
  const given = Object.entries(parameters).filter(([, value]) => value !== '');
  return ['aliyun cr GetRepoTagScanStatus', ...given.map(([name, value]) => `--${name} ${shellWord(value)}`)].join(' ');
}

function shellWord(text: string): string {
  return /^[\w.:/@-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
