// What is wrong, and where: the findings of the page, the worst first.

import { type DiscoveryStatus, matchesNothing, type SchedulerStatus } from '../../model/exporter-status.ts';
import type { ReplicaStatus } from '../../model/replicas.ts';
import {
  type Overview,
  type ProblemSummary,
  type RepositoryProblem,
  type RepositoryRow,
  repositoryName,
} from '../overview.ts';
import { countText, rateText, spanText } from './texts.ts';
import { addressOf, EVERYTHING, type View } from './view.ts';

/** `busy`: nothing is wrong, and the first answers are not there yet. */
export type Tone = 'bad' | 'warn' | 'busy' | 'good';

/** A text with names in it, which are free text. */
export type Part = string | { readonly name: string };

/** One thing that is wrong. The sentence has no full stop. */
export type PageFinding = {
  readonly tone: Tone;
  readonly sentence: readonly Part[];
  /** The sentence in a few words. */
  readonly short: readonly Part[];
  /** What to do about it; empty if there is nothing to do. */
  readonly advice: string;
  /** The address of what shows it. */
  readonly href: string;
};

/** The first finding is the verdict. */
export type Verdict = { readonly first: PageFinding; readonly others: readonly PageFinding[] };

export type VerdictInput = { readonly overview: Overview; readonly problems: ProblemSummary };

/** Polls of the class `urgent` and of the class `background` are late after these times, as in the alert AcrPollingBehind. */
const LATE_AFTER_SECONDS = { urgent: 60, background: 600 };
const MAX_NAMES = 2;
const CONNECTIONS = '#connections';

export function verdictOf(input: VerdictInput): Verdict {
  const findings = FINDERS.flatMap((find) => find(input) ?? []);
  const [first = asExpected(input), ...others] = findings;
  return { first, others };
}

/** The sentence of a finding as plain text. */
export function plainText(parts: readonly Part[]): string {
  return parts.map((part) => (typeof part === 'string' ? part : part.name)).join('');
}

type Finder = (input: VerdictInput) => PageFinding | undefined;

/** The worst first. */
const FINDERS: readonly Finder[] = [
  starting,
  stopped,
  refused,
  notReloaded,
  withoutRedis,
  discoveryFailing,
  inRepositories('failed', 'bad', 'scan', 'failed', 'Scan these images again in ACR.'),
  inRepositories('stuck', 'bad', 'scan', 'stuck for more than 30 min', 'Start these scans again.'),
  late,
  differentReplicas,
  inRepositories('stale', 'warn', 'result', 'without an answer for more than 1 h', 'See why their polls fail.'),
  inRepositories('high', 'warn', 'high-severity vulnerabilit', 'found', 'Fix or replace these images.', ['y', 'ies']),
  inRepositories('errors', 'warn', 'poll', 'failing', 'See their error codes.'),
  withoutStatus,
  inRepositories('not_scanned', 'warn', 'image', 'never scanned', 'Scan them, or add a scan rule.'),
  throttled,
  notRenewed,
  discoveryIncomplete,
  rulesWithoutMatch,
  truncated,
  eventsMissing,
  nothingWatched,
  waiting,
];

function asExpected({ overview: { totals } }: VerdictInput): PageFinding {
  const tags = sum(Object.values(totals));
  const underWay = totals.scanning + totals.retrying;
  const running = underWay === 0 ? '' : `, ${countText(underWay, 'scan')} running`;
  const sentence = [`${tags === 1 ? 'The only tag is' : `All ${countText(tags, 'tag')} are`} as expected${running}`];
  return { tone: 'good', sentence, short: sentence, advice: '', href: addressOf(EVERYTHING) };
}

function starting({ overview: { ready, quota, startedMs, nowMs } }: VerdictInput): PageFinding | undefined {
  if (ready || quota.some(({ running }) => running)) return undefined;
  const sentence = [`Not polling, ${spanText(nowMs - startedMs)} after the start`];
  return {
    tone: nowMs - startedMs < 60_000 ? 'busy' : 'bad',
    sentence,
    short: sentence,
    advice: 'The log says why.',
    href: CONNECTIONS,
  };
}

function stopped({ overview: { quota } }: VerdictInput): PageFinding | undefined {
  const rows = quota.filter(({ running }) => !running);
  if (rows.length === 0 || rows.length === quota.length) return undefined;
  return {
    tone: 'bad',
    sentence: [`Polling has stopped for ${setsText(rows, quota)}: `, ...names(rows.map(credentialsOf))],
    short: [`polling stopped: ${setsText(rows, quota)}`],
    advice: 'The log says why. A restart helps.',
    href: CONNECTIONS,
  };
}

