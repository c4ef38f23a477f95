// The form above the table, which filters and sorts the tags.

import { SEVERITIES } from '../../model/scan.ts';
import { SOURCES } from '../overview.ts';
import { TARGET_PROBLEMS, type TargetProblem } from '../target-query.ts';
import { COLUMNS } from './targets-table.tsx';
import { statusText } from './texts.ts';
import { addressOf, EVERYTHING, isFiltered, type SectionProps } from './view.ts';

const PROBLEM_TEXTS: Readonly<Record<TargetProblem, string>> = {
  stuck: 'stuck scan',
  stale: 'stale result',
  errors: 'poll error',
};

/** Leaves out filters that match no tag, unless they are set already. */
export function Filter({ overview, problems, view }: SectionProps) {
  const { instance, repository, tag, statuses, severities, sources, text, sort, descending } = view;
  const kinds = TARGET_PROBLEMS.filter((each) => problems.totals[each].count > 0 || view.problems.includes(each));
  return (
    <search>
      <form method="get" action="./#targets" class="filter">
        <Choice label="Status" name="status" choices={Object.keys(overview.totals)} chosen={statuses} />
        {kinds.length === 0 ? null : (
          <Choice label="Problem" name="problem" choices={kinds} chosen={view.problems} texts={PROBLEM_TEXTS} />
        )}
        {overview.vulnerabilities.wantedTags > 0 || severities.length > 0 ? (
          <Choice label="Severity" name="severity" choices={SEVERITIES} chosen={severities} />
        ) : null}
        {overview.discovery.length > 0 || sources.length > 0 ? (
          <Choice label="Source" name="source" choices={SOURCES} chosen={sources} />
        ) : null}
        <label class="grow">
          Text
          <input type="search" name="q" value={text} placeholder="repository, tag, digest, error code, RequestId" />
        </label>
        <label class="narrow">
          Sort by
          <select name="sort">
            <option value="">problems</option>
            {COLUMNS.map(({ key, title }) => (
              <option key={key} value={key} selected={sort === key}>
                {title.toLowerCase()}
              </option>
            ))}
          </select>
        </label>
        <label class="narrow">
          Order
          <select name="order">
            <option value="">upwards</option>
            <option value="desc" selected={descending}>
              downwards
            </option>
          </select>
        </label>
        {Object.entries({ instance, repository, tag }).map(([name, value]) =>
          value === '' ? null : <input key={name} type="hidden" name={name} value={value} />,
        )}
        <button type="submit">Filter</button>
        {isFiltered(view) ? (
          <a href={addressOf({ ...EVERYTHING, instance, repository, tag, sort, descending })}>Show all</a>
        ) : null}
      </form>
    </search>
  );
}

type ChoiceProps = {
  readonly label: string;
  readonly name: string;
  readonly choices: readonly string[];
  readonly chosen: readonly string[];
  readonly texts?: Readonly<Record<string, string>>;
};

function Choice({ label, name, choices, chosen, texts = {} }: ChoiceProps) {
  return (
    <label>
      {label}
      <select name={name}>
        <option value="">all</option>
        {choices.map((choice) => (
          <option key={choice} value={choice} selected={chosen.includes(choice)}>
            {texts[choice] ?? statusText(choice)}
          </option>
        ))}
      </select>
    </label>
  );
}
