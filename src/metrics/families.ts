// The families that speak of watched tags and their repositories, as a table: name, labels, help, and what a tag's series shows.

import { shownDigest } from '../model/digest.ts';
import { SCAN_STATUSES, SEVERITIES } from '../model/scan.ts';
import type { PerTag } from '../model/settings.ts';
import type { Repository, Target } from '../model/target.ts';
import { type RepositoryTally, shownVulnerabilities, type WatchedTag } from '../state/store.ts';
import { escapeLabelValue, formatLabels, formatTimestamp } from './text.ts';

/** What a page shows of a tag: its parts at one moment. */
export type TagFacts = Readonly<WatchedTag>;
/** What a page shows of a repository: a copy, since a tally counts on. */
export type TallyFacts = {
  readonly [Key in keyof RepositoryTally]: Readonly<RepositoryTally[Key]>;
};

/** Whether a tag has series of its own. */
export function hasSeries(facts: TagFacts, perTag: PerTag): boolean {
  if (perTag !== 'problems') return perTag === 'full';
  const { status, lastError } = facts.state;
  return status !== 'complete' || lastError !== undefined || (shownVulnerabilities(facts)?.high ?? 0) > 0;
}

/** A family of gauges whose series come from facts of one kind. `lines` is a pure function. */
export type Family<Facts> = {
  readonly name: string;
  readonly type: 'gauge';
  readonly help: string;
  readonly labels: readonly string[];
  /** Whether both facts show the same in this family, if their common labels are the same. */
  readonly same: (before: Facts, after: Facts) => boolean;
  /** The family's lines, each ending in a newline; empty when it has none. `common` are the labels that all families of these facts have. */
  readonly lines: (common: string, facts: Facts) => string;
};

const REPOSITORY_LABELS = ['instance_id', 'repo_namespace', 'repo_name'] as const;
const TAG_LABELS = [...REPOSITORY_LABELS, 'tag'] as const;

/** The labels that every family of a tag has, `instance_id` to `tag`. */
export function tagLabels({ target: { repository, tag } }: TagFacts): string {
  return `${repositoryLabels(repository)},tag="${escapeLabelValue(tag)}"`;
}

/** The labels that every family of a repository has, `instance_id` to `repo_name`. */
export function tallyLabels({ repository }: TallyFacts): string {
  return repositoryLabels(repository);
}

function repositoryLabels({ instanceId, namespace, name }: Repository): string {
  return formatLabels({ instance_id: instanceId, repo_namespace: namespace, repo_name: name });
}

export const TALLY_FAMILIES: readonly Family<TallyFacts>[] = [
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

export const TAG_FAMILIES: readonly Family<TagFacts>[] = [
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
    samples: (scanService, target) => [[`,${formatLabels(infoLabels(scanService, target))}`, '1']],
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
  /** Beside those of every tag family. */
  readonly labels?: readonly string[];
  /** What the series show; undefined when there are none. Objects are the same when they are one. */
  readonly shows: (facts: TagFacts) => Shown | undefined;
  /** Of each series the labels after the common ones, each led by a comma, and the value. */
  readonly samples: (shown: Shown, target: Target) => readonly (readonly [labels: string, value: string])[];
};

function tagFamily<Shown extends string | number | object>(definition: TagFamilyDefinition<Shown>): Family<TagFacts> {
  const { name, help, labels = [], shows, samples } = definition;
  return {
    name,
    type: 'gauge',
    help,
    labels: [...TAG_LABELS, ...labels],
    same: (before, after) => shows(before) === shows(after),
    lines: (common, facts) => {
      const shown = shows(facts);
      if (shown === undefined) return '';
      return samples(shown, facts.target)
        .map(([more, value]) => `${name}{${common}${more}} ${value}\n`)
        .join('');
    },
  };
}

function infoLabels(scanService: string, target: Target): Record<string, string> {
  return {
    repo_id: target.repository.id,
    digest: shownDigest(target.digest),
    scan_service: scanService,
    image: imageOf(target),
  };
}

/** `DOMAIN/NAMESPACE/NAME:TAG`; empty unless all are known. While the namespace is unknown, so is the name: then it is the id. */
function imageOf({ repository: { domain, namespace, name }, tag }: Target): string {
  return domain && namespace && name ? `${domain}/${namespace}/${name}:${tag}` : '';
}