function refused({ overview: { quota } }: VerdictInput): PageFinding | undefined {
  const rows = quota.filter(({ paused }) => paused.refused);
  if (rows.length === 0) return undefined;
  const codes = [...new Set(rows.flatMap(({ refusal }) => refusal?.error.code ?? []))];
  const reason = codes.length === 0 ? '' : `: ${codes.slice(0, MAX_NAMES).join(', ')}`;
  const where: readonly Part[] = quota.length === 1 ? [] : [' (', ...names(rows.map(credentialsOf)), ')'];
  const tags = dueOf(rows);
  const head = quota.length === 1 ? 'The credentials are refused' : `${setsText(rows, quota)} refused`;
  return {
    tone: 'bad',
    sentence: [`${head}${reason}`, ...where],
    short: [head],
    advice: `Check the key or role and its secret.${tags === 0 ? '' : ` ${countText(tags, 'tag')} ${tags === 1 ? 'waits' : 'wait'} for it.`}`,
    href: CONNECTIONS,
  };
}

function notReloaded({ overview: { reloadFailure, nowMs } }: VerdictInput): PageFinding | undefined {
  if (reloadFailure === undefined) return undefined;
  const { problems, timeMs } = reloadFailure;
  const sentence = [
    `The reload of the configuration failed ${spanText(nowMs - timeMs)} ago: ${countText(problems.length, 'problem')} in the file`,
  ];
  return {
    tone: 'bad',
    sentence,
    short: ['configuration not reloaded'],
    advice: 'Correct the file and reload. The previous configuration is in force.',
    href: CONNECTIONS,
  };
}

/** By the code of the error. */
const DISCOVERY_ADVICE: ReadonlyMap<string, string> = new Map([
  ['NoPrivilege', 'Grant the permissions that --config.print-ram-policy prints.'],
  ['ProxyFailure', 'Check the proxy and proxy_url.'],
]);

function discoveryFailing({ overview: { discovery } }: VerdictInput): PageFinding | undefined {
  const rows = discovery.filter((row) => row.lastError !== undefined && !isPartial(row));
  const [first] = rows;
  if (first?.lastError === undefined) return undefined;
  return {
    tone: 'bad',
    sentence: [
      rows.length === 1 ? 'Discovery fails' : `Discovery fails in ${rows.length} of ${discovery.length} instances`,
      `: ${first.lastError.code} (`,
      { name: first.instanceId },
      rows.length === 1 ? ')' : ', …)',
    ],
    short: ['discovery fails'],
    advice: `New tags are not found. ${DISCOVERY_ADVICE.get(first.lastError.code) ?? 'Check the network and the endpoint.'}`,
    href: CONNECTIONS,
  };
}

function inRepositories(
  problem: RepositoryProblem,
  tone: Tone,
  noun: string,
  what: string,
  advice: string,
  [one, many]: readonly [string, string] = ['', 's'],
): Finder {
  return ({ overview, problems }) => {
    const { count, repositories, most } = problems.totals[problem];
    if (count === 0 || most === undefined) return undefined;
    const head = `${countText(count, `${noun}${one}`, `${noun}${many}`)} ${what}`;
    const href =
      repositories === 1 ? addressOf(repositoryView(most, problem, overview)) : addressOf(problemView(problem));
    return { tone, sentence: [head, ...whereText(most, repositories, problem, overview)], short: [head], advice, href };
  };
}

function whereText(
  most: RepositoryRow,
  repositories: number,
  problem: RepositoryProblem,
  overview: Overview,
): readonly Part[] {
  const instance: readonly Part[] = overview.instances > 1 ? [' on ', { name: most.instanceId }] : [];
  const name = { name: repositoryName(most) };
  if (repositories === 1) return [' in ', name, ...instance];
  const number = most.problems[problem].toLocaleString('en-US');
  return [` in ${repositories.toLocaleString('en-US')} repositories, most in `, name, ...instance, ` (${number})`];
}

function late({ overview: { quota }, problems }: VerdictInput): PageFinding | undefined {
  const seconds = ({ oldestDueSeconds: { urgent, background } }: SchedulerStatus) => {
    // First answers come as fast as the quota allows: they are not late.
    const urgentLate = problems.waiting === 0 && urgent > LATE_AFTER_SECONDS.urgent ? urgent : 0;
    return Math.max(urgentLate, background > LATE_AFTER_SECONDS.background ? background : 0);
  };
  const rows = quota.filter((row) => !row.paused.refused && seconds(row) > 0);
  if (rows.length === 0) return undefined;
  const most = spanText(Math.max(...rows.map(seconds)) * 1_000);
  return {
    tone: 'warn',
    sentence: [`Polls are up to ${most} late with ${setsText(rows, quota)}: `, ...names(rows.map(credentialsOf))],
    short: [`polls up to ${most} late`],
    advice: 'Raise requests_per_second or the intervals.',
    href: CONNECTIONS,
  };
}

