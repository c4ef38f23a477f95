// The credentials, discovery and events of the exporter, one line each, what has a problem first.
import type { ComponentChildren } from 'preact';
import {
  type DiscoveryStatus,
  type EventsStatus,
  matchesNothing,
  type SchedulerStatus,
} from '../../model/exporter-status.ts';
import type { ReplicaStatus } from '../../model/replicas.ts';
import type { PollError } from '../../model/scan.ts';
import type { Overview } from '../overview.ts';
import { CopyButton } from './copy-button.tsx';
import { ErrorText } from './error-text.tsx';
import { isPartial, type Tone } from './findings.ts';
import { countText, rateText, spanText } from './texts.ts';
import { RelativeTime } from './time.tsx';
import { addressOf, EVERYTHING } from './view.ts';

type ConnectionLine = {
  readonly kind: 'Credentials' | 'Discovery' | 'Events' | 'Configuration' | 'Replica';
  /** An instance, a set of credentials, or the host of a replica. */
  readonly name: string;
  readonly tone: Tone;
  readonly state: string;
  /** Why the state is not good, with what support asks for. */
  readonly error: PollError | undefined;
  readonly facts: ComponentChildren;
  /** What comes next, or came last. */
  readonly when: ComponentChildren;
};

const ORDER: Readonly<Record<Tone, number>> = { bad: 0, warn: 1, busy: 2, good: 3 };

/** More lines are behind a click. */
const LINES = 8;

export function Connections({ overview }: { readonly overview: Overview }) {
  const { quota, discovery, events, nowMs } = overview;
  const lines = [
    ...configurationLine(overview),
    ...replicaLine(overview),
    ...quota.map((row) => credentialsLine(row, nowMs)),
    ...discovery.map((row) => discoveryLine(row, overview)),
    ...events.map((row) => eventsLine(row, nowMs)),
  ].sort((one, other) => ORDER[one.tone] - ORDER[other.tone]);
  return (
    <section id="connections" class="connections" aria-labelledby="connections-heading">
      <h2 id="connections-heading">{headingOf(overview)}</h2>
      <Lines lines={lines.slice(0, LINES)} nowMs={nowMs} />
      {lines.length > LINES ? (
        <details>
          <summary>{lines.length - LINES} more</summary>
          <Lines lines={lines.slice(LINES)} nowMs={nowMs} />
        </details>
      ) : null}
    </section>
  );
}

type LinesProps = { readonly lines: readonly ConnectionLine[]; readonly nowMs: number };

function Lines({ lines, nowMs }: LinesProps) {
  return (
    <table>
      <colgroup>
        <col class="col-part" />
        <col />
        <col class="col-when" />
      </colgroup>
      <thead class="hidden">
        <tr>
          <th scope="col">Part</th>
          <th scope="col">State</th>
          <th scope="col">When</th>
        </tr>
      </thead>
      <tbody>
        {lines.map((line) => (
          <Row key={`${line.kind} ${line.name}`} line={line} nowMs={nowMs} />
        ))}
      </tbody>
    </table>
  );
}

function headingOf({ discovery, events, replica }: Overview): string {
  const parts = [
    'Credentials',
    ...(discovery.length > 0 ? ['discovery'] : []),
    ...(events.length > 0 ? ['events'] : []),
    ...(replica === undefined ? [] : ['replicas']),
  ];
  const last = parts.pop() ?? '';
  return parts.length === 0 ? last : `${parts.join(', ')} and ${last}`;
}

