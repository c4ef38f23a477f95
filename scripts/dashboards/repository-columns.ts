// How tables show which repository a row is about.
import { repositoryIn } from './links.ts';
import type { Column } from './panels.ts';

const HIDDEN = [{ id: 'custom.hideFrom.viz', value: true }];

/** Gives the rows of a table one label for the repository's whole name. */
export function withRepository(expr: string): string {
  return `label_join(${expr}, "repository", "/", "repo_namespace", "repo_name")`;
}

/** The first column: the repository, which leads to the other dashboard. */
export function repositoryColumn(uid: string, title: string): Column {
  return {
    field: 'repository',
    heading: 'Repository',
    properties: [{ id: 'links', value: [repositoryIn(uid, title)] }],
  };
}

/** The last columns: the ACR instance, and what only the link of the first column needs. */
export const INSTANCE_COLUMNS: readonly Column[] = [
  { field: 'instance_id', heading: 'ACR instance' },
  { field: 'repo_namespace', heading: 'Namespace', properties: HIDDEN },
  { field: 'repo_name', heading: 'Name', properties: HIDDEN },
];