function withoutStatus({ overview, problems }: VerdictInput): PageFinding | undefined {
  const { count, repositories, most } = problems.totals.unknown;
  const known = Math.max(0, count - problems.waiting);
  // Where their last polls have failed, they are in the sentence about polls.
  if (known <= problems.totals.errors.count || most === undefined) return undefined;
  const head = `${countText(known, 'tag')} without a known status`;
  const where = problems.waiting > 0 ? [] : whereText(most, repositories, 'unknown', overview);
  return {
    tone: 'warn',
    sentence: [head, ...where],
    short: [head],
    advice: 'See the errors of their polls.',
    href: addressOf(problemView('unknown')),
  };
}

function throttled({ overview: { quota } }: VerdictInput): PageFinding | undefined {
  const rows = quota.filter(({ paused, rate }) => paused.throttled || rate.current < rate.configured);
  const [first] = rows;
  if (first === undefined) return undefined;
  const { current, configured } = first.rate;
  return {
    tone: 'warn',
    sentence: [
      `The API throttles ${setsText(rows, quota)}: ${rateText(current)} of ${rateText(configured)} requests a second (`,
      ...names(rows.map(credentialsOf)),
      ')',
    ],
    short: [`${setsText(rows, quota)} throttled`],
    advice: 'Lower requests_per_second, or ask for a higher quota.',
    href: CONNECTIONS,
  };
}

function notRenewed({ overview: { quota } }: VerdictInput): PageFinding | undefined {
  const rows = quota.filter(({ inUse }) => inUse?.renewalFails === true);
  if (rows.length === 0) return undefined;
  return {
    tone: 'warn',
    sentence: [`${setsText(rows, quota)} cannot be renewed: `, ...names(rows.map(credentialsOf))],
    short: [`${setsText(rows, quota)} cannot be renewed`],
    advice: 'They are still valid. The log says why.',
    href: CONNECTIONS,
  };
}

function discoveryIncomplete({ overview: { discovery } }: VerdictInput): PageFinding | undefined {
  const row = discovery.find(isPartial);
  if (row === undefined) return undefined;
  return {
    tone: 'warn',
    sentence: [`Discovery cannot list everything: ${row.lastError?.code ?? ''} (`, { name: row.instanceId }, ')'],
    short: ['discovery incomplete'],
    advice: 'Allow to list these repositories, or exclude them.',
    href: CONNECTIONS,
  };
}

function rulesWithoutMatch({ overview: { discovery } }: VerdictInput): PageFinding | undefined {
  const rows = discovery.flatMap(({ instanceId, rules }) =>
    (rules ?? []).flatMap((rule, index) => (matchesNothing(rule) ? [{ instanceId, rule: index + 1 }] : [])),
  );
  const [first] = rows;
  if (first === undefined) return undefined;
  const head =
    rows.length === 1 ? `Discovery rule ${first.rule} matches nothing` : `${rows.length} discovery rules match nothing`;
  return {
    tone: 'warn',
    sentence: [head, ' (', { name: first.instanceId }, rows.length === 1 ? ')' : ', …)'],
    short: [head.replace('Discovery', 'discovery')],
    advice: 'Correct the rule, or remove it.',
    href: CONNECTIONS,
  };
}

function truncated({ overview: { discovery, maxTags } }: VerdictInput): PageFinding | undefined {
  const row = discovery.find((each) => each.truncated);
  if (row === undefined) return undefined;
  return {
    tone: 'warn',
    sentence: [
      `More tags were found than max_tags allows (${maxTags.toLocaleString('en-US')}): `,
      { name: row.instanceId },
    ],
    short: ['more tags than max_tags'],
    advice: 'Raise max_tags, or narrow the rules.',
    href: CONNECTIONS,
  };
}

function eventsMissing({ overview: { events } }: VerdictInput): PageFinding | undefined {
  const row = events.find(({ healthy, feed, missed }) => {
    return !healthy && (missed > 0 || feed?.lastError !== undefined || feed?.hasRule === false);
  });
  if (row === undefined) return undefined;
  return {
    tone: 'warn',
    sentence: ['Events do not arrive, tags are polled at the usual intervals: ', { name: row.instanceId }],
    short: ['events do not arrive'],
    advice: row.feed?.hasRule === false ? 'Create an event rule in ACR.' : 'Check the event rule in ACR.',
    href: CONNECTIONS,
  };
}

