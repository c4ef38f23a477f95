// Changes of the registry of a running simulation, for tests and for people: pushes, deletions, new repositories.
import type { z } from 'zod';
import { strictMap } from '../util/yaml/schema.ts';
import { check } from './check-scenario.ts';
import type { Instance } from './registry.ts';
import { addedRepositorySchema, pushedImageShape, repositoryId } from './registry-schema.ts';
import type { SimulatedRepository } from './repository.ts';
import { text } from './scenario-fields.ts';
import type { Simulation } from './simulation.ts';
import type { RegistryTag } from './tag-store.ts';
import type { Course } from './timeline.ts';
import { type TagTruth, truthOfTag } from './truth.ts';

/** The thing to change does not exist, or the thing to add exists already. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  readonly reason: 'missing' | 'taken';

  constructor(reason: 'missing' | 'taken', message: string) {
    super(message);
    this.reason = reason;
  }
}

const repositoryAddress = { instanceId: text('an instance id'), repoId: text('a repository id') };
const tagAddress = { ...repositoryAddress, tag: text('a tag') };

const pushSchema = strictMap({ ...tagAddress, ...pushedImageShape });
const tagAddressSchema = strictMap(tagAddress);
const repositoryAdditionSchema = strictMap({ instanceId: text('an instance id'), repository: addedRepositorySchema });
const repositoryAddressSchema = strictMap(repositoryAddress);

/** The inputs of the changes. For any other input they throw a `ScenarioError`. */
export type PushRequest = z.input<typeof pushSchema>;
export type RepositoryAddition = z.input<typeof repositoryAdditionSchema>;

/** Pushes a new tag, or a new image to an existing one. Gives the state of the tag after that. */
export function pushTag(simulation: Simulation, request: unknown): TagTruth {
  const { instanceId, repoId, tag, ...image } = check(pushSchema, request);
  const repository = findRepository(simulation, instanceId, repoId);
  const pushed = repository.push(tag, image, simulation.elapsedMs());
  return truthOfTag(repository, pushed, simulation.instant());
}

export function deleteTag(simulation: Simulation, request: unknown): void {
  const { instanceId, repoId, tag } = check(tagAddressSchema, request);
  const repository = findRepository(simulation, instanceId, repoId);
  repository.deleteTag(findTag(simulation, repository, tag).tag, simulation.elapsedMs());
}

/** Sets the course of a tag's scan, which begins now. */
export function setCourse(simulation: Simulation, course: Course, request: unknown): void {
  const { instanceId, repoId, tag } = check(tagAddressSchema, request);
  const repository = findRepository(simulation, instanceId, repoId);
  repository.setCourse(findTag(simulation, repository, tag), course, simulation.elapsedMs());
}

/** Adds a repository, whose time begins now, and gives its id. */
export function addRepository(simulation: Simulation, request: unknown): { readonly repoId: string } {
  const { instanceId, repository: settings } = check(repositoryAdditionSchema, request);
  const instance = findInstance(simulation, instanceId);
  const { namespace, name } = settings;
  const id = repositoryId(instanceId, settings);
  if (instance.withId(id) ?? instance.withNames(namespace, name)) {
    throw new RegistryError('taken', `expected a new repository, found ${namespace}/${name} or ${id} in ${instanceId}`);
  }
  const repository = simulation.createRepository(instanceId, settings);
  instance.add(repository);
  simulation.events.watch(repository, simulation.elapsedMs());
  return { repoId: id };
}

export function deleteRepository(simulation: Simulation, request: unknown): void {
  const { instanceId, repoId } = check(repositoryAddressSchema, request);
  findInstance(simulation, instanceId).delete(findRepository(simulation, instanceId, repoId));
}

function findInstance({ registry }: Simulation, instanceId: string): Instance {
  const instance = registry.get(instanceId);
  if (!instance) throw new RegistryError('missing', `expected an instance that exists, found ${instanceId}`);
  return instance;
}

function findRepository(simulation: Simulation, instanceId: string, repoId: string): SimulatedRepository {
  const repository = findInstance(simulation, instanceId).withId(repoId);
  if (!repository)
    throw new RegistryError('missing', `expected a repository that exists, found ${instanceId}/${repoId}`);
  return repository;
}

function findTag(simulation: Simulation, repository: SimulatedRepository, name: string): RegistryTag {
  const tag = repository.tagsAt(simulation.elapsedMs()).get(name);
  if (tag) return tag;
  throw new RegistryError(
    'missing',
    `expected a tag that exists, found ${repository.instanceId}/${repository.id}:${name}`,
  );
}
