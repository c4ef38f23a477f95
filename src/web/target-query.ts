// Selects targets by the parameters of a URL.
import { setImmediate as turn } from 'node:timers/promises';
import { type PollError, SEVERITIES, type Severity } from '../model/scan.ts';
import { inQuotes } from '../util/invisible-characters.ts';
import { type ItemOrder, OrderedItems } from './item-order.ts';
import { repositoryName, SOURCES, type Source, type TargetList, type TargetRow } from './overview.ts';

/** What a status does not say: a stuck scan, an old answer, a failed poll. */
export const TARGET_PROBLEMS = ['stuck', 'stale', 'errors'] as const;
export type TargetProblem = (typeof TARGET_PROBLEMS)[number];

export type TargetQuery = {
  /** Any of these; all when empty. */
  readonly statuses: readonly string[];
  /** At least one vulnerability of any of these; all when empty. */
  readonly severities: readonly Severity[];
  /** Any of these; all when empty. */
  readonly sources: readonly Source[];
  /** Any of these; all when empty. */
  readonly problems: readonly TargetProblem[];
  /** Of this instance; of all when empty. */
  readonly instance: string;
  /** `NAMESPACE/NAME`; all when empty. */
  readonly repository: string;
  /** All when empty. */
  readonly tag: string;
  /** Words that must all occur in the shown texts of a target, in upper or lower case. */
  readonly text: string;
  readonly offset: number;
  /** Infinity for all. */
  readonly limit: number;
};

/** The number of targets that match, and the requested ones of them. */
export type TargetSelection = { readonly total: number; readonly rows: Iterable<TargetRow> };
export type OrderedSelection = { readonly total: number; readonly rows: readonly TargetRow[] };

export type TargetOrder = ItemOrder<TargetRow>;

/** An invalid parameter. The message names it, the expected and the found value. */
export class ParameterError extends Error {
  override readonly name = 'ParameterError';
}

/**
 * Reads `status`, `severity`, `source` and `problem` (each may be given several times), `instance`, `repository`, `tag`, `q`, `limit` and
 * `offset`, and ignores other parameters.
 *
 * @param statuses all scan statuses
 * @throws {ParameterError}
 */
export function readTargetQuery(parameters: URLSearchParams, statuses: readonly string[]): TargetQuery {
  const limit = readCount(parameters, 'limit', 0);
  return {
    statuses: readChoices(parameters, 'status', statuses),
    severities: readChoices(parameters, 'severity', SEVERITIES),
    sources: readChoices(parameters, 'source', SOURCES),
    problems: readChoices(parameters, 'problem', TARGET_PROBLEMS),
    instance: parameters.get('instance') ?? '',
    repository: parameters.get('repository') ?? '',
    tag: parameters.get('tag') ?? '',
    text: parameters.get('q') ?? '',
    offset: readCount(parameters, 'offset', 0),
    limit: limit === 0 ? Number.POSITIVE_INFINITY : limit,
  };
}

function readChoices<Choice extends string>(
  parameters: URLSearchParams,
  name: string,
  choices: readonly Choice[],
): readonly Choice[] {
  return parameters
    .getAll(name)
    .filter((text) => text !== '')
    .map((text) => {
      const choice = choices.find((each) => each === text);
      if (choice !== undefined) return choice;
      throw new ParameterError(`invalid parameter "${name}": expected ${choices.join(', ')}, found ${inQuotes(text)}`);
    });
}

function readCount(parameters: URLSearchParams, name: string, fallback: number): number {
  const text = parameters.get(name);
  if (text === null || text === '') return fallback;
  if (!/^\d{1,15}$/.test(text)) {
    throw new ParameterError(
      `invalid parameter "${name}": expected a whole number of at least 0, found ${inQuotes(text)}`,
    );
  }
  return Number(text);
}

/** The event loop gets a turn after so many targets. */
const TARGETS_BETWEEN_TURNS = 2_000;

/**
 * The targets that match, in the order of the list. The selection is kept as one bit for each target; each row is made when the caller
 * iterates over it, and can be read once.
 */
