// What Grafana makes of a dashboard's queries before Prometheus sees them, with `All` chosen everywhere.
import { contentPanels, type Dashboard, type Target } from '../../helpers/dashboards.ts';

export type PanelQuery = {
  /** Title of the panel, and the letter of the query in it. */
  readonly where: string;
  readonly target: Target;
  readonly expression: string;
};

export type Choice = { readonly job: readonly string[]; readonly instance: readonly string[] };

/** Every query of a dashboard, filled in. `window` stands for `$__rate_interval`, `range` for `$__range`. */
export function panelQueries(
  dashboard: Pick<Dashboard, 'panels'>,
  choice: Choice,
  window: string,
  range: string,
): readonly PanelQuery[] {
  return contentPanels(dashboard).flatMap(({ title, targets = [] }) =>
    targets.map((target) => ({
      where: `${title}: ${target.refId}`,
      target,
      expression: fillIn(target.expr, choice).replaceAll('$__rate_interval', window).replaceAll('$__range', range),
    })),
  );
}

/** An expression with values in place of the dashboard's variables. */
export function fillIn(expression: string, { job, instance }: Choice): string {
  return expression
    .replaceAll('"$job"', `"${oneOf(job)}"`)
    .replaceAll('"$instance"', `"${oneOf(instance)}"`)
    .replace(/"\$(instance_id|repo_namespace|repo_name)"/g, '".*"');
}

/** As Grafana writes several values for a regular expression within a string. */
function oneOf(values: readonly string[]): string {
  return `(${values.map((value) => value.replace(/[.*+?^${}()|[\]\\]/g, '\\\\$&')).join('|')})`;
}