function Row({ line, nowMs }: { readonly line: ConnectionLine; readonly nowMs: number }) {
  const { kind, name, tone, state, error, facts, when } = line;
  return (
    <tr>
      <th scope="row">
        <span class="quiet">{kind}</span> <bdi>{name}</bdi>
      </th>
      <td colSpan={when === null ? 2 : 1}>
        <span class={`state tone-${tone}`}>{state}</span>
        {error === undefined ? null : (
          <>
            {' '}
            <code class="code" title={errorTitle(error)}>
              {error.code}
            </code>
          </>
        )}{' '}
        {facts}
        {error === undefined ? null : (
          <p class="more-text">
            <bdi class="message">{error.message}</bdi> <RelativeTime ms={error.timeMs} nowMs={nowMs} />
            {error.requestId === '' ? null : (
              <>
                {' '}
                RequestId <code class="request-id">{error.requestId}</code>
                <CopyButton text={error.requestId} what={`RequestId ${error.requestId}`} />
              </>
            )}
          </p>
        )}
      </td>
      {when === null ? null : <td class="when">{when}</td>}
    </tr>
  );
}

function errorTitle({ code, message, requestId }: PollError): string {
  return `${code}: ${message}${requestId === '' ? '' : `\nRequestId ${requestId}`}`;
}

/** A file that was not put in force. */
function configurationLine({ reloadFailure, nowMs }: Overview): readonly ConnectionLine[] {
  if (reloadFailure === undefined) return [];
  const [first = '', ...others] = reloadFailure.problems;
  return [
    {
      kind: 'Configuration',
      name: '',
      tone: 'bad',
      state: 'not reloaded',
      error: undefined,
      facts: (
        <span title={reloadFailure.problems.join('\n')}>
          <bdi>{first}</bdi>
          {others.length === 0 ? null : ` and ${countText(others.length, 'more problem')}`}
        </span>
      ),
      when: <RelativeTime ms={reloadFailure.timeMs} nowMs={nowMs} />,
    },
  ];
}

/** Which part of the tags this replica shows, and which replicas show the others. */
function replicaLine({ replica, nowMs }: Overview): readonly ConnectionLine[] {
  if (replica === undefined) return [];
  const { host, members, repositories, tags, problem, lastExchangeMs } = replica;
  const others = members.filter(({ id }) => id !== replica.id).map((member) => member.host);
  const part = `shows its part: ${countText(repositories, 'repository', 'repositories')}, ${countText(tags, 'tag')}`;
  const text = `${part}; the others: ${others.length === 0 ? 'none' : others.join(', ')}${problem === undefined ? '' : `; ${problem}`}`;
  return [
    {
      kind: 'Replica',
      name: host,
      ...replicaState(replica),
      error: undefined,
      facts: <bdi>{text}</bdi>,
      when: lastExchangeMs === undefined ? 'not yet' : <RelativeTime ms={lastExchangeMs} nowMs={nowMs} />,
    },
  ];
}

function replicaState(status: ReplicaStatus): { tone: Tone; state: string } {
  const { members, differs, max, isConnected, isMember, problem } = status;
  if (problem !== undefined) return { tone: 'bad', state: 'no answer from Redis' };
  if (!isConnected) return { tone: 'busy', state: 'joining' };
  if (!isMember) return { tone: 'warn', state: `waits: the group has its ${max} replicas` };
  if (differs.length > 0) return { tone: 'warn', state: 'has another configuration than others' };
  return { tone: 'good', state: `one of ${countText(members.length, 'replica')}` };
}

function credentialsLine(row: SchedulerStatus, nowMs: number): ConnectionLine {
  const { credentials, inUse, rate, due, oldestDueSeconds, refusal } = row;
  const waiting = due.urgent + due.background;
  const oldest = Math.max(oldestDueSeconds.urgent, oldestDueSeconds.background) * 1_000;
  const facts = (
    <>
      {inUse === undefined ? (
        'no credentials'
      ) : (
        <>
          <bdi class="identity">{inUse.identity}</bdi> ({inUse.provider})
        </>
      )}
      {refusal === undefined ? ` at ${rateOf(rate)} requests/s` : ''}
      {waiting === 0 ? '' : `, ${countText(waiting, 'tag')} overdue by up to ${spanText(oldest)}`}
    </>
  );
  return {
    kind: 'Credentials',
    name: credentials,
    ...credentialsState(row),
    error: refusal?.error,
    facts,
    when:
      refusal === undefined ? null : (
        <>
          probe <RelativeTime ms={refusal.nextProbeMs} nowMs={nowMs} ahead />
        </>
      ),
  };
}