function withoutRedis({ overview: { replica } }: VerdictInput): PageFinding | undefined {
  if (replica?.problem === undefined) return undefined;
  const consequence = replica.isMember ? 'goes on alone' : 'waits to join the others';
  return {
    tone: 'bad',
    sentence: [`No answer from Redis, this replica ${consequence}: `, { name: replica.problem }],
    short: ['no answer from Redis'],
    advice: 'Check Redis and its URL.',
    href: CONNECTIONS,
  };
}

function differentReplicas({ overview: { replica } }: VerdictInput): PageFinding | undefined {
  if (replica === undefined || replica.differs.length === 0) return undefined;
  return {
    tone: 'warn',
    sentence: ['Replicas have different configurations: ', ...names(replica.differs)],
    short: ['replicas with different configurations'],
    advice: 'Give all replicas the same file.',
    href: CONNECTIONS,
  };
}

function nothingWatched({ overview: { totals, discovery, replica } }: VerdictInput): PageFinding | undefined {
  if (sum(Object.values(totals)) > 0) return undefined;
  if (replica !== undefined) return withoutPart(replica);
  const isSearching = discovery.some(({ lastSuccessMs }) => lastSuccessMs === undefined);
  const sentence = [isSearching ? 'Discovery looks for the first tags' : 'No tag is watched'];
  return {
    tone: isSearching ? 'busy' : 'warn',
    sentence,
    short: sentence,
    advice: isSearching ? '' : 'List repositories or add discovery rules.',
    href: addressOf(EVERYTHING),
  };
}

/** Other replicas may watch all there is. */
function withoutPart({ isMember, isConnected, max }: ReplicaStatus): PageFinding {
  const isFull = isConnected && !isMember;
  const sentence = [isFull ? `This replica waits: the group has its ${max} replicas` : 'This replica watches no tag'];
  return {
    tone: isFull ? 'warn' : 'busy',
    sentence,
    short: sentence,
    advice: isFull ? 'Raise replicas.max, or start fewer.' : '',
    href: CONNECTIONS,
  };
}

function waiting({ overview: { totals, quota }, problems }: VerdictInput): PageFinding | undefined {
  // Those of refused credentials are in the sentence about these.
  if (problems.waiting <= dueOf(quota.filter(({ paused }) => paused.refused))) return undefined;
  const all = sum(Object.values(totals));
  const sentence = [
    `${problems.waiting.toLocaleString('en-US')} of ${countText(all, 'tag')} wait for the first answer`,
  ];
  return { tone: 'busy', sentence, short: sentence, advice: '', href: addressOf(problemView('unknown')) };
}

/** Whether the last run succeeded except for repositories that it is not allowed to list. */
export function isPartial({ lastSuccessMs, lastError }: DiscoveryStatus): boolean {
  return lastError !== undefined && lastSuccessMs !== undefined && lastSuccessMs >= lastError.timeMs;
}

/** The tags with a problem, of one repository. */
export function repositoryView(row: RepositoryRow, problem: RepositoryProblem, { instances }: Overview): View {
  const instance = instances > 1 ? row.instanceId : '';
  return { ...problemView(problem), repository: repositoryName(row), instance };
}

/** The tags with a problem. */
function problemView(problem: RepositoryProblem): View {
  if (problem === 'high') return { ...EVERYTHING, severities: ['high'] };
  if (problem === 'failed' || problem === 'unknown' || problem === 'not_scanned')
    return { ...EVERYTHING, statuses: [problem] };
  return { ...EVERYTHING, problems: [problem] };
}

function setsText(rows: readonly SchedulerStatus[], all: readonly SchedulerStatus[]): string {
  if (all.length === 1) return 'the credentials';
  return `${rows.length} of ${all.length} credential sets`;
}

function credentialsOf({ credentials }: SchedulerStatus): string {
  return credentials;
}

function names(all: readonly string[]): readonly Part[] {
  const shown = all.slice(0, MAX_NAMES).flatMap((name, index) => [index === 0 ? '' : ', ', { name }]);
  return all.length > MAX_NAMES ? [...shown, ', …'] : shown;
}

/** How many polls are due. */
function dueOf(rows: readonly SchedulerStatus[]): number {
  return sum(rows.map(({ due }) => due.urgent + due.background));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
