// The variables that both dashboards share, so that a link from one to the other keeps what is chosen. Each offers what there is within
// the choices of those before it.

/** The data source that is chosen at the top of the dashboard. */
export const DATASOURCE = { type: 'prometheus', uid: '$datasource' };

/** What a variable's query asks for: a family that always has the label, and the variables before it that narrow it down. */
type Choice = {
  readonly name: string;
  readonly label: string;
  readonly description: string;
  readonly family: string;
  readonly within: readonly string[];
  /**
   * Whether `All` means everything, and not the list of what there is. Not so for `job` and `instance`: they also choose among families such
   * as `up` and `process_*`, which other programs have, too.
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
    // Whenever the time range changes: exporters and repositories come and go.
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
