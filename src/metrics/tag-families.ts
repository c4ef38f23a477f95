// The families of watched tags and their repositories, as a table: name, help, labels, and a pure function for the value.

import { shownDigest } from '../model/digest.ts';
import { SCAN_STATUSES, SEVERITIES } from '../model/scan.ts';
import type { PerTag } from '../model/settings.ts';
import type { Repository, Target } from '../model/target.ts';
import { type RepositoryTotals, shownVulnerabilities, type WatchedTag } from '../state/store.ts';
import { escapeLabelValue, formatLabels, formatTimestamp } from './exposition-format.ts';

/** A snapshot of a tag. */
export type TagSnapshot = Readonly<WatchedTag>;
/** A snapshot of a repository with its totals. */
export type RepositorySnapshot = {
  readonly [Key in keyof RepositoryTotals]: Readonly<RepositoryTotals[Key]>;
};

/** Whether a tag has series of its own. */
export function hasSeries(snapshot: TagSnapshot, perTag: PerTag): boolean {
  if (perTag !== 'problems') return perTag === 'full';
  const { status, lastError } = snapshot.state;
  return status !== 'complete' || lastError !== undefined || (shownVulnerabilities(snapshot)?.high ?? 0) > 0;
}

/** A family of gauges with series for each snapshot. */
export type Family<Snapshot> = {
  readonly name: string;
  readonly type: 'gauge';
  readonly help: string;
  readonly labels: readonly string[];
  /** Whether two snapshots with the same common labels have the same lines. */
  readonly same: (before: Snapshot, after: Snapshot) => boolean;
  /** The lines of a snapshot, each ending in a newline; empty for none. `common` are the labels that all families of its kind have. */
  readonly lines: (common: string, snapshot: Snapshot) => string;
};

const REPOSITORY_LABELS = ['instance_id', 'repo_namespace', 'repo_name'] as const;
const TAG_LABELS = [...REPOSITORY_LABELS, 'tag'] as const;

/** The common labels of a tag's families, `instance_id` to `tag`. */
export function tagLabels({ target: { repository, tag } }: TagSnapshot): string {
  return `${labelsOf(repository)},tag="${escapeLabelValue(tag)}"`;
}

/** The common labels of a repository's families, `instance_id` to `repo_name`. */
export function repositoryLabels({ repository }: RepositorySnapshot): string {
  return labelsOf(repository);
}

function labelsOf({ instanceId, namespace, name }: Repository): string {
  const [instance, space, repository] = [instanceId, namespace, name].map(escapeLabelValue);
  return `instance_id="${instance}",repo_namespace="${space}",repo_name="${repository}"`;
}

export const REPOSITORY_FAMILIES: readonly Family<RepositorySnapshot>[] = [
  {
    name: 'acr_scan_tags',
    type: 'gauge',
    help: "Watched image tags of a repository by scan status, as of each tag's last poll.",
    labels: [...REPOSITORY_LABELS, 'status'],
    same: (before, after) => SCAN_STATUSES.every((status) => before.counts[status] === after.counts[status]),
    lines: (common, { counts }) =>
      SCAN_STATUSES.map((status) => `acr_scan_tags{${common},status="${status}"} ${counts[status]}\n`).join(''),
  },
  {
    name: 'acr_scan_vulnerabilities',
    type: 'gauge',
    help: 'Vulnerabilities that the last complete scans of the watched image tags of a repository found, by severity: the sum of the tags for which that is known.',
    labels: [...REPOSITORY_LABELS, 'severity'],
    same: (before, after) =>
      before.summaries > 0 === after.summaries > 0 &&
      SEVERITIES.every((severity) => before.vulnerabilities[severity] === after.vulnerabilities[severity]),
    lines: (common, { summaries, vulnerabilities }) =>
      summaries === 0
        ? ''
        : SEVERITIES.map(
            (severity) => `acr_scan_vulnerabilities{${common},severity="${severity}"} ${vulnerabilities[severity]}\n`,
          ).join(''),
  },
];

