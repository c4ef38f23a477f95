// The columns of tables for the repository of a row.
import { repositoryIn } from './links.ts';
import type { Column } from './panels.ts';

const HIDDEN = [{ id: 'custom.hideFrom.viz', value: true }];

/** Adds one label with the whole name of the repository. */
export function withRepository(expr: string): string {
  return `label_join(${expr}, "repository", "/", "repo_namespace", "repo_name")`;
}

/** The first column: the repository, with a link to the other dashboard. */
export function repositoryColumn(uid: string, title: string): Column {
  return {
    field: 'repository',
    heading: 'Repository',
    properties: [{ id: 'links', value: [repositoryIn(uid, title)] }],
  };
}

/** The last columns: the ACR instance, and hidden fields for the link of the first column. */
export const INSTANCE_COLUMNS: readonly Column[] = [
  { field: 'instance_id', heading: 'ACR instance' },
  { field: 'repo_namespace', heading: 'Namespace', properties: HIDDEN },
  { field: 'repo_name', heading: 'Name', properties: HIDDEN },
];
