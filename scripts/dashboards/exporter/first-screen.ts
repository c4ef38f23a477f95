// The first screen: numbers that show whether the exporter works.
import { runbook } from '../links.ts';
import type { Section } from '../model.ts';
import { BAD, GOOD, thresholds, WARNING, words } from '../palette.ts';
import { stat, table } from '../panels.ts';
import { LISTED, select } from '../queries.ts';
import { apiErrors, EXPORTER_UP } from '../shared-panels.ts';

/** For panels about credentials. */
export const FOR_CREDENTIALS =
  'It is about all sets of credentials: the selected ACR instance and repository do not filter them.';

const oldestDue = (group: string) => `max(${select('acr_scheduler_oldest_due_seconds', `class="${group}"`)})`;
const rateLimit = (kind: string) => select('acr_scheduler_rate_limit_requests_per_second', `kind="${kind}"`);

export const FIRST_SCREEN: Section = {
  rows: [
    [
      EXPORTER_UP,
      stat({
        title: 'Configuration',
        description:
          'Whether the last attempt to load the configuration succeeded, on all selected exporters. If not, the old one is still in force; AcrExporterConfigReloadFailed alerts on it.',
        expr: `min(${select('acr_scan_exporter_config_last_reload_successful')})`,
        unit: 'none',
        mappings: [words({ 0: ['FAILED', BAD], 1: ['OK', GOOD] })],
        links: [runbook('AcrExporterConfigReloadFailed')],
      }),
      stat({
        title: 'Credentials',
        description: `Whether credentials are refused or missing: then only probes are sent with them. AcrCredentialsRefused alerts on it. ${FOR_CREDENTIALS}`,
        expr: `max(${select('acr_scheduler_paused', 'reason="refused"')})`,
        unit: 'none',
        mappings: [words({ 0: ['OK', GOOD], 1: ['REFUSED', BAD] })],
        links: [runbook('AcrCredentialsRefused')],
      }),
      stat({
        title: 'Rate allowed',
        description: `The share of the configured rate that throttling has left, for the credentials with the smallest share. It is halved when the API throttles, and recovers by itself, a tenth every 10 s. Orange below 90 %, where AcrApiThrottled alerts if that lasts. ${FOR_CREDENTIALS}`,
        expr: `min(${rateLimit('current')} / ignoring (kind) ${rateLimit('configured')})`,
        unit: 'percentunit',
        decimals: 0,
        steps: thresholds(WARNING, [0.9, GOOD]),
        links: [runbook('AcrApiThrottled')],
      }),
      apiErrors(),
      stat({
        title: 'Urgent late by',
        description: `How long the most overdue poll of a running scan, or of a tag without any answer, has been due. Red from a minute, four intervals of 15 s: AcrPollingBehind alerts on it. ${FOR_CREDENTIALS}`,
        expr: oldestDue('urgent'),
        unit: 's',
        decimals: 0,
        steps: thresholds(GOOD, [60, BAD]),
        links: [runbook('AcrPollingBehind')],
      }),
      stat({
        title: 'Others late by',
        description: `How long the most overdue poll of a finished scan has been due. Red from 10 minutes, one interval: AcrPollingBehind alerts on it. ${FOR_CREDENTIALS}`,
        expr: oldestDue('background'),
        unit: 's',
        decimals: 0,
        steps: thresholds(GOOD, [600, BAD]),
        links: [runbook('AcrPollingBehind')],
      }),
      stat({
        title: 'Discovery',
        description:
          'How long ago a discovery run last succeeded, for the ACR instance with the longest time. Red from 15 minutes, three intervals: AcrDiscoveryFailing alerts if that lasts. Before the first success it is the time since the start. Without a value if there are no discovery rules.',
        expr: `time() - min(${LISTED})`,
        unit: 's',
        decimals: 0,
        steps: thresholds(GOOD, [900, BAD]),
        links: [runbook('AcrDiscoveryFailing')],
      }),
    ],
    [
      stat({
        title: 'Scheduling',
        description: `Whether the schedulers of all sets of credentials run. If one does not run, nothing is polled with its credentials; AcrSchedulerStopped fires. ${FOR_CREDENTIALS}`,
        expr: `min(${select('acr_scheduler_running')})`,
        unit: 'none',
        mappings: [words({ 0: ['STOPPED', BAD], 1: ['OK', GOOD] })],
        links: [runbook('AcrSchedulerStopped')],
      }),
      stat({
        title: 'Internal errors',
        description:
          "Errors of the exporter's own code in this time range. The exporter continues after each; AcrInternalErrors fires, and the log has the stack trace.",
        expr: `sum(increase(${select('acr_scan_exporter_internal_errors_total')}[$__range]))`,
        unit: 'none',
        decimals: 0,
        steps: thresholds(GOOD, [0.5, WARNING]),
        links: [runbook('AcrInternalErrors')],
      }),
      stat({
        title: 'Log lines dropped',
        description:
          'Log lines in this time range that were dropped because their reader stalled or was too slow. AcrLogLinesDropped fires.',
        expr: `sum(increase(${select('acr_scan_exporter_log_lines_dropped_total')}[$__range]))`,
        unit: 'none',
        decimals: 0,
        steps: thresholds(GOOD, [0.5, WARNING]),
        links: [runbook('AcrLogLinesDropped')],
      }),
      table({
        title: 'Credentials in use',
        description: `The provider of the credentials, its role or the shortened id of the access key, and the present rate in requests per second. An identity that is not the expected one explains errors such as NoPrivilege. ${FOR_CREDENTIALS}`,
        w: 15,
        h: 4,
        noValue: 'There are no credentials',
        exprs: [
          `${select('acr_scan_exporter_credentials_info')}
  * on (job, instance, credentials) group_left () ${rateLimit('current')}`,
        ],
        columns: [
          { field: 'credentials', heading: 'Credentials', width: 180 },
          { field: 'provider', heading: 'Provider', width: 130 },
          { field: 'identity', heading: 'Identity' },
          { field: 'Value', heading: 'Allowed', width: 100, unit: 'reqps' },
          { field: 'instance', heading: 'Exporter', width: 180 },
        ],
        sortBy: 'Credentials',
      }),
    ],
  ],
};
