// The events of the registry: the ends of scans, and pushes, each at its time. Nothing is watched before {@link RegistryEvents.start}:
// a registry may have 100,000 tags.
import type { EventType } from '../model/events.ts';
import type { Agenda } from './agenda.ts';
import { stableUuid } from './random.ts';
import type { Registry } from './registry.ts';
import type { RepositoryObserver, SimulatedRepository } from './repository.ts';
import type { SimulatedEvent } from './simulated-event.ts';
import type { RegistryTag } from './tag-store.ts';
import { type EndStatus, isEnd } from './timeline.ts';

export type RegistryEventsOptions = {
  readonly registry: Registry;
  readonly agenda: Agenda;
  readonly seed: number;
  readonly onEvent: (event: SimulatedEvent) => void;
};

export class RegistryEvents implements RepositoryObserver {
  readonly #registry: Registry;
  readonly #agenda: Agenda;
  readonly #seed: number;
  readonly #onEvent: (event: SimulatedEvent) => void;
  #isStarted = false;

  constructor({ registry, agenda, seed, onEvent }: RegistryEventsOptions) {
    this.#registry = registry;
    this.#agenda = agenda;
    this.#seed = seed;
    this.#onEvent = onEvent;
  }

  get isStarted(): boolean {
    return this.#isStarted;
  }

  /** Reports every event from now on. */
  start(elapsedMs: number): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    for (const instance of this.#registry.values()) {
      for (const repository of instance.repositories) this.watch(repository, elapsedMs);
    }
  }

  /** Reports the events of a repository that exists now, if events are reported at all. */
  watch(repository: SimulatedRepository, elapsedMs: number): void {
    if (!this.#isStarted) return;
    for (const tag of repository.tagsAt(elapsedMs).values()) this.#planEnd(repository, tag, elapsedMs);
    repository.observe(this);
    this.#planChange(repository);
  }

  pushed(repository: SimulatedRepository, tag: RegistryTag, atMs: number, isSame: boolean): void {
    this.#report('PushCompleted', repository, tag, atMs);
    if (!isSame) this.#follow(repository, tag, atMs, undefined);
  }

  courseChanged(repository: SimulatedRepository, tag: RegistryTag, atMs: number, before: string): void {
    this.#follow(repository, tag, atMs, before);
  }

  /** A course that begins with the end of a scan is a scan that took no time. */
  #follow(repository: SimulatedRepository, tag: RegistryTag, atMs: number, before: string | undefined): void {
    const { status } = tag.image.scanAt(atMs);
    if (isEnd(status) && status !== before) this.#report('ScanCompleted', repository, tag, atMs, status);
    this.#planEnd(repository, tag, atMs);
  }

  #planEnd(repository: SimulatedRepository, tag: RegistryTag, elapsedMs: number): void {
    const { image } = tag;
    const { courses } = image;
    const end = image.nextEndAfter(elapsedMs);
    if (end === undefined) return;
    this.#agenda.add(end.atMs, (atMs) => {
      const present = this.#exists(repository) ? repository.tagsAt(atMs).get(tag.tag) : undefined;
      if (present?.image !== image || image.courses !== courses) return;
      this.#report('ScanCompleted', repository, present, atMs, end.status);
      this.#planEnd(repository, present, atMs);
    });
  }

  /** The pushes and deletions of the scenario happen when the tags are looked at. */
  #planChange(repository: SimulatedRepository): void {
    this.#agenda.add(repository.nextChangeMs, (atMs) => {
      if (!this.#exists(repository)) return;
      repository.tagsAt(atMs);
      this.#planChange(repository);
    });
  }

  #exists(repository: SimulatedRepository): boolean {
    return this.#registry.get(repository.instanceId)?.withId(repository.id) === repository;
  }

  #report(type: EventType, repository: SimulatedRepository, tag: RegistryTag, elapsedMs: number, status?: EndStatus) {
    const { image } = tag;
    this.#onEvent({
      id: stableUuid(
        this.#seed,
        type,
        repository.instanceId,
        repository.id,
        tag.tag,
        image.digest,
        elapsedMs,
      ).toLowerCase(),
      type,
      repository,
      tag,
      status,
      vulnerabilities: status === 'COMPLETE' ? image.vulnerabilitiesAt(elapsedMs) : undefined,
      elapsedMs,
    });
  }
}
