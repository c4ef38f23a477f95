// The row about discovery.
import { runbook } from '../links.ts';
import type { Section } from '../model.ts';
import { GOOD, QUANTILE_OVERRIDES, thresholds, WARNING, words } from '../palette.ts';
import { stat, table, timeSeries } from '../panels.ts';
import { LISTED, quantile, select } from '../queries.ts';

const DURATION = 'acr_discovery_duration_seconds';

export const DISCOVERY: Section = {
  title: 'Discovery',
  rows: [
    [
      timeSeries({
        title: 'Discovered tags',
        description: 'Tags that are watched because discovery found them, by ACR instance.',
        w: 5,
        h: 8,
        unit: 'none',
        series: { '{{instance_id}}': `sum by (instance_id) (${select('acr_discovery_tags')})` },
      }),
      timeSeries({
        title: 'Time since last success',
        description:
          'How long ago a discovery run last succeeded, by ACR instance, and with several replicas on the slowest. The line is at 15 minutes, three intervals: beyond it AcrDiscoveryFailing alerts after a while. Before the first success it is the time since the start.',
        w: 5,
        h: 8,
        unit: 's',
        limit: 900,
        series: { '{{instance_id}}': `time() - ${LISTED}` },
      }),
      timeSeries({
        title: 'Duration of runs',
        description:
          'How long discovery runs took over all ACR instances, successful or not. Much of it is waiting for the quota, which scans use first.',
        w: 5,
        h: 8,
        unit: 's',
        series: { p50: quantile(0.5, DURATION), p90: quantile(0.9, DURATION), p99: quantile(0.99, DURATION) },
        overrides: QUANTILE_OVERRIDES,
        interval: '2m',
        spanNulls: 3_600_000,
      }),
      table({
        title: 'Rules',
        description:
          'Repositories that each discovery rule matched in the last successful run. Rules are counted from 1. Orange at 0: nothing is watched because of that rule, AcrDiscoveryRuleMatchesNothing fires after 15 minutes.',
        w: 6,
        h: 8,
        noValue: 'No run has ended',
        exprs: [`sum by (instance_id, rule) (${select('acr_discovery_rule_repositories')})`],
        columns: [
          { field: 'rule', heading: 'Rule', width: 70 },
          {
            field: 'Value',
            heading: 'Repositories',
            width: 110,
            unit: 'none',
            properties: [
              { id: 'thresholds', value: thresholds(WARNING, [1, 'transparent']) },
              { id: 'custom.cellOptions', value: { type: 'color-background', mode: 'basic' } },
              { id: 'links', value: [runbook('AcrDiscoveryRuleMatchesNothing')] },
            ],
          },
          { field: 'instance_id', heading: 'ACR instance' },
        ],
        sortBy: 'Repositories',
      }),
      stat({
        title: 'Limit of tags',
        description:
          'Whether found tags are left out because there are more than `max_tags`. Then some are not watched: raise it, or make the rules match fewer tags.',
        w: 3,
        h: 8,
        unit: 'none',
        valueSize: 32,
        expr: `max(${select('acr_discovery_truncated')})`,
        steps: thresholds(GOOD, [1, WARNING]),
        mappings: [words({ 0: ['OK', GOOD], 1: ['EXCEEDED', WARNING] })],
      }),
    ],
  ],
};
