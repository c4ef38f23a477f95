// The form above the table, which filters the tags.

import { SEVERITIES } from '../../model/scan.ts';
import { SOURCES } from '../overview.ts';
import { statusText } from './texts.ts';
import { addressOf, type SectionProps } from './view.ts';

/** Leaves out filters that match no tag, unless they are set already. */
export function Filter({ overview, view }: SectionProps) {
  const { statuses, severities, sources, text, sort, descending } = view;
  const isFiltered = statuses.length + severities.length + sources.length > 0 || text !== '';
  return (
    <search>
      <form method="get" action="./">
        <Choice label="Status" name="status" choices={Object.keys(overview.totals)} chosen={statuses} />
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
        {sort === 'attention' ? null : <input type="hidden" name="sort" value={sort} />}
        {descending ? <input type="hidden" name="order" value="desc" /> : null}
        <button type="submit">Filter</button>
        {isFiltered ? (
          <a href={addressOf({ ...view, statuses: [], severities: [], sources: [], text: '', page: 1 })}>Show all</a>
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
};

function Choice({ label, name, choices, chosen }: ChoiceProps) {
  return (
    <label>
      {label}
      <select name={name}>
        <option value="">all</option>
        {choices.map((choice) => (
          <option key={choice} value={choice} selected={chosen.includes(choice)}>
            {statusText(choice)}
          </option>
        ))}
      </select>
    </label>
  );
}
