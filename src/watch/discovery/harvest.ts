// Who is watched because discovery found it: makes what is watched of what the listings say.
import type { Changes } from '../changes.ts';
import type { Breather, Roster } from '../roster.ts';
import { contradicts, isSameRepository, type Section } from '../section.ts';
import type { Repository } from '../target.ts';
import type { FoundTag, PollTask, WatchedRepository } from '../task.ts';
import type { FoundRepository } from '../watch-list.ts';
import type { Bounds } from './bounds.ts';
import type { Rules } from './rules.ts';

/** What to find of an instance. */
export type DiscoverySettings = {
  readonly instanceId: string;
  /** The instance's registry domain; empty when not configured. */
  readonly domain: string;
  readonly rules: Rules;
};

export type HarvestOptions = {
  readonly roster: Roster;
  readonly changes: Changes;
  readonly bounds: Bounds;
  /** Wall clock, milliseconds since the epoch. */
  readonly now: () => number;
  readonly breathe: Breather;
};

const TAGS_BETWEEN_BREATHS = 250;

/** Each method waits for the changes before it. What is said of an instance that is not watched (any more) is dropped. */
export class Harvest {
  readonly #options: HarvestOptions;
  #tagsSeen = 0;

  constructor(options: HarvestOptions) {
    this.#options = options;
  }

  /** Whether a tag of a repository is watched that a listing lacks. */
  lacksTag(instanceId: string, { id }: FoundRepository, listed: ReadonlyMap<string, unknown>): boolean {
    const watched = this.#repositories(instanceId).find(({ repository }) => repository.id === id);
    return watched !== undefined && [...foundTags(watched)].some(({ tag }) => !listed.has(tag));
  }