/** Both rates while throttling makes them differ. */
function rateOf({ current, configured }: SchedulerStatus['rate']): string {
  return current < configured ? `${rateText(current)} of ${rateText(configured)}` : rateText(configured);
}

function credentialsState({ running, paused, rate, inUse }: SchedulerStatus): { tone: Tone; state: string } {
  if (paused.refused) return { tone: 'bad', state: 'refused' };
  if (!running) return { tone: 'bad', state: 'not polling' };
  if (paused.throttled) return { tone: 'warn', state: 'paused: throttled' };
  if (rate.current < rate.configured) return { tone: 'warn', state: 'slowed down: throttled' };
  if (inUse?.renewalFails) return { tone: 'warn', state: 'cannot be renewed' };
  return { tone: 'good', state: 'polling' };
}

function discoveryLine(row: DiscoveryStatus, { maxTags, nowMs }: Overview): ConnectionLine {
  const { instanceId, tags, lastSuccessMs, lastError } = row;
  return {
    kind: 'Discovery',
    name: instanceId,
    ...discoveryState(row, maxTags),
    error: lastError,
    facts: (
      <>
        <a href={addressOf({ ...EVERYTHING, sources: ['discovered'], instance: instanceId })}>
          {countText(tags, 'tag')} found
        </a>
        {ruleTexts(row)}
      </>
    ),
    when: lastSuccessMs === undefined ? 'not yet' : <RelativeTime ms={lastSuccessMs} nowMs={nowMs} />,
  };
}

/** The matches of each rule, if there are several, or one without a match. */
function ruleTexts({ rules = [] }: DiscoveryStatus): readonly string[] {
  if (rules.length <= 1 && !rules.some(matchesNothing)) return [];
  return rules.map(({ repositories, tags }, index) => {
    const found = `${countText(repositories, 'repository', 'repositories')}, ${countText(tags, 'tag')}`;
    return `; rule ${index + 1}: ${found}`;
  });
}

function discoveryState(row: DiscoveryStatus, maxTags: number): { tone: Tone; state: string } {
  if (row.lastError !== undefined)
    return isPartial(row) ? { tone: 'warn', state: 'incomplete' } : { tone: 'bad', state: 'failing' };
  if (row.truncated)
    return { tone: 'warn', state: `truncated: more than max_tags (${maxTags.toLocaleString('en-US')})` };
  const empty = (row.rules ?? []).flatMap((rule, index) => (matchesNothing(rule) ? [index + 1] : []));
  if (empty.length > 0) return { tone: 'warn', state: `rule ${empty.join(', ')} matches nothing` };
  return row.lastSuccessMs === undefined ? { tone: 'good', state: 'running' } : { tone: 'good', state: 'complete' };
}

function eventsLine(
  { instanceId, healthy, webhook, feed, lastEventMs, missed }: EventsStatus,
  nowMs: number,
): ConnectionLine {
  const channels = [...(feed === undefined ? [] : ['feed']), ...(webhook ? ['webhook'] : [])].join(', ');
  const reason = feed?.hasRule === false ? 'no event rule: ' : '';
  const state = healthy ? 'healthy' : `${reason}polled at the usual intervals`;
  return {
    kind: 'Events',
    name: instanceId,
    tone: healthy ? 'good' : 'warn',
    state,
    error: feed?.lastError,
    facts: (
      <>
        {channels}, {missed.toLocaleString('en-US')} missed
        {feed?.rulesError === undefined ? null : (
          <>
            ; event rules not listed: <ErrorText error={feed.rulesError} />
          </>
        )}
      </>
    ),
    when: lastEventMs === undefined ? 'no event yet' : <RelativeTime ms={lastEventMs} nowMs={nowMs} />,
  };
}
