// Panels that are on both dashboards.
import { runbook } from './links.ts';
import type { DataLink, Panel } from './model.ts';
import { BAD, GOOD, thresholds, WARNING, wordBetween, wordForNothing, words } from './palette.ts';
import { stat } from './panels.ts';
import { ERROR_SHARE, select } from './queries.ts';

/** Whether Prometheus can scrape the exporters. */
export const EXPORTER_UP: Panel = stat({
  title: 'Exporter',
  description:
    'Whether the last scrape of the selected exporters succeeded: UP if all did, DOWN if none did, else PARTLY. While it is down, the other panels are empty, and do not show old values. AcrExporterDown alerts on it.',
  expr: `avg(${select('up')})`,
  unit: 'percentunit',
  nothing: wordForNothing('NONE', BAD),
  steps: thresholds(BAD, [1, GOOD]),
  mappings: [words({ 0: ['DOWN', BAD], 1: ['UP', GOOD] }), wordBetween(0.0001, 0.9999, 'PARTLY', WARNING)],
  links: [runbook('AcrExporterDown')],
});

/** The share of requests that fail. `more` are further links. */
export function apiErrors(...more: readonly DataLink[]): Panel {
  return stat({
    title: 'API errors',
    description:
      'Share of the requests to the ACR API that fail at present, for any reason. Orange from 1 %: normally almost all requests succeed. Red from 10 %, where AcrApiErrors alerts on it. AcrApiThrottled alerts on throttled requests, and AcrCredentialsRefused on refused ones.',
    expr: ERROR_SHARE,
    unit: 'percentunit',
    decimals: 1,
    steps: thresholds(GOOD, [0.01, WARNING], [0.1, BAD]),
    links: [...more, ...['AcrApiErrors', 'AcrApiThrottled', 'AcrCredentialsRefused'].map(runbook)],
  });
}
