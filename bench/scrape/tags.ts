// Invented tags with names as long as real ones, all with complete scans, and their changes between two scrapes.

import type { Repository } from '../../src/model/target.ts';
import type { StateStore, StoreObserver, WatchedTag } from '../../src/state/store.ts';
import { StateStore as Store } from '../../src/state/store.ts';

export const INSTANCE_ID = 'cri-2j88dtld8yelabcd';
const TAGS_PER_REPOSITORY = 100;
const NAMESPACES = 50;
/** A realistic timestamp. */
const BASE_MS = 1_795_480_000_000;

/** `poll`: an answer with the same status. `transition`: an answer with another status. */
export type ChangeKind = 'poll' | 'transition';

/** Fills a store that reports to `observer`. */
export class InventedTags {
  readonly store: StateStore;
  readonly #tags: WatchedTag[] = [];
  #nowMs = BASE_MS;

  constructor(count: number, observer: StoreObserver) {
    this.store = new Store(observer);
    let repository = makeRepository(0);
    for (let index = 0; index < count; index++) {
      const version = index % TAGS_PER_REPOSITORY;
      const serial = Math.floor(index / TAGS_PER_REPOSITORY);
      if (version === 0) repository = makeRepository(serial);
      const target = { repository, tag: `v1.${serial}.${version}`, digest: '', scanTaskId: '' };
      const tag = this.store.add(target, BASE_MS + index);
      this.#answer(tag, 'complete', BASE_MS + 8_000_000 + index);
      this.#tags.push(tag);
    }
  }

  /** Changes random tags, like polls within 15 seconds. */
  change(count: number, kind: ChangeKind): void {
    for (let index = 0; index < count; index++) {
      const tag = this.#tags[Math.floor(Math.random() * this.#tags.length)];
      if (!tag) return;
      const { status } = tag.state;
      const other = status === 'scanning' ? 'complete' : 'scanning';
      this.#nowMs += 15_000 / count;
      this.#answer(tag, kind === 'poll' ? status : other, 9_000_000 + Math.round(this.#nowMs));
    }
  }

  #answer(tag: WatchedTag, status: WatchedTag['state']['status'], nowMs: number): void {
    if (status === 'unknown') return;
    const event = { type: 'answered', status, scanService: 'ACR_SCAN_SERVICE' } as const;
    this.store.apply(tag, event, { nowMs, monotonicMs: nowMs });
  }
}

function makeRepository(serial: number): Repository {
  return {
    instanceId: INSTANCE_ID,
    namespace: `team-${serial % NAMESPACES}`,
    name: `service-${serial}`,
    id: `crr-${serial.toString(36).padStart(16, '0')}`,
    domain: 'shop-registry.cn-hangzhou.cr.aliyuncs.com',
    vulnerabilities: true,
  };
}