  /** Whether a repository is watched that a listing lacks. */
  lacksRepository(instanceId: string, listed: ReadonlyMap<string, unknown>): boolean {
    return this.#repositories(instanceId).some(
      (watched) => !listed.has(watched.repository.id) && !foundTags(watched).next().done,
    );
  }

  /** A repository has these tags: of those that the rules want, new ones are polled at once, and all others are not watched any more. */
  found(settings: DiscoverySettings, found: FoundRepository, tags: Iterable<FoundTag>): Promise<void> {
    const { instanceId, rules } = settings;
    return this.#change(instanceId, async (section) => {
      const watched = this.#repository(section, settings, found);
      if (watched === undefined) return;
      const wanted = new Map(rules.choose(found, tags, this.#options.now()).map((each) => [each.tag, each]));
      for (const poll of watched.polls.values()) {
        if (!isStill(poll, wanted.get(poll.tag.target.tag))) this.#options.roster.keeper.removeTag(poll);
        await this.#breathe();
      }
      for (const each of wanted.values()) {
        this.#add(watched, each);
        await this.#breathe();
      }
      if (watched.polls.size === 0) section.delete(watched);
    });
  }

  /** There is no such repository any more. */
  gone(instanceId: string, { id }: FoundRepository): Promise<void> {
    return this.#change(instanceId, (section) => this.#drop(section, ({ repository }) => repository.id === id));
  }

  /**
   * The repositories of an instance were all listed, each with its tags as far as those could be.
   *
   * @param listed by id; undefined when the list is not known
   */
  listed(instanceId: string, listed: ReadonlyMap<string, unknown> | undefined): Promise<void> {
    return this.#change(instanceId, async (section) => {
      if (listed !== undefined) await this.#drop(section, ({ repository }) => !listed.has(repository.id));
      await this.#options.bounds.settle(instanceId, () => this.#breathe());
    });
  }

  /** What was found of an instance and is not wanted any more is not watched any more; the rest goes on as the settings want it. */
  retain({ instanceId, domain, rules }: DiscoverySettings): Promise<void> {
    return this.#change(instanceId, async (section) => {
      for (const watched of [...section.repositories]) {
        const wanted = new Set(rules.choose(watched.repository, foundTags(watched), this.#options.now()));
        for (const poll of watched.polls.values()) {
          if (poll.discovered && !wanted.has(poll.discovered)) this.#options.roster.keeper.removeTag(poll);
          await this.#breathe();
        }
        if (watched.polls.size === 0) section.delete(watched);
        else if (!isListed(watched)) {
          const vulnerabilities = rules.wantsVulnerabilities(watched.repository);
          this.#relabel(section, watched, { ...watched.repository, domain, vulnerabilities });
        }
      }
    });
  }

  /** Nothing of an instance is wanted any more but what is listed. */
  clear(instanceId: string): Promise<void> {
    this.#options.bounds.forget(instanceId);
    return this.#change(instanceId, (section) => this.#drop(section, () => true));
  }

  #change(instanceId: string, change: (section: Section) => Promise<void>): Promise<void> {
    const { changes, roster } = this.#options;
    return changes.run(async () => {
      const section = roster.sectionOf(instanceId);
      if (section !== undefined) await change(section);
    });
  }

  #repositories(instanceId: string): WatchedRepository[] {
    return [...(this.#options.roster.sectionOf(instanceId)?.repositories ?? [])];
  }

  /** The watched repository that was found, or a new one; undefined where a listed one with another id has its names. */
  #repository(section: Section, settings: DiscoverySettings, found: FoundRepository): WatchedRepository | undefined {
    const { instanceId, domain, rules } = settings;
    const { roster } = this.#options;
    const repository = { instanceId, domain, ...found, vulnerabilities: rules.wantsVulnerabilities(found) };
    const lookup = section.find(repository)?.lookup;
    if (lookup !== undefined) roster.learn(lookup, found);
    section.known.learn(found);
    const same = section.find(repository);
    if (same === undefined) return section.create(repository, Number.POSITIVE_INFINITY);
    if (contradicts(same.repository, repository)) {
      if (isListed(same)) return undefined;
      for (const poll of same.polls.values()) roster.keeper.removeTag(poll);
      section.delete(same);
      return section.create(repository, Number.POSITIVE_INFINITY);
    }
    if (!isListed(same)) this.#relabel(section, same, repository);
    return same;
  }

  #relabel(section: Section, watched: WatchedRepository, repository: Repository): void {
    if (isSameRepository(watched.repository, repository)) return;
    section.reindex(watched, () => this.#options.roster.keeper.relabel(watched, repository));
  }

  /** A tag that was pushed again is another one: it starts anew. */
  #add(watched: WatchedRepository, found: FoundTag): void {
    const poll = watched.polls.get(found.tag);
    if (poll !== undefined) {
      if (poll.discovered) poll.discovered = { ...found, digest: found.digest || poll.discovered.digest };
      return;
    }
    this.#options.bounds.admit(watched, found);
  }

  async #drop(section: Section, isConcerned: (watched: WatchedRepository) => boolean): Promise<void> {
    for (const watched of [...section.repositories].filter(isConcerned)) {
      for (const poll of watched.polls.values()) {
        if (poll.discovered) this.#options.roster.keeper.removeTag(poll);
        await this.#breathe();
      }
      if (watched.polls.size === 0) section.delete(watched);
    }
  }

  async #breathe(): Promise<void> {
    this.#tagsSeen += 1;
    if (this.#tagsSeen % TAGS_BETWEEN_BREATHS === 0) await this.#options.breathe();
  }
}

function isListed({ order }: WatchedRepository): boolean {
  return Number.isFinite(order);
}

function* foundTags({ polls }: WatchedRepository): Generator<FoundTag> {
  for (const { discovered } of polls.values()) if (discovered) yield discovered;
}

/** Whether a watched tag goes on as it is: a listed one does whatever is found, a found one while it is wanted and its digest no other. */
function isStill({ discovered }: PollTask, wanted: FoundTag | undefined): boolean {
  if (discovered === undefined) return true;
  if (wanted === undefined) return false;
  const digests = [wanted.digest, discovered.digest];
  return digests.includes('') || wanted.digest === discovered.digest;
}
