// The page of watched tags written from scratch, line by line as the contract has it: what the cached page is held against. Counts
// and sums are taken anew from the tags.

import type { Repository } from '../../src/model/target.ts';
import type { StateStore, WatchedTag } from '../../src/state/store.ts';

const STATUSES = ['scanning', 'retrying', 'complete', 'failed', 'not_scanned', 'unknown'] as const;

const SEVERITIES = ['high', 'medium', 'low', 'unknown'] as const;

/** All sample lines of tags and repositories, sorted. */
export function naiveLines(store: Pick<StateStore, 'tags'>, perTag: 'full' | 'problems' | 'none' = 'full'): string[] {
  const lines: string[] = [];
  const tagsOf = new Map<Repository, WatchedTag[]>();
  for (const tag of store.tags()) {
    const { repository } = tag.target;
    const known = tagsOf.get(repository);
    if (known) known.push(tag);
    else tagsOf.set(repository, [tag]);
  }
  for (const [repository, tags] of tagsOf) {
    for (const status of STATUSES) {
      const labels = [...repositoryLabels(repository), ['status', status]] as const;
      const count = tags.filter(({ state }) => state.status === status).length;
      lines.push(line('acr_scan_tags', labels, String(count)));
    }
    const found = tags.flatMap(({ state }) => (repository.vulnerabilities && state.vulnerabilities) || []);
    for (const severity of found.length === 0 ? [] : SEVERITIES) {
      const sum = found.reduce((total, each) => total + each[severity], 0);
      lines.push(
        line('acr_scan_vulnerabilities', [...repositoryLabels(repository), ['severity', severity]], String(sum)),
      );
    }
  }
  for (const { target, state } of store.tags()) {
    const { repository, tag, digest } = target;
    const found = repository.vulnerabilities ? state.vulnerabilities : undefined;
    const isFine = state.status === 'complete' && state.lastError === undefined && !(found && found.high > 0);
    if (perTag === 'none' || (perTag === 'problems' && isFine)) continue;
    const labels = [...repositoryLabels(repository), ['tag', tag]] as const;
    const add = (name: string, value: string, ...more: (readonly [string, string])[]) =>
      lines.push(line(`acr_scan_tag_${name}`, [...labels, ...more], value));
    add('status', '1', ['status', state.status]);
    add('status_since_timestamp_seconds', seconds(state.sinceMs));
    if (state.lastSuccessMs !== undefined) add('last_success_timestamp_seconds', seconds(state.lastSuccessMs));
    if (state.lastPollMs !== undefined) add('poll_success', state.lastError === undefined ? '1' : '0');
    if (state.lastError !== undefined) add('last_error_info', '1', ['code', state.lastError.code]);
    for (const severity of found === undefined ? [] : SEVERITIES) {
      add('vulnerabilities', String(found?.[severity]), ['severity', severity]);
    }
    const complete = repository.domain !== '' && repository.namespace !== '' && repository.name !== '';
    const image = `${repository.domain}/${repository.namespace}/${repository.name}:${tag}`;
    const info: [string, string][] = [
      ['repo_id', repository.id],
      ['digest', digest],
      ['scan_service', state.scanService],
      ['image', complete ? image : ''],
    ];
    add('info', '1', ...info);
  }
  return lines.sort();
}

type Labels = readonly (readonly [name: string, value: string])[];

function repositoryLabels({ instanceId, namespace, name }: { instanceId: string; namespace: string; name: string }) {
  return [
    ['instance_id', instanceId],
    ['repo_namespace', namespace],
    ['repo_name', name],
  ] as const;
}

function line(name: string, labels: Labels, value: string): string {
  const text = labels.map(([label, content]) => `${label}="${escaped(content)}"`).join(',');
  return `${name}{${text}} ${value}`;
}

function escaped(text: string): string {
  return text.split('\\').join('\\\\').split('"').join('\\"').split('\n').join('\\n');
}

function seconds(ms: number): string {
  const digits = String(ms).padStart(4, '0');
  return `${digits.slice(0, -3)}.${digits.slice(-3)}`;
}
