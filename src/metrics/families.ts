// The families that speak of watched tags and their repositories, as a table: name, labels, help, and what a tag's series shows.

import type { WatchedTag } from '../state/store.ts';
import { SCAN_STATUSES, type ScanStatus, type TagState } from '../state/tag-state.ts';
import type { Repository, Target } from '../watch/target.ts';
import { escapeLabelValue, formatLabels, formatTimestamp } from './text.ts';

/** What a page shows of a tag: its parts at one moment. */
export type TagFacts = Readonly<WatchedTag>;
/** What a page shows of a repository: a copy, since a tally counts on. */
export type TallyFacts = { readonly repository: Repository; readonly counts: Readonly<Record<ScanStatus, number>> };

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
];

export const TAG_FAMILIES: readonly Family<TagFacts>[] = [
  tagFamily({
    name: 'acr_scan_tag_status',
    help: 'The scan status of an image tag, as of the last poll: 1 for the present status, no series for the others.',
    labels: ['status'],
    shows: ({ status }) => status,
    sample: (status) => [`,status="${status}"`, '1'],
  }),
  tagFamily({
    name: 'acr_scan_tag_status_since_timestamp_seconds',
    help: 'When this exporter first saw the present scan status of an image tag, as of the last poll; for unknown, when it was added.',
    shows: ({ sinceMs }) => sinceMs,
    sample: (sinceMs) => ['', formatTimestamp(sinceMs)],
  }),
  tagFamily({
    name: 'acr_scan_tag_last_success_timestamp_seconds',
    help: 'When the last poll of an image tag that was answered ended.',
    shows: ({ lastSuccessMs }) => lastSuccessMs,
    sample: (lastSuccessMs) => ['', formatTimestamp(lastSuccessMs)],
  }),
  tagFamily({
    name: 'acr_scan_tag_poll_success',
    help: 'Whether the last poll of an image tag was answered: 1 or 0, absent before the first.',
    shows: ({ lastPollMs, lastError }) => (lastPollMs === undefined ? undefined : lastError ? '0' : '1'),
    sample: (success) => ['', success],
  }),
  tagFamily({
    name: 'acr_scan_tag_last_error_info',
    help: 'Why the last poll of an image tag failed; only while it did.',
    labels: ['code'],
    shows: ({ lastError }) => lastError?.code,
    sample: (code) => [`,${formatLabels({ code })}`, '1'],
  }),
  tagFamily({
    name: 'acr_scan_tag_info',
    help: 'An image tag and what is known of it, as of the last poll, for joins. Labels are empty where that is not known.',
    labels: ['repo_id', 'digest', 'scan_service', 'image'],
    shows: ({ scanService }) => scanService,
    sample: (scanService, target) => [`,${formatLabels(infoLabels(scanService, target))}`, '1'],
  }),
];

type TagFamilyDefinition<Shown extends string | number> = {
  readonly name: string;
  readonly help: string;
  /** Beside those of every tag family. */
  readonly labels?: readonly string[];
  /** The part of the state that the series shows; undefined when there is no series. */
  readonly shows: (state: TagState) => Shown | undefined;
  /** The labels after the common ones, each led by a comma, and the value. */
  readonly sample: (shown: Shown, target: Target) => readonly [labels: string, value: string];
};

function tagFamily<Shown extends string | number>(definition: TagFamilyDefinition<Shown>): Family<TagFacts> {
  const { name, help, labels = [], shows, sample } = definition;
  return {
    name,
    type: 'gauge',
    help,
    labels: [...TAG_LABELS, ...labels],
    same: (before, after) => shows(before.state) === shows(after.state),
    lines: (common, { target, state }) => {
      const shown = shows(state);
      if (shown === undefined) return '';
      const [more, value] = sample(shown, target);
      return `${name}{${common}${more}} ${value}\n`;
    },
  };
}

function infoLabels(scanService: string, target: Target): Record<string, string> {
  return { repo_id: target.repository.id, digest: target.digest, scan_service: scanService, image: imageOf(target) };
}

/** `DOMAIN/NAMESPACE/NAME:TAG`; empty unless all are known. While the namespace is unknown, so is the name: then it is the id. */
function imageOf({ repository: { domain, namespace, name }, tag }: Target): string {
  return domain && namespace && name ? `${domain}/${namespace}/${name}:${tag}` : '';
}
