// The row about running scans and the duration of scans.
import type { Section } from '../model.ts';
import { BAD, NEUTRAL, QUANTILE_OVERRIDES, thresholds } from '../palette.ts';
import { barGauge, stat, timeSeries } from '../panels.ts';
import { quantile, quantileOfRange, STUCK_AFTER_SECONDS, secondsInStatus } from '../queries.ts';
import { NEEDS_TAGS } from './first-screen.ts';

const DURATION = 'acr_scan_duration_seconds';
const MEASURED =
  'It is measured from the first answer with a running scan to the answer with its end. A scan that already ran when the exporter started is not measured.';
const ONE_HOUR_MS = 3_600_000;

export const SCANS: Section = {
  title: 'Scans',
  rows: [
    [
      barGauge({
        title: 'Longest under way',
        description: `The ten scans that have been scanning or retrying for the longest time, in their present status. Red from 30 minutes, AcrScanStuck. ${NEEDS_TAGS}`,
        w: 8,
        h: 9,
        unit: 's',
        noValue: 'No scan under way is known of tags that have series',
        expr: `topk(10, ${secondsInStatus('scanning|retrying')})`,
        name: '{{repo_namespace}}/{{repo_name}}:{{tag}}',
        steps: thresholds(NEUTRAL, [STUCK_AFTER_SECONDS, BAD]),
      }),
      timeSeries({
        title: 'Scan duration',
        description: `The duration of scans that ended: 50 % took at most p50, 99 % at most p99. ${MEASURED} The steps of the histogram are 15 s, 30 s, 1, 2, 5, 10, 20, 30 minutes, 1 and 2 hours; between them the value is interpolated. The line is at 30 minutes, where AcrScanStuck alerts on a scan.`,
        w: 12,
        h: 9,
        unit: 's',
        noValue: 'No scan was seen to end',
        series: { p50: quantile(0.5, DURATION), p90: quantile(0.9, DURATION), p99: quantile(0.99, DURATION) },
        overrides: QUANTILE_OVERRIDES,
        interval: '2m',
        spanNulls: ONE_HOUR_MS,
      }),
      stat({
        title: 'In this range',
        description: `Scan duration over the whole time range of the dashboard. ${MEASURED}`,
        w: 4,
        h: 9,
        unit: 's',
        decimals: 1,
        expr: {
          p50: quantileOfRange(0.5, DURATION),
          p90: quantileOfRange(0.9, DURATION),
          p99: quantileOfRange(0.99, DURATION),
        },
      }),
    ],
  ],
};
