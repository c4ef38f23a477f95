// Converts a dashboard to the JSON that Grafana imports: places and numbers its panels, and adds variables and links.
import type { Dashboard, Panel, Section } from './model.ts';
import { DATASOURCE, variables } from './variables.ts';

/** Grafana 12 and 13. */
const SCHEMA_VERSION = 42;
const HEADING_HEIGHT = 1;

/** A panel with its position, or a heading, which holds its panels while it is collapsed. */
type PlacedPanel = Readonly<Record<string, unknown>> & {
  readonly gridPos: object;
  readonly panels?: readonly PlacedPanel[];
};
type Placed = { readonly panels: readonly PlacedPanel[]; readonly bottom: number };

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

function placed(sections: readonly Section[]): readonly PlacedPanel[] {
  let y = 0;
  const panels: PlacedPanel[] = [];
  for (const { title, isCollapsed = false, rows } of sections) {
    const below = placedRows(rows, title === undefined ? y : y + HEADING_HEIGHT);
    const gridPos = { x: 0, y, w: 24, h: HEADING_HEIGHT };
    if (title !== undefined)
      panels.push({ type: 'row', title, collapsed: isCollapsed, gridPos, panels: isCollapsed ? below.panels : [] });
    if (!isCollapsed) panels.push(...below.panels);
    // Grafana moves what follows down when somebody opens the row.
    y = isCollapsed ? y + HEADING_HEIGHT : below.bottom;
  }
  return panels;
}

function placedRows(rows: Section['rows'], top: number): Placed {
  let bottom = top;
  const panels = rows.flatMap((row) => {
    const placed = placedRow(row, bottom);
    bottom = placed.bottom;
    return placed.panels;
  });
  return { panels, bottom };
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

/** Numbers from `first` in the order on the screen. */
function numbered(panels: readonly PlacedPanel[], first = 1): readonly object[] {
  let next = first;
  return panels.map((panel) => {
    const id = next;
    const within = panel.panels === undefined ? undefined : numbered(panel.panels, id + 1);
    next += 1 + (within?.length ?? 0);
    return { id, ...panel, ...(within === undefined ? {} : { panels: within }) };
  });
}
