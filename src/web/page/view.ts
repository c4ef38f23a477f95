// What the page at `/` is asked to show, as it stands in its URL: filter, order and page.
import type { TargetRow } from '../overview.ts';
import type { Comparison, TargetQuery } from '../target-query.ts';

export const ROWS_PER_PAGE = 100;

export type View = {
  /** One at the most: the page offers no more. */
  readonly statuses: readonly string[];
  readonly text: string;
  readonly sort: SortKey;
  readonly descending: boolean;
  /** From 1. */
  readonly page: number;
};

/** How soon a person should look at a status. A failed poll comes right after a failed scan. */
const ATTENTION: Readonly<Record<string, number>> = { failed: 0, unknown: 2, retrying: 3, scanning: 4, complete: 5 };

function attention({ status, lastError }: TargetRow): number {
  const rank = ATTENTION[status] ?? 2;
  return lastError === undefined ? rank : Math.min(rank, 1);
}

const NEVER = Number.POSITIVE_INFINITY;

/** The columns that the table can be ordered by. `attention` is the order without any. */
const SORT_VALUES = {
  attention,
  instance: ({ instanceId }: TargetRow) => instanceId,
  repository: ({ repoNamespace, repoName }: TargetRow) => `${repoNamespace}/${repoName}`,
  tag: ({ tag }: TargetRow) => tag,
  status: ({ status }: TargetRow) => status,
  since: ({ sinceMs }: TargetRow) => sinceMs,
  last_poll: ({ lastPollMs }: TargetRow) => lastPollMs ?? NEVER,
  next_poll: ({ nextPollMs }: TargetRow) => nextPollMs ?? NEVER,
  error: ({ lastError }: TargetRow) => lastError?.code ?? '\uffff',
} as const;

export type SortKey = keyof typeof SORT_VALUES;

/** Reads a view; what does not fit falls back, since a person may have typed it. */
export function readView(parameters: URLSearchParams, statuses: readonly string[]): View {
  const sort = parameters.get('sort') ?? '';
  const page = Number(parameters.get('page') ?? '1');
  return {
    statuses: parameters
      .getAll('status')
      .filter((status) => statuses.includes(status))
      .slice(0, 1),
    text: parameters.get('q') ?? '',
    sort: isSortKey(sort) ? sort : 'attention',
    descending: parameters.get('order') === 'desc',
    page: Number.isSafeInteger(page) && page > 0 ? page : 1,
  };
}

/** The address of a view: what is as usual is left out. */
export function addressOf(view: View): string {
  const parameters = new URLSearchParams();
  for (const status of view.statuses) parameters.append('status', status);
  if (view.text !== '') parameters.set('q', view.text);
  if (view.sort !== 'attention') parameters.set('sort', view.sort);
  if (view.descending) parameters.set('order', 'desc');
  if (view.page !== 1) parameters.set('page', String(view.page));
  const text = parameters.toString();
  return text === '' ? '/' : `/?${text}`;
}

export function queryOf({ statuses, text, page }: View): TargetQuery {
  return { statuses, severities: [], sources: [], text, offset: (page - 1) * ROWS_PER_PAGE, limit: ROWS_PER_PAGE };
}

/** The order of a view. Targets that are equal in it stay in the order of the configuration. */
export function comparisonOf({ sort, descending }: View): Comparison {
  const sortValue = SORT_VALUES[sort];
  const sign = descending ? -1 : 1;
  return (one, other) => {
    const [a, b] = [sortValue(one), sortValue(other)];
    return a === b ? 0 : sign * (a < b ? -1 : 1);
  };
}

function isSortKey(text: string): text is SortKey {
  return Object.hasOwn(SORT_VALUES, text);
}
