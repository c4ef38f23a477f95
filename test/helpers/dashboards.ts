// The dashboards as Grafana reads them.
import { readdirSync, readFileSync } from 'node:fs';

export type GridPos = { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
export type Link = {
  readonly title: string;
  readonly url: string;
  readonly includeVars?: boolean;
  readonly keepTime?: boolean;
};
export type Target = {
  readonly refId: string;
  readonly expr: string;
  readonly legendFormat?: string;
  readonly instant?: boolean;
  readonly range?: boolean;
};
export type FieldProperty = { readonly id: string; readonly value: unknown };
export type Panel = {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: GridPos;
  readonly collapsed?: boolean;
  /** Of a row that is collapsed. */
  readonly panels?: readonly Panel[];
  readonly targets?: readonly Target[];
  readonly fieldConfig?: {
    readonly defaults: { readonly unit?: string; readonly links?: readonly Link[] };
    readonly overrides: readonly { readonly properties: readonly FieldProperty[] }[];
  };
  readonly transformations?: readonly { readonly id: string; readonly options: { readonly includeByName?: object } }[];
};
export type Variable = {
  readonly name: string;
  readonly type: string;
  readonly query: string | { readonly query: string };
  readonly allValue?: string;
};
export type Dashboard = {
  readonly uid: string;
  readonly schemaVersion: number;
  readonly links: readonly Link[];
  readonly templating: { readonly list: readonly Variable[] };
  readonly panels: readonly Panel[];
};

const FOLDER = new URL('../../grafana/', import.meta.url);

/** All dashboards by the names of their files, without `.json`. */
export function readDashboards(): readonly {
  readonly name: string;
  readonly text: string;
  readonly dashboard: Dashboard;
}[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.json'))
    .map((file) => {
      const text = readFileSync(new URL(file, FOLDER), 'utf8');
      return { name: file.replace(/\.json$/, ''), text, dashboard: JSON.parse(text) as Dashboard };
    });
}

/** The panels that show something, those in collapsed rows too: rows are headings. */
export function contentPanels({ panels }: Pick<Dashboard, 'panels'>): readonly Panel[] {
  return panels.flatMap((panel) => (panel.type === 'row' ? (panel.panels ?? []) : [panel]));
}

/** The panels of a row that is collapsed. */
export function panelsIn(title: string, { panels }: Dashboard): readonly Panel[] {
  return panels.find((panel) => panel.type === 'row' && panel.title === title)?.panels ?? [];
}

/** What a variable asks Prometheus for. */
export function queryOf({ query }: Variable): string {
  return typeof query === 'string' ? query : query.query;
}

/** Links of a panel, those of its columns included. */
export function linksOf({ fieldConfig }: Panel): readonly Link[] {
  const overrides = (fieldConfig?.overrides ?? []).flatMap(({ properties }) => properties);
  const ofColumns = overrides.filter(({ id }) => id === 'links').flatMap(({ value }) => value as Link[]);
  return [...(fieldConfig?.defaults.links ?? []), ...ofColumns];
}
