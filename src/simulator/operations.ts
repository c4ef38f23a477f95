// The answers of the operations, with the field names and types of the real API.
import { type DigestForm, formOf, inForm } from '../model/digest.ts';
import { ApiFailure, apiFailure, businessFailure, missing } from './api-errors.ts';
import { type Image, NO_VULNERABILITIES, NOT_SCANNED } from './image.ts';
import { type Fields, pageByNumber } from './pagination.ts';
import { type Action, PARAMETERS, type Parameters } from './parameters.ts';
import type { Instance, Registry } from './registry.ts';
import type { NotScannedAnswer } from './registry-schema.ts';
import type { SimulatedRepository } from './repository.ts';
import type { RegistryTag } from './tag-store.ts';

/** The time of an answer since the simulator started, and the wall-clock time of that start. */
export type Instant = { readonly elapsedMs: number; readonly startedAtMs: number };

type Operation = (registry: Registry, parameters: Parameters, instant: Instant) => Fields;

const NO_SCAN_TASK = 'SCAN_TASK_NOT_EXIST';
const DAY_MS = 86_400_000;
const REPOSITORY_AGE_MS = 365 * DAY_MS;

const OPERATIONS: Readonly<Record<Action, Operation>> = {
  GetRepoTagScanStatus: (registry, parameters, { elapsedMs }) => {
    const { settings } = findInstance(registry, parameters);
    const { tag, image } = findImage(registry, parameters, elapsedMs);
    const status = image === undefined ? NOT_SCANNED : image.scanAt(elapsedMs).status;
    const field = statusField(status, (image ?? tag.image).notScanned ?? settings.not_scanned);
    return { ...field, ...(status !== NOT_SCANNED && { ScanService: tag.scanService }) };
  },
  GetRepoTagScanSummary: (registry, parameters, { elapsedMs }) =>
    describeVulnerabilities(findImage(registry, parameters, elapsedMs).image, elapsedMs),
  GetRepository: (registry, parameters, instant) => describeRepository(findRepository(registry, parameters), instant),
  ListRepository: (registry, parameters, instant) => {
    const { RepoNamespaceName: namespace, RepoName: name, RepoStatus: status = 'ALL' } = parameters;
    const instance = findInstance(registry, parameters);
    if (namespace && !instance.hasNamespace(namespace)) throw noSuchNamespace();
    const found = instance.repositories.filter(
      (repository) =>
        (!namespace || repository.namespace === namespace) &&
        (!name || repository.name === name) &&
        (status === 'ALL' || status === '' || status === repository.status),
    );
    const list = {
      length: found.length,
      slice: (from: number, to: number) => found.slice(from, to).map((each) => describeRepository(each, instant)),
    };
    const { items, fields } = instance.pager.pageOf(list, parameters);
    return { ...fields, Repositories: items };
  },
  ListRepoTag: (registry, parameters, instant) => {
    const tags = findRepository(registry, parameters).newestFirstAt(instant.elapsedMs);
    const { settings, pager } = findInstance(registry, parameters);
    const { listed_digests: form } = settings;
    const list = {
      length: tags.length,
      slice: (from: number, to: number) => tags.slice(from, to).map((tag) => describeListedTag(tag, form, instant)),
    };
    const { items, fields } = pager.pageOf(list, parameters);
    return { ...fields, Images: items };
  },
  GetRepoTag: (registry, parameters, instant) => {
    const { listed_digests: form } = findInstance(registry, parameters).settings;
    return describeTag(findTag(registry, parameters, instant.elapsedMs), form, instant);
  },
  ListEventCenterRecord: (registry, parameters, { elapsedMs }) => {
    const records = findInstance(registry, parameters).eventCenter.list(parameters, elapsedMs);
    const { items, fields } = pageByNumber(records, parameters);
    return { ...fields, TotalCount: records.length, Records: items };
  },
  ListEventCenterRuleName: (registry, parameters) => ({
    RuleNames: findInstance(registry, parameters).eventCenter.ruleNames,
  }),
  CreateRepoTagScanTask: (registry, parameters, { elapsedMs }) => {
    const { tag, image } = findImage(registry, parameters, elapsedMs);
    if (image) findRepository(registry, parameters).startScan(tag, image, elapsedMs);
    return {};
  },
};

/** Performs an operation. Throws an {@link ApiFailure} when a parameter is missing or a thing does not exist. */
export function perform(action: Action, registry: Registry, parameters: Parameters, instant: Instant): Fields {
  const absent = PARAMETERS[action].required.find((name) => !parameters[name]);
  if (absent !== undefined) throw missing(absent);
  return OPERATIONS[action](registry, parameters, instant);
}

/** The repository that the parameters name, by its id or by its names; undefined when it does not exist. */
export function namedRepository(registry: Registry, parameters: Parameters): SimulatedRepository | undefined {
  const { InstanceId = '', RepoId, RepoNamespaceName = '', RepoName = '' } = parameters;
  const instance = registry.get(InstanceId);
  return RepoId ? instance?.withId(RepoId) : instance?.withNames(RepoNamespaceName, RepoName);
}

/** The ImageUpdate of a tag: the time of its last push, in milliseconds since the epoch. */
export function imageUpdateOf({ image }: RegistryTag, { startedAtMs }: Instant): number {
  return Math.floor(startedAtMs + image.pushedMs);
}

