// The view of the status page, as its URL gives it: filter, order and page number.

import { SEVERITIES, type Severity } from '../../model/scan.ts';
import { type Overview, SOURCES, type Source, type TargetRow } from '../overview.ts';
import type { Comparison, TargetQuery } from '../target-query.ts';

export const ROWS_PER_PAGE = 100;

export type View = {
  /** At most one value for each of these three filters. */
  readonly statuses: readonly string[];
  readonly severities: readonly Severity[];
  readonly sources: readonly Source[];
  readonly text: string;
  readonly sort: SortKey;
  readonly descending: boolean;
  /** From 1. */
  readonly page: number;
};

/** The properties of a section of the page. */
export type SectionProps = { readonly overview: Overview; readonly view: View };

/** The order of statuses that need attention, the most urgent first. 1 to 3 are the other reasons, in `attention`. */
const ATTENTION: Readonly<Record<string, number>> = {
  failed: 0,
  unknown: 4,
  not_scanned: 5,
  retrying: 6,
  scanning: 7,
  complete: 8,
};

/** A failed scan comes first, then a failed poll, then vulnerabilities of high severity, then a failed request for vulnerabilities. */
function attention({ status, lastError, vulnerabilities, vulnerabilitiesError }: TargetRow): number {
  const rank = ATTENTION[status] ?? 4;
  if (lastError !== undefined) return Math.min(rank, 1);
  if (vulnerabilities !== undefined && vulnerabilities.high > 0) return Math.min(rank, 2);
  return vulnerabilitiesError === undefined ? rank : Math.min(rank, 3);
}

const NEVER = Number.POSITIVE_INFINITY;

/** Unknown numbers come after 0. */
const countOf = (severity: Severity) => (row: TargetRow) => row.vulnerabilities?.[severity] ?? -1;

/** The orders of the table, each by the first value that differs. `attention` is the default. */
const SORT_VALUES = {
  attention: [attention, ({ vulnerabilities }) => -(vulnerabilities?.high ?? 0)],
  instance: [({ instanceId }) => instanceId],
  repository: [({ repoNamespace, repoName }) => `${repoNamespace}/${repoName}`],
  tag: [({ tag }) => tag],
  status: [({ status }) => status],
  vulnerabilities: SEVERITIES.map(countOf),
  since: [({ sinceMs }) => sinceMs],
  last_poll: [({ lastPollMs }) => lastPollMs ?? NEVER],
  next_poll: [({ nextPollMs }) => nextPollMs ?? NEVER],
  error: [({ lastError, vulnerabilitiesError }) => (lastError ?? vulnerabilitiesError)?.code ?? '\uffff'],
} as const satisfies Readonly<Record<string, readonly SortValue[]>>;

type SortValue = (row: TargetRow) => number | string;

export type SortKey = keyof typeof SORT_VALUES;

/** Reads a view. Invalid values become the default, since a person may have typed them. */
export function readView(parameters: URLSearchParams, statuses: readonly string[]): View {
  const sort = parameters.get('sort') ?? '';
  const page = Number(parameters.get('page') ?? '1');
  return {
    statuses: firstOf(parameters.getAll('status'), statuses),
    severities: firstOf(parameters.getAll('severity'), SEVERITIES),
    sources: firstOf(parameters.getAll('source'), SOURCES),
    text: parameters.get('q') ?? '',
    sort: isSortKey(sort) ? sort : 'attention',
    descending: parameters.get('order') === 'desc',
    page: Number.isSafeInteger(page) && page > 0 ? page : 1,
  };
}

function firstOf<Choice extends string>(asked: readonly string[], choices: readonly Choice[]): Choice[] {
  return asked.flatMap((text) => choices.find((choice) => choice === text) ?? []).slice(0, 1);
}

/** The address of a view, without defaults. It is relative to the page, which may be behind a path that only a proxy knows. */
export function addressOf(view: View): string {
  const parameters = new URLSearchParams();
  for (const status of view.statuses) parameters.append('status', status);
  for (const severity of view.severities) parameters.append('severity', severity);
  for (const source of view.sources) parameters.append('source', source);
  if (view.text !== '') parameters.set('q', view.text);
  if (view.sort !== 'attention') parameters.set('sort', view.sort);
  if (view.descending) parameters.set('order', 'desc');
  if (view.page !== 1) parameters.set('page', String(view.page));
  const text = parameters.toString();
  return text === '' ? './' : `./?${text}`;
}

export function queryOf({ statuses, severities, sources, text, page }: View): TargetQuery {
  return { statuses, severities, sources, text, offset: (page - 1) * ROWS_PER_PAGE, limit: ROWS_PER_PAGE };
}

/** The order of a view. Targets that are equal in it stay in the order of the configuration. */
export function comparisonOf({ sort, descending }: View): Comparison {
  const sortValues: readonly SortValue[] = SORT_VALUES[sort];
  const sign = descending ? -1 : 1;
  return (one, other) => {
    for (const sortValue of sortValues) {
      const [a, b] = [sortValue(one), sortValue(other)];
      if (a !== b) return sign * (a < b ? -1 : 1);
    }
    return 0;
  };
}

function isSortKey(text: string): text is SortKey {
  return Object.hasOwn(SORT_VALUES, text);
}
