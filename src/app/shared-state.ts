// Writes what is known of this replica's tags where the other replicas find it, a second after it changed at the latest.

import { momentOf } from '../model/moment.ts';
import type { FoundRepository, Repository } from '../model/target.ts';
import type { TagPoll } from '../polling/tag-poll.ts';
import type { StoreObserver, WatchedTag } from '../state/store.ts';
import type { RedisRecords, RepositoryChanges } from '../storage/redis-records.ts';
import { namesKey } from '../targets/repository-ids.ts';
import type { WatchList } from '../targets/watch-list.ts';
import type { Clock } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';
import { repositoryRecord, tagRecord } from './snapshot-capture.ts';

const WRITE_INTERVAL_MS = 1_000;
/** With more at once an exchange would take too long. */
const MAX_TAGS_AT_ONCE = 2_000;

export type SharedStateOptions = {
  readonly watchList: () => WatchList;
  readonly records: Pick<RedisRecords, 'write'>;
  readonly owns: (instanceId: string, repository: FoundRepository) => boolean;
  /** The same for a repository by the text that `keyOf` gives. */
  readonly ownsKey: (instanceId: string, key: string) => boolean;
  /** A text for a repository that all replicas form alike. */
  readonly keyOf: (instanceId: string, repository: FoundRepository) => string;
  /** Whether no other replica can have taken over what this one owns: else what it knows may be older than what is written. */
  readonly mayWrite: () => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
};

/** The changes of one repository that wait to be written. */
type Pending = {
  readonly instanceId: string;
  readonly changed: Map<string, WatchedTag>;
  readonly removed: Set<string>;
};

export class SharedState implements Pick<StoreObserver, 'tagAdded' | 'tagChanged' | 'tagRemoved'> {
  readonly #options: SharedStateOptions;
  /** By instance and repository. */
  #pending = new Map<string, Pending & { readonly key: string }>();
  #held: Promise<void> = Promise.resolve();
  /** Writes, one after the other: one that fails puts back what a later one would have replaced. */
  #writes: Promise<boolean> = Promise.resolve(true);
  #lastProblem: string | undefined;

  constructor(options: SharedStateOptions) {
    this.#options = options;
  }

