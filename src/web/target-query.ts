// Which targets a page or the API is asked for: parameters of a URL, and the choice that they make.
import { setImmediate as turn } from 'node:timers/promises';
import type { TargetRow } from './overview.ts';

/** What is asked for. */
export type TargetQuery = {
  /** Any of these; all when empty. */
  readonly statuses: readonly string[];
  /** Words that all must occur in what is shown of a target, whatever their case. */
  readonly text: string;
  readonly offset: number;
  /** Infinity for all. */
  readonly limit: number;
};

/** The number of targets that match, and those that were asked for. */
export type TargetSelection = { readonly total: number; readonly rows: readonly TargetRow[] };

export type Comparison = (one: TargetRow, other: TargetRow) => number;

/** A parameter that does not fit; the message says which, what was expected and what was found. */
export class ParameterError extends Error {
  override readonly name = 'ParameterError';
}

/**
 * Reads `status` (may be given several times), `q`, `limit` and `offset`; other parameters are none of its business.
 *
 * @param statuses all there are
 * @throws {ParameterError}
 */
export function readTargetQuery(parameters: URLSearchParams, statuses: readonly string[]): TargetQuery {
  const asked = parameters.getAll('status').filter((status) => status !== '');
  const strange = asked.find((status) => !statuses.includes(status));
  if (strange !== undefined) {
    throw new ParameterError(
      `invalid parameter "status": expected ${statuses.join(', ')}, found ${JSON.stringify(strange)}`,
    );
  }
  const limit = readCount(parameters, 'limit', 0);
  return {
    statuses: asked,
    text: parameters.get('q') ?? '',
    offset: readCount(parameters, 'offset', 0),
    limit: limit === 0 ? Number.POSITIVE_INFINITY : limit,
  };
}

function readCount(parameters: URLSearchParams, name: string, fallback: number): number {
  const text = parameters.get(name);
  if (text === null || text === '') return fallback;
  if (!/^\d{1,15}$/.test(text)) {
    throw new ParameterError(
      `invalid parameter "${name}": expected a whole number of at least 0, found ${JSON.stringify(text)}`,
    );
  }
  return Number(text);
}

/** After so many targets the event loop gets a turn. */
const TARGETS_BETWEEN_TURNS = 2_000;

/** The targets that match, in the order of `compare`, or as they come without one. */
export async function selectTargets(
  targets: Iterable<TargetRow>,
  query: TargetQuery,
  compare?: Comparison,
): Promise<TargetSelection> {
  const matches = matcher(query);
  const chosen: TargetRow[] = [];
  let seen = 0;
  for (const target of targets) {
    if (matches(target)) chosen.push(target);
    seen += 1;
    if (seen % TARGETS_BETWEEN_TURNS === 0) await turn();
  }
  if (compare !== undefined) chosen.sort(compare);
  return { total: chosen.length, rows: chosen.slice(query.offset, query.offset + query.limit) };
}

function matcher({ statuses, text }: TargetQuery): (target: TargetRow) => boolean {
  const words = text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  return (target) => {
    if (statuses.length > 0 && !statuses.includes(target.status)) return false;
    if (words.length === 0) return true;
    const { instanceId, repoNamespace, repoName, repoId, tag, digest, status, lastError } = target;
    const error = lastError === undefined ? '' : `${lastError.code} ${lastError.message} ${lastError.requestId}`;
    const shown =
      `${instanceId} ${repoNamespace}/${repoName}:${tag} ${repoId} ${digest} ${status} ${error}`.toLowerCase();
    return words.every((word) => shown.includes(word));
  };
}
