// The variables of both dashboards. They are the same, so that a link from one to the other keeps their values. The choices of each variable depend on
// the values of those before it.

/** The data source that is chosen at the top of the dashboard. */
export const DATASOURCE = { type: 'prometheus', uid: '$datasource' };

/** The query of a variable: a family that always has the label, and the variables before it, which filter it. */
type Choice = {
  readonly name: string;
  readonly label: string;
  readonly description: string;
  readonly family: string;
  readonly within: readonly string[];
  /**
   * Whether `All` matches everything, instead of the list of values. Not for `job` and `instance`: they also filter families such as `up` and
   * `process_*`, which other programs have too.
   */
  readonly allIsEverything: boolean;
};

const CHOICES: readonly Choice[] = [
  {
    name: 'job',
    label: 'Job',
    description: 'Scrape job of the exporter.',
    family: 'acr_scan_exporter_build_info',
    within: [],
    allIsEverything: false,
  },
  {
    name: 'instance',
    label: 'Exporter',
    description: 'Address at which Prometheus scrapes the exporter.',
    family: 'acr_scan_exporter_build_info',
    within: ['job'],
    allIsEverything: false,
  },
  {
    name: 'instance_id',
    label: 'ACR instance',
    description: 'Id of the registry instance, cri-…',
    family: 'acr_api_request_errors_total',
    within: ['job', 'instance'],
    allIsEverything: true,
  },
  {
    name: 'repo_namespace',
    label: 'Namespace',
    description: 'Namespace of repositories in ACR.',
    family: 'acr_scan_tags',
    within: ['job', 'instance', 'instance_id'],
    allIsEverything: true,
  },
  {
    name: 'repo_name',
    label: 'Repository',
    description: 'Name of the repository, without its namespace.',
    family: 'acr_scan_tags',
    within: ['job', 'instance', 'instance_id', 'repo_namespace'],
    allIsEverything: true,
  },
];

/** The variables as Grafana's JSON. */
export function variables(): readonly object[] {
  const datasource = {
    name: 'datasource',
    label: 'Prometheus',
    type: 'datasource',
    query: 'prometheus',
    description: 'Data source of all panels.',
    hide: 0,
    refresh: 1,
    regex: '',
    multi: false,
    includeAll: false,
    options: [],
    current: {},
  };
  return [datasource, ...CHOICES.map(queryVariable)];
}

function queryVariable({ name, label, description, family, within, allIsEverything }: Choice): object {
  const matchers = within.map((each) => `${each}=~"$${each}"`).join(', ');
  const query = `label_values(${family}${matchers === '' ? '' : `{${matchers}}`}, ${name})`;
  return {
    name,
    label,
    description,
    type: 'query',
    datasource: DATASOURCE,
    query: { query, refId: `variable-${name}`, qryType: 1 },
    hide: 0,
    regex: '',
    // When the time range changes, because exporters and repositories change over time.
    refresh: 2,
    // Natural, ascending.
    sort: 7,
    multi: true,
    includeAll: true,
    ...(allIsEverything ? { allValue: '.*' } : {}),
    options: [],
    current: { text: ['All'], value: ['$__all'] },
  };
}