  /** Writes nothing until the function that it gives is called: tags that are taken over have no state before they are restored. */
  hold(): () => void {
    let end = () => {};
    this.#held = new Promise((resolve) => {
      end = resolve;
    });
    return end;
  }

  /** Writes changes every second until `signal` is aborted. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, mayWrite } = this.#options;
    while (!signal.aborted) {
      await clock.sleep(WRITE_INTERVAL_MS, signal);
      if (mayWrite()) await this.#tryWrite();
    }
  }

  /** Writes until no change of these repositories waits. False if that is refused, or not allowed. */
  async flush(isMeant: SharedStateOptions['ownsKey'] = () => true): Promise<boolean> {
    const waits = () =>
      [...this.#pending.values()].some(
        ({ instanceId, key, changed, removed }) => changed.size + removed.size > 0 && isMeant(instanceId, key),
      );
    // A write that is under way may fail, and its changes wait again.
    while (await this.#tryWrite()) if (!waits()) return true;
    return !waits();
  }

  /** Others have taken over the tags of this replica: what it knows of them is not written any more. */
  dropAll(): void {
    this.#pending.clear();
  }

  get unwrittenTags(): number {
    let tags = 0;
    for (const { changed, removed } of this.#pending.values()) tags += changed.size + removed.size;
    return tags;
  }

  /** What is written of these repositories is lost, or of no use: it is written again. */
  writeAgain(isMeant: (repository: Repository) => boolean = () => true): void {
    for (const { tag } of this.#options.watchList().polls()) if (isMeant(tag.target.repository)) this.#mark(tag);
  }

  tagAdded(tag: WatchedTag): void {
    this.#mark(tag);
  }

  /** What is restored need not be written again. */
  tagChanged(tag: WatchedTag, isRestored: boolean): void {
    if (isRestored) this.#pendingOf(tag).changed.delete(tag.target.tag);
    else this.#mark(tag);
  }

  /** What is known of a tag that is not watched any more is removed, unless another replica watches it now. */
  tagRemoved(tag: WatchedTag): void {
    const { repository, tag: name } = tag.target;
    const pending = this.#pendingOf(tag);
    pending.changed.delete(name);
    if (this.#options.owns(repository.instanceId, repository)) pending.removed.add(name);
  }

  #mark(tag: WatchedTag): void {
    const pending = this.#pendingOf(tag);
    pending.changed.set(tag.target.tag, tag);
    pending.removed.delete(tag.target.tag);
  }

  #pendingOf({ target: { repository } }: WatchedTag): Pending & { readonly key: string } {
    const { instanceId } = repository;
    return this.#pendingAs(instanceId, this.#options.keyOf(instanceId, repository));
  }

  #pendingAs(instanceId: string, key: string): Pending & { readonly key: string } {
    const id = namesKey(instanceId, key);
    const known = this.#pending.get(id);
    if (known !== undefined) return known;
    const pending = { instanceId, key, changed: new Map<string, WatchedTag>(), removed: new Set<string>() };
    this.#pending.set(id, pending);
    return pending;
  }

  #tryWrite(): Promise<boolean> {
    this.#writes = this.#writes.then(() => this.#write());
    return this.#writes;
  }

  /** Never rejects. */
  async #write(): Promise<boolean> {
    const { watchList, records, mayWrite } = this.#options;
    // While the watch list changes, a tag may not be found although it is watched.
    for (let held: Promise<void> | undefined; held !== this.#held; ) {
      held = this.#held;
      await held;
      await new Promise<void>((resolve) => watchList().whenSettled(resolve));
    }
    // The process may have stood still meanwhile.
    if (!mayWrite()) return false;
    const taken = this.#take();
    try {
      if (taken.length > 0) await records.write(taken.map((each) => this.#changesOf(each)));
      this.#log(undefined);
      return true;
    } catch (error) {
      for (const { instanceId, key, changed, removed } of taken) this.#putBack(instanceId, key, changed, removed);
      this.#log(error instanceof Error ? error.message : String(error));
      return false;
    }
  }

  /** Up to so many changes as one exchange takes, also of one repository. What others own now is theirs to write. */
  #take(): readonly (Pending & { readonly key: string })[] {
    const taken: (Pending & { readonly key: string })[] = [];
    let room = MAX_TAGS_AT_ONCE;
    for (const [id, pending] of this.#pending) {
      if (room === 0) break;
      const { instanceId, key, changed, removed } = pending;
      if (this.#options.ownsKey(instanceId, key)) {
        const part = { instanceId, key, changed: new Map(firstOf(changed, room)), removed: new Set<string>() };
        room -= part.changed.size;
        for (const name of firstOf(removed, room)) part.removed.add(name);
        room -= part.removed.size;
        for (const name of part.changed.keys()) changed.delete(name);
        for (const name of part.removed) removed.delete(name);
        if (part.changed.size + part.removed.size > 0) taken.push(part);
        if (changed.size + removed.size > 0) break;
      }
      this.#pending.delete(id);
    }
    return taken;
  }

  #putBack(
    instanceId: string,
    key: string,
    changed: ReadonlyMap<string, WatchedTag>,
    removed: ReadonlySet<string>,
  ): void {
    const pending = this.#pendingAs(instanceId, key);
    for (const [name, tag] of changed)
      if (!pending.removed.has(name) && !pending.changed.has(name)) pending.changed.set(name, tag);
    for (const name of removed) if (!pending.changed.has(name)) pending.removed.add(name);
  }

  #changesOf({ instanceId, key, changed, removed }: Pending & { readonly key: string }): RepositoryChanges {
    const watchList = this.#options.watchList();
    const moment = momentOf(this.#options.clock);
    const tags = new Map<string, object>();
    let repository: object = {};
    for (const [name, tag] of changed) {
      const poll: TagPoll | undefined = watchList.targetsOf(instanceId)?.find(tag.target.repository)?.polls.get(name);
      if (poll?.tag !== tag) continue;
      repository = repositoryRecord(tag.target.repository, 0, watchList);
      tags.set(name, tagRecord(poll, 0, moment));
    }
    return { instanceId, key, repository, tags, removed: [...removed] };
  }

  #log(problem: string | undefined): void {
    const { logger } = this.#options;
    if (problem === this.#lastProblem) return;
    if (problem === undefined) logger.info('state is shared with the other replicas again');
    else if (this.#lastProblem === undefined)
      logger.warn('state not shared with the other replicas', { error: problem });
    this.#lastProblem = problem;
  }
}

function firstOf<Item>(items: Iterable<Item>, count: number): Item[] {
  const first: Item[] = [];
  for (const item of items) {
    if (first.length === count) break;
    first.push(item);
  }
  return first;
}
