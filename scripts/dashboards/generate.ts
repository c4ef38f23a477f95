// The dashboards as the files that Grafana imports.
import { assemble } from './assemble.ts';
import { EXPORTER_DASHBOARD } from './exporter/dashboard.ts';
import { OVERVIEW_DASHBOARD } from './overview/dashboard.ts';

/** A file of the project: its path from the root, and its text. */
export type DashboardFile = { readonly path: string; readonly text: string };

/** Both dashboards. */
export function generateDashboards(): readonly DashboardFile[] {
  return [OVERVIEW_DASHBOARD, EXPORTER_DASHBOARD].map((dashboard) => ({
    path: `grafana/${dashboard.uid}.json`,
    text: `${JSON.stringify(assemble(dashboard), undefined, 2)}\n`,
  }));
}
