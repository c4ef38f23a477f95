// The view of the status page, as its URL gives it: filter, order and page number.

import { type ScanStatus, SEVERITIES, type Severity } from '../../model/scan.ts';
import {
  type Overview,
  type ProblemSummary,
  SOURCES,
  type Source,
  type TargetDetails,
  type TargetRow,
} from '../overview.ts';
import { TARGET_PROBLEMS, type TargetOrder, type TargetProblem, type TargetQuery } from '../target-query.ts';

export const ROWS_PER_PAGE = 100;
/** As many as fit beside the credentials on the first screen. */
const WORST_REPOSITORIES = 6;

export type View = {
  /** Whether the table has the repositories with problems, instead of tags. */
  readonly byRepository: boolean;
  /** Only tags of this instance, this repository (`NAMESPACE/NAME`), this name; empty for all. */
  readonly instance: string;
  readonly repository: string;
  readonly tag: string;
  /** At most one value for each of these four filters. */
  readonly statuses: readonly string[];
  readonly severities: readonly Severity[];
  readonly sources: readonly Source[];
  readonly problems: readonly TargetProblem[];
  readonly text: string;
  readonly sort: SortKey;
  readonly descending: boolean;
  /** From 1. */
  readonly page: number;
};

/** The properties of a section of the page. */
export type SectionProps = { readonly overview: Overview; readonly problems: ProblemSummary; readonly view: View };

/** A single tag, for the view of it. */
export type ShownTag = { readonly row: TargetRow; readonly details: TargetDetails };

/** The order of statuses that need attention, the most urgent first. 1 to 5 are the other reasons, in `attention`. */
const ATTENTION: Readonly<Record<ScanStatus, number>> = {
  failed: 0,
  unknown: 6,
  not_scanned: 7,
  retrying: 8,
  scanning: 9,
  complete: 10,
};

/**
 * A failed scan comes first, then a stuck one, an old answer, a failed poll, vulnerabilities of high severity, and a failed request for
 * vulnerabilities.
 */
function attention({ status, stuck, stale, lastError, vulnerabilities, vulnerabilitiesError }: TargetRow): number {
  const rank = ATTENTION[status];
  if (stuck) return Math.min(rank, 1);
  if (stale) return Math.min(rank, 2);
  if (lastError !== undefined) return Math.min(rank, 3);
  if (vulnerabilities !== undefined && vulnerabilities.high > 0) return Math.min(rank, 4);
  return vulnerabilitiesError === undefined ? rank : Math.min(rank, 5);
}

/** Unknown numbers come after 0. */
const countOf = (severity: Severity) => (row: TargetRow) => row.vulnerabilities?.[severity] ?? -1;

/** The view of everything, in the default order. */
export const EVERYTHING: View = {
  byRepository: false,
  instance: '',
  repository: '',
  tag: '',
  statuses: [],
  severities: [],
  sources: [],
  problems: [],
  text: '',
  sort: 'attention',
  descending: false,
  page: 1,
};

/** The orders of the table, each by the first value that differs. `attention` is the default. */
const SORT_VALUES = {
  attention: [attention, ({ vulnerabilities }) => -(vulnerabilities?.high ?? 0)],
  instance: [({ instanceId }) => instanceId],
  repository: [({ repoNamespace }) => repoNamespace, ({ repoName }) => repoName],
  tag: [({ tag }) => tag],
  status: [({ status }) => ATTENTION[status]],
  vulnerabilities: SEVERITIES.map(countOf),
  since: [({ sinceMs }) => sinceMs],
  last_poll: [({ lastPollMs }) => lastPollMs],
  next_poll: [({ nextPollMs }) => nextPollMs],
  error: [({ lastError, vulnerabilitiesError }) => (lastError ?? vulnerabilitiesError)?.code],
} as const satisfies Readonly<Record<string, TargetOrder['values']>>;

export type SortKey = keyof typeof SORT_VALUES;

/** Reads a view. Invalid values become the default, since a person may have typed them. */
export function readView(parameters: URLSearchParams, statuses: readonly string[]): View {
  const sort = parameters.get('sort') ?? '';
  const page = Number(parameters.get('page') ?? '1');
  return {
    byRepository: parameters.get('by') === 'repository',
    instance: parameters.get('instance') ?? '',
    repository: parameters.get('repository') ?? '',
    tag: parameters.get('tag') ?? '',
    statuses: firstOf(parameters.getAll('status'), statuses),
    severities: firstOf(parameters.getAll('severity'), SEVERITIES),
    sources: firstOf(parameters.getAll('source'), SOURCES),
    problems: firstOf(parameters.getAll('problem'), TARGET_PROBLEMS),
    text: parameters.get('q') ?? '',
    sort: isSortKey(sort) ? sort : 'attention',
    descending: parameters.get('order') === 'desc',
    page: Number.isSafeInteger(page) && page > 0 ? page : 1,
  };
}

function firstOf<Choice extends string>(asked: readonly string[], choices: readonly Choice[]): Choice[] {
  return asked.flatMap((text) => choices.find((choice) => choice === text) ?? []).slice(0, 1);
}

/**
 * The address of a view, without defaults, and with the place of the table. It is relative to the page, which may be behind a path that only a
 * proxy knows.
 */
export function addressOf(view: View): string {
  const text = parametersOf(view).toString();
  return text === '' ? './#targets' : `./?${text}#targets`;
}

/** The parameters of a view, without defaults. */
export function parametersOf(view: View): URLSearchParams {
  const parameters = new URLSearchParams();
  if (view.byRepository) parameters.set('by', 'repository');
  for (const name of ['instance', 'repository', 'tag'] as const)
    if (view[name] !== '') parameters.set(name, view[name]);
  for (const problem of view.problems) parameters.append('problem', problem);
  for (const status of view.statuses) parameters.append('status', status);
  for (const severity of view.severities) parameters.append('severity', severity);
  for (const source of view.sources) parameters.append('source', source);
  if (view.text !== '') parameters.set('q', view.text);
  if (view.sort !== 'attention') parameters.set('sort', view.sort);
  if (view.descending) parameters.set('order', 'desc');
  if (view.page !== 1) parameters.set('page', String(view.page));
  return parameters;
}

/** Whether the view leaves tags out, besides those of other repositories. */
export function isFiltered({ statuses, severities, sources, problems, text }: View): boolean {
  return statuses.length + severities.length + sources.length + problems.length > 0 || text !== '';
}

export function queryOf(view: View): TargetQuery {
  const { instance, repository, tag, statuses, severities, sources, problems, text, page } = view;
  const range = { offset: (page - 1) * ROWS_PER_PAGE, limit: ROWS_PER_PAGE };
  return { instance, repository, tag, statuses, severities, sources, problems, text, ...range };
}

/** Which of the repositories with problems the view shows. */
export function repositoryRangeOf({ byRepository, page }: View): { readonly offset: number; readonly limit: number } {
  if (!byRepository) return { offset: 0, limit: WORST_REPOSITORIES };
  return { offset: (page - 1) * ROWS_PER_PAGE, limit: ROWS_PER_PAGE };
}

/** The order of a view. Targets that are equal in it stay in the order of the configuration. */
export function orderOf({ sort, descending }: View): TargetOrder {
  return { values: SORT_VALUES[sort], descending };
}

function isSortKey(text: string): text is SortKey {
  return Object.hasOwn(SORT_VALUES, text);
}
