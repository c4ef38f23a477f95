// The registry that a scenario describes: instances, their repositories, and tags with their timelines.
import { type Draw, seededDraw, stableHex } from './random.ts';
import { repositoryId, tagNames } from './registry-rules.ts';
import type { RepositorySettings, Scenario, TagSettings } from './scenario.ts';
import {
  type Course,
  fixedCourse,
  freshScanCourse,
  type Phase,
  type ScanTiming,
  scanCourse,
  scriptedCourse,
  Timeline,
} from './timeline.ts';

export type RegistryTag = {
  readonly tag: string;
  readonly digest: string;
  readonly scanService: string;
  /** Bytes. */
  readonly size: number;
  /** The tag's own randomness. */
  readonly draw: Draw;
  timeline: Timeline;
  /** The course of the n-th scan that a task starts; undefined when the status never changes. */
  readonly taskCourse: ((task: number) => Course) | undefined;
  /** How many scans were started by a task. */
  tasks: number;
};

export type RegistryRepository = {
  readonly instanceId: string;
  readonly id: string;
  readonly namespace: string;
  readonly name: string;
  readonly tags: ReadonlyMap<string, RegistryTag>;
};

/** Repositories in the order of the scenario. */
export type RegistryInstance = { readonly id: string; readonly repositories: readonly RegistryRepository[] };

export type Registry = ReadonlyMap<string, RegistryInstance>;

const SMALLEST_IMAGE = 5_000_000;
const LARGEST_IMAGE = 500_000_000;
const DIGEST_LENGTH = 64;

/** Builds the registry; all randomness comes from `seed` and the names of things. */
export function createRegistry(scenario: Scenario, seed: number): Registry {
  const timing: ScanTiming = {
    duration: scenario.scan.duration,
    retryShare: scenario.scan.retry_share,
    retryDuration: scenario.scan.retry_duration,
    failureShare: scenario.scan.failure_share,
    rescanInterval: scenario.scan.rescan_interval,
    scannedShare: scenario.scan.scanned_share,
  };
  return new Map(
    scenario.instances.map(({ id, repositories }) => [
      id,
      { id, repositories: repositories.map((settings) => createRepository(id, settings, timing, seed)) },
    ]),
  );
}

/** A scripted phase list of a scenario in the timeline's own words; without `for`, a phase lasts. */
export function toPhases(phases: NonNullable<TagSettings['timeline']>): readonly Phase[] {
  return phases.map((phase) => ({ status: phase.status, durationMs: phase.for ?? Number.POSITIVE_INFINITY }));
}

function createRepository(
  instanceId: string,
  settings: RepositorySettings,
  timing: ScanTiming,
  seed: number,
): RegistryRepository {
  const id = repositoryId(instanceId, settings);
  const tags = new Map<string, RegistryTag>();
  for (const entry of settings.tags) {
    for (const tag of tagNames(entry)) {
      const draw = seededDraw(seed, instanceId, id, tag);
      tags.set(tag, createTag(tag, typeof entry === 'string' ? undefined : entry, timing, draw, [instanceId, id, tag]));
    }
  }
  return { instanceId, id, namespace: settings.namespace, name: settings.name, tags };
}

function createTag(
  tag: string,
  settings: TagSettings | undefined,
  timing: ScanTiming,
  draw: Draw,
  identity: readonly string[],
): RegistryTag {
  const { first, task } = coursesOf(settings, timing, draw);
  return {
    tag,
    digest: settings?.digest ?? stableHex(DIGEST_LENGTH, 'digest', ...identity),
    scanService: settings?.scan_service ?? 'ACR_SCAN_SERVICE',
    size: Math.round(SMALLEST_IMAGE + (LARGEST_IMAGE - SMALLEST_IMAGE) * draw('size')),
    draw,
    timeline: new Timeline(first, 0),
    taskCourse: task,
    tasks: 0,
  };
}

type Courses = { readonly first: Course; readonly task: ((task: number) => Course) | undefined };

function coursesOf(settings: TagSettings | undefined, timing: ScanTiming, draw: Draw): Courses {
  if (settings?.status !== undefined) return { first: fixedCourse(settings.status), task: undefined };
  if (settings?.timeline) {
    const course = scriptedCourse(toPhases(settings.timeline), settings.repeat);
    return { first: course, task: () => course };
  }
  return {
    first: scanCourse(timing, draw),
    task: (task) => freshScanCourse(timing, (...parts) => draw('task', task, ...parts)),
  };
}
