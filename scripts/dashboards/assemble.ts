// Converts a dashboard to the JSON that Grafana imports: places and numbers its panels, and adds variables and links.
import type { Dashboard, Panel, Section } from './model.ts';
import { DATASOURCE, variables } from './variables.ts';

/** Grafana 12 and 13. */
const SCHEMA_VERSION = 42;
const HEADING_HEIGHT = 1;

type Placed = { readonly panels: readonly object[]; readonly bottom: number };

/** The dashboard as Grafana's JSON. */
export function assemble({ uid, title, description, links, sections }: Dashboard): object {
  return {
    uid,
    title,
    description,
    tags: ['acr', 'acr-scan-exporter'],
    schemaVersion: SCHEMA_VERSION,
    version: 1,
    editable: true,
    graphTooltip: 1,
    timezone: 'browser',
    refresh: '1m',
    time: { from: 'now-6h', to: 'now' },
    timepicker: {},
    annotations: { list: [] },
    links: links.map(dashboardLink),
    templating: { list: variables() },
    panels: numbered(placed(sections)),
  };
}

function dashboardLink({ title, tooltip, url }: Dashboard['links'][number]): object {
  const inside = url.startsWith('/d/');
  return {
    title,
    tooltip,
    url,
    type: 'link',
    icon: inside ? 'dashboard' : 'doc',
    tags: [],
    asDropdown: false,
    includeVars: inside,
    keepTime: inside,
    targetBlank: !inside,
  };
}

function placed(sections: readonly Section[]): readonly object[] {
  let y = 0;
  const panels: object[] = [];
  for (const { title, rows } of sections) {
    if (title !== undefined) {
      panels.push({ type: 'row', title, collapsed: false, gridPos: { x: 0, y, w: 24, h: HEADING_HEIGHT }, panels: [] });
      y += HEADING_HEIGHT;
    }
    for (const row of rows) {
      const { panels: inRow, bottom } = placedRow(row, y);
      panels.push(...inRow);
      y = bottom;
    }
  }
  return panels;
}

function placedRow(row: readonly Panel[], y: number): Placed {
  let x = 0;
  const panels = row.map(({ w, h, targets, ...panel }) => {
    const gridPos = { x, y, w, h };
    x += w;
    return {
      ...panel,
      gridPos,
      datasource: DATASOURCE,
      targets: targets.map((target) => ({ ...target, datasource: DATASOURCE, editorMode: 'code' })),
    };
  });
  return { panels, bottom: y + Math.max(...row.map(({ h }) => h)) };
}

function numbered(panels: readonly object[]): readonly object[] {
  return panels.map((panel, index) => ({ id: index + 1, ...panel }));
}