export const TAG_FAMILIES: readonly Family<TagSnapshot>[] = [
  tagFamily({
    name: 'acr_scan_tag_status',
    help: 'The scan status of an image tag, as of the last poll: 1 for the present status, no series for the others.',
    labels: ['status'],
    shows: ({ state }) => state.status,
    samples: (status) => [[`,status="${status}"`, '1']],
  }),
  tagFamily({
    name: 'acr_scan_tag_status_since_timestamp_seconds',
    help: 'When this exporter first saw the present scan status of an image tag, as of the last poll; for unknown, when it was added.',
    shows: ({ state }) => state.sinceMs,
    samples: (sinceMs) => [['', formatTimestamp(sinceMs)]],
  }),
  tagFamily({
    name: 'acr_scan_tag_last_success_timestamp_seconds',
    help: 'When the last poll of an image tag that was answered ended.',
    shows: ({ state }) => state.lastSuccessMs,
    samples: (lastSuccessMs) => [['', formatTimestamp(lastSuccessMs)]],
  }),
  tagFamily({
    name: 'acr_scan_tag_poll_success',
    help: 'Whether the last poll of an image tag was answered: 1 or 0, absent before the first.',
    shows: ({ state: { lastPollMs, lastError } }) => (lastPollMs === undefined ? undefined : lastError ? '0' : '1'),
    samples: (success) => [['', success]],
  }),
  tagFamily({
    name: 'acr_scan_tag_last_error_info',
    help: 'Why the last poll of an image tag failed; only while it did.',
    labels: ['code'],
    shows: ({ state }) => state.lastError?.code,
    samples: (code) => [[`,${formatLabels({ code })}`, '1']],
  }),
  tagFamily({
    name: 'acr_scan_tag_info',
    help: 'An image tag and what is known of it, as of the last poll, for joins. Labels are empty where that is not known.',
    labels: ['repo_id', 'digest', 'scan_service', 'image'],
    shows: ({ state }) => state.scanService,
    samples: (scanService, target) => [[`,${infoLabels(scanService, target)}`, '1']],
  }),
  tagFamily({
    name: 'acr_scan_tag_vulnerabilities',
    help: 'Vulnerabilities that the last complete scan of an image tag found, by severity, as of the last time that was asked.',
    labels: ['severity'],
    shows: shownVulnerabilities,
    samples: (found) => SEVERITIES.map((severity) => [`,severity="${severity}"`, String(found[severity])]),
  }),
];

type TagFamilyDefinition<Shown extends string | number | object> = {
  readonly name: string;
  readonly help: string;
  /** In addition to the common ones. */
  readonly labels?: readonly string[];
  /** The value behind the series; undefined when there are none. Objects are compared by identity. */
  readonly shows: (snapshot: TagSnapshot) => Shown | undefined;
  /** For each series its further labels, each after a comma, and its value. */
  readonly samples: (shown: Shown, target: Target) => readonly (readonly [labels: string, value: string])[];
};

function tagFamily<Shown extends string | number | object>(
  definition: TagFamilyDefinition<Shown>,
): Family<TagSnapshot> {
  const { name, help, labels = [], shows, samples } = definition;
  return {
    name,
    type: 'gauge',
    help,
    labels: [...TAG_LABELS, ...labels],
    same: (before, after) => shows(before) === shows(after),
    lines: (common, snapshot) => {
      const shown = shows(snapshot);
      if (shown === undefined) return '';
      let text = '';
      for (const [more, value] of samples(shown, snapshot.target)) text += `${name}{${common}${more}} ${value}\n`;
      return text;
    },
  };
}

function infoLabels(scanService: string, target: Target): string {
  const [id, digest, service, image] = [
    target.repository.id,
    shownDigest(target.digest),
    scanService,
    imageOf(target),
  ].map(escapeLabelValue);
  return `repo_id="${id}",digest="${digest}",scan_service="${service}",image="${image}"`;
}

/** `DOMAIN/NAMESPACE/NAME:TAG`; empty unless all are known. While the namespace is unknown, `name` holds the id. */
function imageOf({ repository: { domain, namespace, name }, tag }: Target): string {
  return domain && namespace && name ? `${domain}/${namespace}/${name}:${tag}` : '';
}
