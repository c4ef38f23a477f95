// The first screen: numbers that show whether the exporter works.
import { runbook } from '../links.ts';
import type { InstanceTargets } from '../model.ts';
import { BAD, GOOD, thresholds, WARNING, words } from '../palette.ts';
import { stat, table } from '../panels.ts';
import { LISTED, select } from '../queries.ts';
import { apiErrors, EXPORTER_UP } from '../shared-panels.ts';

/** For panels about credentials. */
export const FOR_CREDENTIALS =
  'For each set of credentials, which the choice of ACR instance and repository does not narrow down.';

const oldestDue = (group: string) => `max(${select('acr_scheduler_oldest_due_seconds', `class="${group}"`)})`;
const rateLimit = (kind: string) => select('acr_scheduler_rate_limit_requests_per_second', `kind="${kind}"`);

export const FIRST_SCREEN: InstanceTargets = {
  rows: [
    [
      EXPORTER_UP,
      stat({
        title: 'Configuration',
        description:
          'Whether the last attempt to load the configuration succeeded, on all chosen exporters. Otherwise the old one is still in force; AcrExporterConfigReloadFailed alerts on it.',
        expr: `min(${select('acr_scan_exporter_config_last_reload_successful')})`,
        unit: 'none',
        mappings: [words({ 0: ['FAILED', BAD], 1: ['OK', GOOD] })],
        links: [runbook('AcrExporterConfigReloadFailed')],
      }),
      stat({
        title: 'Credentials',
        description: `Whether credentials are refused or cannot be had: then nothing is sent with them but a probe now and then. AcrCredentialsRefused alerts on it. ${FOR_CREDENTIALS}`,
        expr: `max(${select('acr_scheduler_paused', 'reason="refused"')})`,
        unit: 'none',
        mappings: [words({ 0: ['OK', GOOD], 1: ['REFUSED', BAD] })],
        links: [runbook('AcrCredentialsRefused')],
      }),
      stat({
        title: 'Rate allowed',
        description: `What throttling has left of the configured rate, where it is least. It is halved when the API throttles and comes back by itself, a tenth every 10 s. Orange below 90 %, where AcrApiThrottled alerts if that lasts. ${FOR_CREDENTIALS}`,
        expr: `min(${rateLimit('current')} / ignoring (kind) ${rateLimit('configured')})`,
        unit: 'percentunit',
        decimals: 0,
        steps: thresholds(WARNING, [0.9, GOOD]),
        links: [runbook('AcrApiThrottled')],
      }),
      apiErrors(),
      stat({
        title: 'Urgent late by',
        description: `How overdue the longest overdue poll of a scan under way, or of a tag never yet answered, is. Red from a minute, four intervals of 15 s: AcrPollingBehind alerts on it. ${FOR_CREDENTIALS}`,
        expr: oldestDue('urgent'),
        unit: 's',
        decimals: 0,
        steps: thresholds(GOOD, [60, BAD]),
        links: [runbook('AcrPollingBehind')],
      }),
      stat({
        title: 'Others late by',
        description: `How overdue the longest overdue poll of a finished scan is. Red from 10 minutes, one interval: AcrPollingBehind alerts on it. ${FOR_CREDENTIALS}`,
        expr: oldestDue('background'),
        unit: 's',
        decimals: 0,
        steps: thresholds(GOOD, [600, BAD]),
        links: [runbook('AcrPollingBehind')],
      }),
      stat({
        title: 'Discovery',
        description:
          'How long ago discovery last listed all it wanted to, of the ACR instance for which that is longest. Red from 15 minutes, three intervals: AcrDiscoveryFailing alerts when that lasts. Before the first success it is the time since the start. Without a value where nothing is discovered.',
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
        description: `Whether tags are being scheduled with every set of credentials. Where they are not, nothing is polled with these; AcrSchedulerStopped fires. ${FOR_CREDENTIALS}`,
        expr: `min(${select('acr_scheduler_running')})`,
        unit: 'none',
        mappings: [words({ 0: ['STOPPED', BAD], 1: ['OK', GOOD] })],
        links: [runbook('AcrSchedulerStopped')],
      }),
      stat({
        title: 'Internal errors',
        description:
          "Errors of the exporter's own code in this time range. The work goes on after each; AcrInternalErrors fires, and the log has the stack.",
        expr: `sum(increase(${select('acr_scan_exporter_internal_errors_total')}[$__range]))`,
        unit: 'none',
        decimals: 0,
        steps: thresholds(GOOD, [0.5, WARNING]),
        links: [runbook('AcrInternalErrors')],
      }),
      stat({
        title: 'Log lines dropped',
        description:
          'Log lines in this time range that were dropped because whatever reads them did not take them. AcrLogLinesDropped fires.',
        expr: `sum(increase(${select('acr_scan_exporter_log_lines_dropped_total')}[$__range]))`,
        unit: 'none',
        decimals: 0,
        steps: thresholds(GOOD, [0.5, WARNING]),
        links: [runbook('AcrLogLinesDropped')],
      }),
      table({
        title: 'Credentials in use',
        description: `What signs the requests, and how many a second are allowed with it at present: the provider, and its role or the shortened id of the access key. An identity that is not the expected one explains errors such as NoPrivilege. ${FOR_CREDENTIALS}`,
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
