// The row about vulnerabilities, and where most of them are.
import { EXPORTER_UID } from '../links.ts';
import type { Section } from '../model.ts';
import { type Column, table } from '../panels.ts';
import { findings, REPOSITORY, select, TAG } from '../queries.ts';
import { INSTANCE_COLUMNS, repositoryColumn, withRepository } from '../repository-columns.ts';
import { NEEDS_TAGS } from './first-screen.ts';

const REPOSITORIES = 15;
const IMAGES = 25;

/** The vulnerabilities of the rows with the most of high severity. */
function worst(limit: number, by: string, of: (severity: string) => string): readonly string[] {
  const high = `topk(${limit}, sum by (${by}) (${of('high')}) > 0)`;
  const others = ['medium', 'low'].map((severity) => `sum by (${by}) (${of(severity)}) and on (${by}) ${high}`);
  return [high, ...others].map(withRepository);
}

function bars(field: string, heading: string, color: string): Column {
  return {
    field,
    heading,
    width: 110,
    unit: 'none',
    properties: [
      { id: 'color', value: { mode: 'fixed', fixedColor: color } },
      { id: 'custom.cellOptions', value: { type: 'gauge', mode: 'basic', valueDisplayMode: 'text' } },
      { id: 'min', value: 0 },
      { id: 'fieldMinMax', value: true },
    ],
  };
}

const REPOSITORY_COLUMN = repositoryColumn(EXPORTER_UID, 'Polls of this repository');
const COUNTS = [
  bars('Value #A', 'High', 'red'),
  bars('Value #B', 'Medium', 'orange'),
  bars('Value #C', 'Low', 'yellow'),
];

export const VULNERABILITIES: Section = {
  title: 'Vulnerabilities',
  rows: [
    [
      table({
        title: 'Worst repositories',
        description: `The ${REPOSITORIES} repositories with the most findings of high severity, summed up over their watched tags: the more tags, the more findings.`,
        w: 12,
        h: 10,
        noValue: 'No finding of high severity is known',
        exprs: worst(REPOSITORIES, REPOSITORY, findings),
        columns: [REPOSITORY_COLUMN, ...COUNTS, ...INSTANCE_COLUMNS],
        sortBy: 'High',
      }),
      table({
        title: 'Worst images',
        description: `The ${IMAGES} tags with the most findings of high severity. ${NEEDS_TAGS}`,
        w: 12,
        h: 10,
        noValue: 'No finding of high severity is known of tags that have series',
        exprs: worst(
          IMAGES,
          TAG,
          (severity) =>
            `max by (${TAG}, severity) (${select('acr_scan_tag_vulnerabilities', `severity="${severity}"`)})`,
        ),
        columns: [REPOSITORY_COLUMN, { field: 'tag', heading: 'Tag' }, ...COUNTS, ...INSTANCE_COLUMNS],
        sortBy: 'High',
      }),
    ],
  ],
};
