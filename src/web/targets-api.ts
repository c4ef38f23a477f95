// `GET /api/v1/targets`: the watched tags as JSON, in the shape of Prometheus' own API.

import type { PollError, Vulnerabilities } from '../model/scan.ts';
import type { TargetRow } from './overview.ts';
import type { TargetSelection } from './target-query.ts';

const TARGETS_PER_PIECE = 100;

/** The body of the answer, in pieces, since 100,000 targets are 40 MB. */
export function* renderTargets({ total, rows }: TargetSelection): Generator<string> {
  yield `{"status":"success","data":{"total":${total},"targets":[`;
  let comma = '';
  let piece: string[] = [];
  for (const row of rows) {
    piece.push(JSON.stringify(asTarget(row)));
    if (piece.length < TARGETS_PER_PIECE) continue;
    yield comma + piece.join(',');
    comma = ',';
    piece = [];
  }
  if (piece.length > 0) yield comma + piece.join(',');
  yield ']}}\n';
}

/** The body of the answer to an invalid parameter. */
export function renderBadData(message: string): string {
  return `${JSON.stringify({ status: 'error', errorType: 'bad_data', error: message })}\n`;
}

function asTarget(row: TargetRow) {
  const { instanceId, repoNamespace, repoName, repoId, tag, digest, status, source } = row;
  const { sinceMs, lastPollMs, lastSuccessMs, nextPollMs, lastError, vulnerabilities, vulnerabilitiesError } = row;
  return {
    instanceId,
    repoNamespace,
    repoName,
    repoId,
    tag,
    digest,
    status,
    since: isoTime(sinceMs),
    lastPoll: isoTime(lastPollMs),
    lastSuccess: isoTime(lastSuccessMs),
    nextPoll: isoTime(nextPollMs),
    lastError: asError(lastError),
    source,
    vulnerabilities: vulnerabilities === undefined ? null : asCounts(vulnerabilities),
    vulnerabilitiesError: asError(vulnerabilitiesError),
  };
}

function asCounts({ high, medium, low, unknown }: Vulnerabilities) {
  return { high, medium, low, unknown };
}

function asError(error: PollError | undefined) {
  if (error === undefined) return null;
  const { code, message, requestId, timeMs } = error;
  return { code, message, requestId, time: isoTime(timeMs) };
}

function isoTime(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
