// How many tags are watched at the most: beyond that discovery keeps the newest, whatever instance they are of.
import type { StateStore } from '../../state/store.ts';
import type { Logger } from '../../util/logger.ts';
import type { Roster } from '../roster.ts';
import { contradicts, type Section } from '../section.ts';
import type { FoundTag, PollTask, WatchedRepository } from '../task.ts';
import { newestOf } from './newest.ts';

export type BoundsOptions = {
  readonly roster: Roster;
  readonly store: StateStore;
  readonly logger: Logger;
  readonly maxTags: number;
};

/** A tag that there was no room for when it was found. */
type Surplus = { readonly watched: WatchedRepository; readonly found: FoundTag };

export class Bounds {
  /** Listed tags count, but are never left out. */
  maxTags: number;
  readonly #roster: Roster;
  readonly #store: StateStore;
  readonly #logger: Logger;
  /** By instance, of the pass that is under way. */
  readonly #surplus = new Map<string, Surplus[]>();
  /** Instances with found tags that are left out. */
  readonly #truncated = new Set<string>();

  constructor({ roster, store, logger, maxTags }: BoundsOptions) {
    this.#roster = roster;
    this.#store = store;
    this.#logger = logger;
    this.maxTags = maxTags;
  }

  /** Whether tags of an instance are left out because there are too many. */
  isTruncated(instanceId: string): boolean {
    return this.#truncated.has(instanceId);
  }

  /** Adds a found tag where there is room, else remembers it until {@link Bounds.settle}. */
  admit(watched: WatchedRepository, found: FoundTag): void {
    if (this.#store.size < this.maxTags) {
      this.#roster.keeper.addTag(watched, { ...found, scanTaskId: '' }, found);
      return;
    }
    const { id } = watched.instance;
    const surplus = this.#surplus.get(id) ?? [];
    surplus.push({ watched, found });
    this.#surplus.set(id, surplus.length > 2 * this.maxTags ? newestSurplus(surplus, this.maxTags) : surplus);
  }

  /** A pass over an instance has ended: of all that was found and is watched, and what it brought beside that, the newest stay. */
  async settle(instanceId: string, breathe: () => Promise<void>): Promise<void> {
    const surplus = this.#surplus.get(instanceId) ?? [];
    this.#surplus.delete(instanceId);
    const leftOut = new Set<string>();
    if (surplus.length > 0 || this.#store.size > this.maxTags) {
      const polls: PollTask[] = [];
      for (const poll of this.#roster.polls()) {
        if (poll.discovered) polls.push(poll);
        await breathe();
      }
      const times = [...polls.map(({ discovered }) => discovered), ...surplus.map(({ found }) => found)];
      const room = this.maxTags - (this.#store.size - polls.length);
      const isNew = newestOf(
        Float64Array.from(times, (found) => found?.updatedMs ?? 0),
        room,
      );
      for (const poll of polls) {
        if (!isNew(poll.discovered?.updatedMs ?? 0)) {
          leftOut.add(poll.watched.instance.id);
          this.#remove(poll);
        }
        await breathe();
      }
      for (const each of surplus) {
        if (!isNew(each.found.updatedMs)) leftOut.add(instanceId);
        else this.#add(each);
        await breathe();
      }
    }
    this.#tell(instanceId, leftOut);
  }

  /** Nothing is to be found of an instance any more. */
  forget(instanceId: string): void {
    this.#surplus.delete(instanceId);
    this.#truncated.delete(instanceId);
  }

  #add({ watched, found }: Surplus): void {
    const section = this.#roster.sectionOf(watched.instance.id);
    if (section === undefined) return;
    const same = section.find(watched.repository);
    if (same === undefined) section.add(watched);
    const target = same ?? watched;
    if (contradicts(target.repository, watched.repository) || target.polls.has(found.tag)) return;
    this.#roster.keeper.addTag(target, { ...found, scanTaskId: '' }, found);
  }

  #remove(poll: PollTask): void {
    this.#roster.keeper.removeTag(poll);
    const section: Section | undefined = this.#roster.sectionOf(poll.watched.instance.id);
    if (poll.watched.polls.size === 0) section?.delete(poll.watched);
  }

  #tell(instanceId: string, leftOut: ReadonlySet<string>): void {
    if (!leftOut.has(instanceId) && this.#truncated.delete(instanceId)) {
      this.#logger.info('all found tags are watched again', { instance_id: instanceId });
    }
    for (const id of leftOut) {
      if (this.#truncated.has(id)) continue;
      this.#truncated.add(id);
      const fields = { instance_id: id, max_tags: this.maxTags };
      this.#logger.warn('more tags were found than max_tags allows: the newest are watched', fields);
    }
  }
}

function newestSurplus(surplus: readonly Surplus[], room: number): Surplus[] {
  const isNew = newestOf(
    Float64Array.from(surplus, ({ found }) => found.updatedMs),
    room,
  );
  return surplus.filter(({ found }) => isNew(found.updatedMs));
}
