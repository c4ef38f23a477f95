// The row about events.
import { runbook } from '../links.ts';
import type { Section } from '../model.ts';
import { GOOD, QUANTILE_OVERRIDES, thresholds, WARNING, words } from '../palette.ts';
import { table, timeSeries } from '../panels.ts';
import { quantile, rate, select } from '../queries.ts';

const DELAY = 'acr_events_delay_seconds';

export const EVENTS: Section = {
  title: 'Events',
  rows: [
    [
      timeSeries({
        title: 'Events by outcome',
        description:
          'Events of the registry that arrived per second, by channel and by what became of them (docs/events.md). Without events there are none.',
        w: 7,
        h: 8,
        unit: 'ops',
        look: 'bars',
        series: { '{{channel}} {{outcome}}': `sum by (channel, outcome) (${rate('acr_events_total')}) > 0` },
      }),
      timeSeries({
        title: 'From an event to its answer',
        description:
          'The time from an event to the moment when the answer about its tag is applied: 50 % took at most p50, 99 % at most p99. A feed adds up to its period.',
        w: 6,
        h: 8,
        unit: 's',
        series: { p50: quantile(0.5, DELAY), p90: quantile(0.9, DELAY), p99: quantile(0.99, DELAY) },
        overrides: QUANTILE_OVERRIDES,
        interval: '2m',
        spanNulls: 3_600_000,
      }),
      timeSeries({
        title: 'Missed ends of scans',
        description:
          'Ends of scans per second that polls found and no event announced within a minute, by ACR instance. With too many, tags are polled as without events.',
        w: 6,
        h: 8,
        unit: 'ops',
        look: 'bars',
        series: { '{{instance_id}}': `sum by (instance_id) (${rate('acr_events_missed_total')})` },
      }),
      table({
        title: 'Health',
        description:
          'Whether events stand in for polls of complete tags. Orange: these tags are polled as without events; AcrEventsMissing alerts after 30 minutes, unless a webhook is new.',
        w: 5,
        h: 8,
        noValue: 'No events are configured',
        exprs: [`max by (instance_id) (${select('acr_events_healthy')})`],
        columns: [
          {
            field: 'Value',
            heading: 'Events',
            width: 110,
            unit: 'none',
            properties: [
              { id: 'mappings', value: [words({ 0: ['MISSING', WARNING], 1: ['OK', GOOD] })] },
              { id: 'thresholds', value: thresholds(WARNING, [1, 'transparent']) },
              { id: 'custom.cellOptions', value: { type: 'color-background', mode: 'basic' } },
              { id: 'links', value: [runbook('AcrEventsMissing')] },
            ],
          },
          { field: 'instance_id', heading: 'ACR instance' },
        ],
        sortBy: 'Events',
      }),
    ],
  ],
};