/** Whether the deletion of a tag has begun. The tag exists until the deletion ends. */
export function isDeleting({ deletingFromMs }: RegistryTag, { elapsedMs }: Instant): boolean {
  return elapsedMs >= deletingFromMs;
}

function findInstance(registry: Registry, { InstanceId = '' }: Parameters): Instance {
  const instance = registry.get(InstanceId);
  if (!instance) throw businessFailure('INSTANCE_NOT_EXIST', 'The instance does not exist.');
  return instance;
}

function findRepository(registry: Registry, parameters: Parameters): SimulatedRepository {
  const instance = findInstance(registry, parameters);
  const { RepoId, RepoNamespaceName, RepoName } = parameters;
  if (!RepoId) {
    if (!RepoName && !RepoNamespaceName) throw missing('RepoId');
    if (!RepoNamespaceName) throw missing('RepoNamespaceName');
    if (!RepoName) throw missing('RepoName');
  }
  const repository = namedRepository(registry, parameters);
  if (repository) return repository;
  if (!RepoId && !instance.hasNamespace(RepoNamespaceName ?? '')) throw noSuchNamespace();
  throw businessFailure('REPO_NOT_EXIST', 'The repository does not exist.');
}

function noSuchNamespace() {
  return businessFailure('NAMESPACE_NOT_EXIST', 'The namespace does not exist.');
}

function findTag(registry: Registry, parameters: Parameters, elapsedMs: number): RegistryTag {
  const tag = findRepository(registry, parameters)
    .tagsAt(elapsedMs)
    .get(parameters.Tag ?? '');
  if (!tag) throw noSuchTag();
  return tag;
}

type FoundImage = {
  readonly tag: RegistryTag;
  /** Undefined when the instance finds no scan because it does not take a Digest in this form. */
  readonly image: Image | undefined;
};

/** The image of a tag, or with a Digest the image with that digest, which may be a former one. */
function findImage(registry: Registry, parameters: Parameters, elapsedMs: number): FoundImage {
  const tag = findTag(registry, parameters, elapsedMs);
  const { Digest: digest = '' } = parameters;
  const { digests, other_digests: otherDigests } = findInstance(registry, parameters).settings;
  if (digest !== '' && digests !== 'any' && formOf(digest) !== digests) {
    if (otherDigests === 'refused') throw new ApiFailure('InvalidParameter', 400, 'The parameter Digest is invalid.');
    return { tag, image: undefined };
  }
  const image = imageOf(tag, digest);
  if (!image) throw noSuchTag();
  return { tag, image };
}

function noSuchTag() {
  return businessFailure('REPO_TAG_NOT_EXIST', 'The tag does not exist.');
}

function imageOf({ image, former }: RegistryTag, digest: string): Image | undefined {
  return digest !== '' ? [image, ...former].find((each) => each.hasDigest(digest)) : image;
}

/** The vulnerabilities that a complete scan found; before that, none. */
function describeVulnerabilities(image: Image | undefined, elapsedMs: number): Fields {
  const { high, medium, low, unknown } = image?.vulnerabilitiesAt(elapsedMs) ?? NO_VULNERABILITIES;
  return {
    HighSeverity: high,
    MediumSeverity: medium,
    LowSeverity: low,
    UnknownSeverity: unknown,
    TotalSeverity: high + medium + low + unknown,
  };
}

function describeRepository(
  { instanceId, id, namespace, name, status }: SimulatedRepository,
  { startedAtMs }: Instant,
): Fields {
  const time = Math.floor(startedAtMs - REPOSITORY_AGE_MS);
  return {
    InstanceId: instanceId,
    RepoId: id,
    RepoName: name,
    RepoNamespaceName: namespace,
    RepoStatus: status,
    RepoType: 'PRIVATE',
    RepoBuildType: 'MANUAL',
    Summary: '',
    TagImmutability: false,
    CreateTime: time,
    ModifiedTime: time,
  };
}

function describeTag(tag: RegistryTag, form: DigestForm, instant: Instant) {
  return {
    Tag: tag.tag,
    Digest: inForm(tag.image.digest, form),
    ImageSize: tag.image.size,
    ImageCreate: Math.floor(instant.startedAtMs + tag.createdMs),
    ImageUpdate: imageUpdateOf(tag, instant),
    Status: isDeleting(tag, instant) ? 'DELETING' : 'NORMAL',
  };
}

/** A list has times as text; a single tag has numbers. */
function describeListedTag(tag: RegistryTag, form: DigestForm, instant: Instant): Fields {
  const described = describeTag(tag, form, instant);
  return {
    ...described,
    ImageCreate: String(described.ImageCreate),
    ImageUpdate: String(described.ImageUpdate),
  };
}

/** The Status of an answer. Throws an `ApiFailure` where the answer about an image that was never scanned is an error. */
function statusField(status: string, notScanned: NotScannedAnswer): { readonly Status?: string | null } {
  if (status !== NOT_SCANNED) return { Status: status };
  switch (notScanned) {
    case 'absent':
      return {};
    case 'empty':
      return { Status: '' };
    case 'null':
      return { Status: null };
    case 'error':
      throw apiFailure(NO_SCAN_TASK, { httpStatus: 404, message: 'The scan task does not exist.' });
    case 'business_error':
      throw businessFailure(NO_SCAN_TASK, 'The scan task does not exist.');
  }
}
