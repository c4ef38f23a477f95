// The row about polls: which tags cannot be polled, and why.
import { OVERVIEW_UID } from '../links.ts';
import type { Section } from '../model.ts';
import { table, timeSeries } from '../panels.ts';
import { LAST_SUCCESS, select, TAG } from '../queries.ts';
import { INSTANCE_COLUMNS, repositoryColumn, withRepository } from '../repository-columns.ts';

const ROWS = 100;
const LAST_ERRORS = `max by (${TAG}, code) (${select('acr_scan_tag_last_error_info')})`;

export const POLLS: Section = {
  title: 'Polls',
  rows: [
    [
      table({
        title: 'Tags whose last poll failed',
        description: `With the error code, and the time since the last answer, which is empty if there was none. At most ${ROWS}. A click on the repository shows its scans. The error of the API is on the page of the exporter, at /?q= and the tag. Needs series of tags: with \`metrics.per_tag: none\` it is empty.`,
        w: 14,
        h: 9,
        noValue: 'No failed poll is known of tags that have series',
        exprs: [
          `topk(${ROWS}, ${LAST_ERRORS})`,
          `time() - ${LAST_SUCCESS} and on (${TAG}) topk(${ROWS}, ${LAST_ERRORS})`,
        ].map(withRepository),
        columns: [
          { field: 'code', heading: 'Code' },
          repositoryColumn(OVERVIEW_UID, 'Scans of this repository'),
          { field: 'tag', heading: 'Tag' },
          { field: 'Value #B', heading: 'Last answer ago', width: 150, unit: 's' },
          ...INSTANCE_COLUMNS,
        ],
        sortBy: 'Last answer ago',
      }),
      timeSeries({
        title: 'Tags by outcome of the last poll',
        description:
          'Tags whose last poll succeeded, and tags whose last poll failed. Tags that were never polled are not counted. Needs series of tags: with `metrics.per_tag: none` it is empty. It reads all series of tags at every step, so a step is 5 minutes.',
        w: 10,
        h: 9,
        interval: '5m',
        unit: 'none',
        noValue: 'No series of tags',
        look: 'stacked',
        series: {
          answered: `sum(max by (${TAG}) (${select('acr_scan_tag_poll_success')}))`,
          failed: `sum(1 - max by (${TAG}) (${select('acr_scan_tag_poll_success')}))`,
        },
      }),
    ],
  ],
};
