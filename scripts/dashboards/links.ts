// Where links of the dashboards lead.
import type { DataLink } from './model.ts';

export const OVERVIEW_UID = 'acr-scan-overview';
export const EXPORTER_UID = 'acr-scan-exporter';

const RUNBOOK = 'https://github.com/acr-scan-exporter/acr-scan-exporter/blob/main/docs/runbook.md';

/** The chapter of the runbook on an alert. */
export function runbook(alert: string): DataLink {
  return { title: `Runbook: ${alert}`, url: `${RUNBOOK}#${alert.toLowerCase()}`, targetBlank: true };
}

/** The chapter on what the field `state` of the row says, `failed` or `stuck`. */
export const RUNBOOK_OF_STATE: DataLink = {
  title: 'Runbook',
  url: `${RUNBOOK}#acrscan\${__data.fields.state}`,
  targetBlank: true,
};

export const RUNBOOK_LINK = { title: 'Runbook', tooltip: 'What each alert means, and what to do', url: RUNBOOK };

/** Another dashboard, with what is chosen in this one. */
export function dashboardLink(uid: string, title: string): DataLink {
  return { title, url: `/d/${uid}?$__all_variables&$__url_time_range` };
}

/** Another dashboard, narrowed down to the repository of the row. Prometheus and the exporter stay, and so does the time. */
export function repositoryIn(uid: string, title: string): DataLink {
  const fields = ['instance_id', 'repo_namespace', 'repo_name'];
  const parameters = [
    ...['datasource', 'job', 'instance'].map((name) => `\${${name}:queryparam}`),
    ...fields.map((name) => `var-${name}=\${__data.fields.${name}:percentencode}`),
    '$__url_time_range',
  ];
  return { title, url: `/d/${uid}?${parameters.join('&')}` };
}