export async function selectTargets(targets: TargetList, query: TargetQuery): Promise<TargetSelection> {
  if (isForAll(query)) return { total: targets.length, rows: rowsOf(targets, () => true, query) };
  const chosen = new Uint8Array(Math.ceil(targets.length / 8));
  let total = 0;
  await forEachMatch(targets, query, (_row, index) => {
    chosen[index >> 3] = (chosen[index >> 3] ?? 0) | (1 << (index & 7));
    total += 1;
  });
  const isChosen = (index: number) => ((chosen[index >> 3] ?? 0) & (1 << (index & 7))) !== 0;
  return { total, rows: rowsOf(targets, isChosen, query) };
}

function* rowsOf(
  targets: TargetList,
  isChosen: (index: number) => boolean,
  { offset, limit }: TargetQuery,
): Generator<TargetRow> {
  let seen = 0;
  for (let index = 0; index < targets.length && seen < offset + limit; index += 1) {
    if (!isChosen(index)) continue;
    seen += 1;
    const row = seen > offset ? targets.at(index) : undefined;
    if (row !== undefined) yield row;
  }
}

/** The targets that match, in this order. Of targets that are not asked for, only what orders them is kept. */
export async function selectOrderedTargets(
  targets: TargetList,
  query: TargetQuery,
  order: TargetOrder,
): Promise<OrderedSelection> {
  const matches: number[] = [];
  const ordered = new OrderedItems<TargetRow>(order);
  await forEachMatch(targets, query, (row, index) => {
    matches.push(index);
    ordered.add(row);
  });
  const numbers = await ordered.at(query.offset, query.limit);
  const rows = numbers.flatMap((number) => targets.at(matches[number] ?? 0) ?? []);
  return { total: matches.length, rows };
}

async function forEachMatch(
  targets: TargetList,
  query: TargetQuery,
  take: (row: TargetRow, index: number) => void,
): Promise<void> {
  const matches = matcher(query);
  for (let index = 0; index < targets.length; index += 1) {
    const row = targets.at(index);
    if (row !== undefined && matches(row)) take(row, index);
    if (index % TARGETS_BETWEEN_TURNS === 0) await turn();
  }
}

function isForAll({ statuses, severities, sources, problems, instance, repository, tag, text }: TargetQuery): boolean {
  const choices = statuses.length + severities.length + sources.length + problems.length;
  return choices === 0 && `${instance}${repository}${tag}${text.trim()}` === '';
}

function matcher(query: TargetQuery): (target: TargetRow) => boolean {
  const { statuses, severities, sources, problems, instance, repository, tag: wantedTag, text } = query;
  const words = text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  return (target) => {
    if (instance !== '' && target.instanceId !== instance) return false;
    if (repository !== '' && repositoryName(target) !== repository) return false;
    if (wantedTag !== '' && target.tag !== wantedTag) return false;
    if (problems.length > 0 && !problems.some((problem) => hasProblem(target, problem))) return false;
    if (statuses.length > 0 && !statuses.includes(target.status)) return false;
    if (sources.length > 0 && !sources.includes(target.source)) return false;
    if (severities.length > 0 && !severities.some((severity) => (target.vulnerabilities?.[severity] ?? 0) > 0))
      return false;
    if (words.length === 0) return true;
    const { instanceId, repoNamespace, repoName, repoId, tag, digest, status } = target;
    const errors = errorText(target.lastError) + errorText(target.vulnerabilitiesError);
    const shown =
      `${instanceId} ${repoNamespace}/${repoName}:${tag} ${repoId} ${digest} ${status}${errors}`.toLowerCase();
    return words.every((word) => shown.includes(word));
  };
}

function hasProblem({ stuck, stale, lastError }: TargetRow, problem: TargetProblem): boolean {
  if (problem === 'errors') return lastError !== undefined;
  return problem === 'stuck' ? stuck : stale;
}

function errorText(error: PollError | undefined): string {
  return error === undefined ? '' : ` ${error.code} ${error.message} ${error.requestId}`;
}
