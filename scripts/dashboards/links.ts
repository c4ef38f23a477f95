// The links of the dashboards.
import type { DataLink } from './model.ts';

export const OVERVIEW_UID = 'acr-scan-overview';
export const EXPORTER_UID = 'acr-scan-exporter';

const RUNBOOK = 'https://github.com/acr-scan-exporter/acr-scan-exporter/blob/main/docs/runbook.md';

/** The section of the runbook about an alert. */
export function runbook(alert: string): DataLink {
  return { title: `Runbook: ${alert}`, url: `${RUNBOOK}#${alert.toLowerCase()}`, targetBlank: true };
}

/** The section of the runbook for the field `state` of the row, `failed` or `stuck`. */
export const RUNBOOK_OF_STATE: DataLink = {
  title: 'Runbook',
  url: `${RUNBOOK}#acrscan\${__data.fields.state}`,
  targetBlank: true,
};

export const RUNBOOK_LINK = { title: 'Runbook', tooltip: 'What each alert means, and what to do', url: RUNBOOK };

/** Another dashboard, with the same variables and time. */
export function dashboardLink(uid: string, title: string): DataLink {
  return { title, url: `/d/${uid}?$__all_variables&$__url_time_range` };
}

/** Another dashboard, for the repository of the row. The data source, the exporter and the time stay the same. */
export function repositoryIn(uid: string, title: string): DataLink {
  const fields = ['instance_id', 'repo_namespace', 'repo_name'];
  const parameters = [
    ...['datasource', 'job', 'instance'].map((name) => `\${${name}:queryparam}`),
    ...fields.map((name) => `var-${name}=\${__data.fields.${name}:percentencode}`),
    '$__url_time_range',
  ];
  return { title, url: `/d/${uid}?${parameters.join('&')}` };
}
