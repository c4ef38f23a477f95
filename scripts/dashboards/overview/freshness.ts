// The row about the age of results.
import type { Section } from '../model.ts';
import { BAD, colored, NEUTRAL, thresholds } from '../palette.ts';
import { barGauge, timeSeries } from '../panels.ts';
import { LAST_SUCCESS, STALE_AFTER_SECONDS, select, TAG } from '../queries.ts';
import { NEEDS_TAGS } from './first-screen.ts';

export const FRESHNESS: Section = {
  title: 'Freshness',
  rows: [
    [
      timeSeries({
        title: 'Age of the last answer',
        description: `The time since the last answer for tags: the median, the time for nine of ten tags, and the oldest. Normal is up to the interval for finished scans, 10 minutes by default, and 6 hours while events are healthy. The line is at an hour, where AcrScanResultsStale alerts on a tag; while events are healthy, only if its last poll failed. ${NEEDS_TAGS} It reads all series of tags at every step, so a step is 5 minutes.`,
        w: 8,
        h: 9,
        interval: '5m',
        unit: 's',
        noValue: 'No series of tags',
        series: {
          oldest: `time() - min(${LAST_SUCCESS})`,
          'nine of ten': `time() - quantile(0.1, ${LAST_SUCCESS})`,
          median: `time() - quantile(0.5, ${LAST_SUCCESS})`,
        },
        overrides: [colored('oldest', 'red'), colored('nine of ten', 'orange'), colored('median', 'blue')],
      }),
      barGauge({
        title: 'Longest without an answer',
        description: `The ten tags whose last answer is oldest. Red from an hour, AcrScanResultsStale, which while events are healthy is only about tags whose last poll failed. Tags that were never answered are not here: they are unknown. ${NEEDS_TAGS}`,
        w: 8,
        h: 9,
        unit: 's',
        noValue: 'No series of tags',
        expr: `topk(10, time() - ${LAST_SUCCESS})`,
        name: '{{repo_namespace}}/{{repo_name}}:{{tag}}',
        steps: thresholds(NEUTRAL, [STALE_AFTER_SECONDS, BAD]),
      }),
      timeSeries({
        title: 'Tags whose last poll failed',
        description: `By error code. The status of these tags is from an earlier poll. docs/metrics.md explains the codes. ${NEEDS_TAGS}`,
        w: 8,
        h: 9,
        unit: 'none',
        noValue: 'No failed poll is known of tags that have series',
        look: 'bars',
        series: { '{{code}}': `count by (code) (max by (${TAG}, code) (${select('acr_scan_tag_last_error_info')}))` },
      }),
    ],
  ],
};
