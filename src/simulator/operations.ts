// What each operation answers, with the field names and types of the real API.
import { businessFailure, missing } from './failure.ts';
import { pageOf } from './paging.ts';
import { type Action, PARAMETERS, type Parameters } from './parameters.ts';
import type { Registry, RegistryInstance, RegistryRepository, RegistryTag } from './registry.ts';
import { Timeline } from './timeline.ts';

/** When a request is answered: since the simulator started, and when that was. */
export type Instant = { readonly elapsedMs: number; readonly startedAtMs: number };

type Fields = Readonly<Record<string, unknown>>;
type Operation = (registry: Registry, parameters: Parameters, instant: Instant) => Fields;

const DAY_MS = 86_400_000;
const OLDEST_DAYS = 365;

const OPERATIONS: Readonly<Record<Action, Operation>> = {
  GetRepoTagScanStatus: (registry, parameters, { elapsedMs }) => {
    const tag = findTag(registry, parameters);
    return { Status: tag.timeline.at(elapsedMs).status, ScanService: tag.scanService };
  },
  GetRepoTagScanSummary: (registry, parameters, { elapsedMs }) => severities(findTag(registry, parameters), elapsedMs),
  GetRepository: (registry, parameters, instant) => describeRepository(findRepository(registry, parameters), instant),
  ListRepository: (registry, parameters, instant) => {
    const { RepoNamespaceName: namespace, RepoName: name, RepoStatus: status = 'ALL' } = parameters;
    const found = findInstance(registry, parameters).repositories.filter(
      (repository) =>
        (!namespace || repository.namespace === namespace) &&
        (!name || repository.name === name) &&
        (status === 'ALL' || status === '' || status === 'NORMAL'),
    );
    const { items, ...page } = pageOf(found, parameters);
    return { ...page, Repositories: items.map((repository) => describeRepository(repository, instant)) };
  },
  ListRepoTag: (registry, parameters, instant) => {
    const { items, ...page } = pageOf([...findRepository(registry, parameters).tags.values()], parameters);
    return { ...page, Images: items.map((tag) => describeTag(tag, instant)) };
  },
  CreateRepoTagScanTask: (registry, parameters, { elapsedMs }) => {
    startScan(findTag(registry, parameters), elapsedMs);
    return {};
  },
};

/** Performs an operation; throws an {@link ApiFailure} when something is missing or does not exist. */
export function perform(action: Action, registry: Registry, parameters: Parameters, instant: Instant): Fields {
  const absent = PARAMETERS[action].required.find((name) => !parameters[name]);
  if (absent !== undefined) throw missing(absent);
  return OPERATIONS[action](registry, parameters, instant);
}

/** The repository that parameters name, by its id or by its names; undefined when there is none. */
export function namedRepository(registry: Registry, parameters: Parameters): RegistryRepository | undefined {
  const { InstanceId = '', RepoId, RepoNamespaceName, RepoName } = parameters;
  return registry
    .get(InstanceId)
    ?.repositories.find(({ id, namespace, name }) =>
      RepoId ? id === RepoId : namespace === RepoNamespaceName && name === RepoName,
    );
}

function findInstance(registry: Registry, { InstanceId = '' }: Parameters): RegistryInstance {
  const instance = registry.get(InstanceId);
  if (!instance) throw businessFailure('INSTANCE_NOT_EXIST', 'The instance does not exist.');
  return instance;
}

function findRepository(registry: Registry, parameters: Parameters): RegistryRepository {
  const instance = findInstance(registry, parameters);
  const { RepoId, RepoNamespaceName, RepoName } = parameters;
  if (!RepoId) {
    if (!RepoName && !RepoNamespaceName) throw missing('RepoId');
    if (!RepoNamespaceName) throw missing('RepoNamespaceName');
    if (!RepoName) throw missing('RepoName');
    if (!instance.repositories.some(({ namespace }) => namespace === RepoNamespaceName)) {
      throw businessFailure('NAMESPACE_NOT_EXIST', 'The namespace does not exist.');
    }
  }
  const repository = namedRepository(registry, parameters);
  if (!repository) throw businessFailure('REPO_NOT_EXIST', 'The repository does not exist.');
  return repository;
}

function findTag(registry: Registry, parameters: Parameters): RegistryTag {
  const tag = findRepository(registry, parameters).tags.get(parameters.Tag ?? '');
  if (!tag) throw businessFailure('TAG_NOT_EXIST', 'The tag does not exist.');
  return tag;
}

/** Starts a scan now; one that is running goes on, and a status that never changes stays. */
function startScan(tag: RegistryTag, elapsedMs: number): void {
  const { status } = tag.timeline.at(elapsedMs);
  if (!tag.taskCourse || status === 'SCANNING' || status === 'RETRYING') return;
  tag.tasks++;
  tag.timeline = new Timeline(tag.taskCourse(tag.tasks), elapsedMs);
}

/** How many vulnerabilities a finished scan found; none before. */
function severities({ draw, timeline }: RegistryTag, elapsedMs: number): Fields {
  const isScanned = timeline.at(elapsedMs).status === 'COMPLETE';
  const count = (severity: string, most: number) => (isScanned ? Math.floor(draw(severity) * (most + 1)) : 0);
  const [high, medium, low, unknown] = [count('high', 5), count('medium', 20), count('low', 60), count('unknown', 2)];
  return {
    HighSeverity: high,
    MediumSeverity: medium,
    LowSeverity: low,
    UnknownSeverity: unknown,
    TotalSeverity: high + medium + low + unknown,
  };
}

function describeRepository({ instanceId, id, namespace, name }: RegistryRepository, { startedAtMs }: Instant): Fields {
  const time = Math.floor(startedAtMs - OLDEST_DAYS * DAY_MS);
  return {
    InstanceId: instanceId,
    RepoId: id,
    RepoName: name,
    RepoNamespaceName: namespace,
    RepoStatus: 'NORMAL',
    RepoType: 'PRIVATE',
    RepoBuildType: 'MANUAL',
    Summary: '',
    TagImmutability: false,
    CreateTime: time,
    ModifiedTime: time,
  };
}

function describeTag({ tag, digest, size, draw }: RegistryTag, { startedAtMs }: Instant): Fields {
  const time = String(Math.floor(startedAtMs - draw('age in days') * OLDEST_DAYS * DAY_MS));
  return { Tag: tag, Digest: digest, ImageSize: size, ImageCreate: time, ImageUpdate: time, Status: 'NORMAL' };
}
