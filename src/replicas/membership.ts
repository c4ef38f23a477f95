// The loop of a member: renews its lease, learns of the other members, and takes its share of each rate.
import type { GroupView, ReplicaStatus } from '../model/replicas.ts';
import type { Clock } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';
import type { GroupClient } from './group-client.ts';
import { type Beat, type BeatReply, TIMES } from './lease-script.ts';

const BEAT_MS = 1_000;
const RETRY_MS = 1_000;
/** The end of an outage is noticed later than it comes. A shorter one may be none for Redis, which then gives shares that are over to others. */
const NOTICED_WITHIN_MS = 1_000;
/** While others have to give back a share, or wait for this member to give back its own; and between two looks at a share whose lease is over. */
const SOON_MS = 250;
/** A member that has had no answer for so long goes on with the safe share, as Redis expects. */
const CUT_OFF_MS = 30_000;
/** An exchange without an answer and the pause after it take less. Where more time is between the ends of two exchanges, the process stood still. */
const STOOD_STILL_MS = 5_000;
/** A reload reaches the replicas at different times. */
const DIFFERS_AFTER_MS = 60_000;
/** Shares that differ by less are equal. */
const EQUAL = 0.98;

/** What a set of credentials may use in all, and what this member could use, in requests per second. */
export type Wish = { readonly total: number; readonly wanted: number };

export type MembershipOptions = {
  readonly client: GroupClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly id: string;
  readonly host: string;
  readonly max: number;
  /** A digest of what all members must configure alike. It changes with a reload. */
  readonly config: () => string;
  /** By set of credentials. */
  readonly wishes: () => ReadonlyMap<string, Wish>;
  /**
   * Gives up what this member does not own in this view; undefined: everything, because it is no member, or others have taken it over. Resolves when
   * others may take it.
   */
  readonly release: (view: GroupView | undefined) => Promise<void>;
  /** Takes what this member owns in this view. Called when the other members have given up what they do not own in it. */
  readonly take: (view: GroupView) => Promise<void>;
  /** Called after every exchange, successful or not, and several times a second in an outage: shares may have changed. */
  readonly sharesChanged: () => void;
  /** Called when Redis may have lost what this member has written. */
  readonly dataLost: () => void;
  /** An error of our own code in a release or a take. */
  readonly failed: (error: unknown) => void;
};

/** `total` is the configured rate that the share was granted of. */
type Share = { readonly granted: number; readonly total: number; readonly endMs: number };

export class Membership {
  readonly #options: MembershipOptions;
  #wake = new AbortController();
  #shares = new Map<string, Share>();
  /** The end of the lease of all shares; undefined without one. A set of credentials that a reload adds meanwhile has a share of nothing until then. */
  #sharesEndMs: number | undefined;
  #seen = 0;
  #generation = 0;
  #epoch = 0;
  /** The epoch of the view after which everything was released. */
  #released = 0;
  #taken = 0;
  #leaseEndMs = Number.NEGATIVE_INFINITY;
  #isConnected = false;
  #isMember = false;
  #lastExchangeMs: number | undefined;
  #members: BeatReply['members'] = [];
  /** Since when members have another configuration, by their ids. */
  #otherSinceMs: ReadonlyMap<string, number> = new Map();
  /** The hosts of those that have had it for long. */
  #differs: readonly string[] = [];
  /** Whether others have taken over what this member owned, and it has not released that yet. */
  #isForgotten = false;
  /** Releases and takes, one after the other. */
  #changes: Promise<void> = Promise.resolve();
  #isExchanging = false;
  /** The end of the last exchange, successful or not. */
  #exchangeEndMs = Number.NEGATIVE_INFINITY;
  /** Whether the process stood still between two exchanges, and none has succeeded since. */
  #stoodStill = false;
  /** Called at the end of the next exchange. */
  #waiting: (() => void)[] = [];
  #lastProblem: string | undefined;

  constructor(options: MembershipOptions) {
    this.#options = options;
  }

  /** Takes part until `signal` is aborted. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#exchange(signal), this.#watchLease(signal)]);
  }

  async #exchange(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    // `AbortSignal.any` would leave something behind at `signal` each second: Node.js 20 frees it with `signal` only.
    signal.addEventListener('abort', () => this.beatNow(), { once: true });
    while (!signal.aborted) {
      this.#wake = new AbortController();
      const waitMs = await this.#beat(false);
      await clock.sleep(waitMs, this.#wake.signal);
    }
  }

  /** Once a lease is over, shares change with time, also while an exchange waits for its answer. */
  async #watchLease(signal: AbortSignal): Promise<void> {
    const { clock, sharesChanged } = this.#options;
    while (!signal.aborted) {
      await clock.sleep(SOON_MS, signal);
      if (this.#sharesEndMs !== undefined && clock.monotonic() >= this.#sharesEndMs) sharesChanged();
    }
  }

  /** Leaves the group, so that others take over at once. Send no request after this call. */
  async leave(): Promise<void> {
    this.#shares.clear();
    this.#sharesEndMs = undefined;
    this.#isMember = false;
    await this.#beat(true);
  }

  /** Makes the next exchange due at once. */
  beatNow(): void {
    this.#wake.abort();
  }

  /**
   * What this member may use of the rate of a set of credentials, in requests per second. A share that Redis does not renew is over after its
   * lease: Redis may give it to others. If Redis is away for all since then, and so long that it notices, it gives nothing to others: this member
   * goes on with no more than it had and no more than the safe share, `total / max`, and a lease after the begin, when the shares of all others
   * are over too, with the safe share. If it may be cut off alone, it waits until Redis keeps the safe share for it.
   */
  share(credentials: string, total: number): number {
    const { client, clock, max } = this.#options;
    if (this.#sharesEndMs === undefined) return 0;
    const share = this.#shares.get(credentials) ?? { granted: 0, total, endMs: this.#sharesEndMs };
    const nowMs = clock.monotonic();
    // A reload may have lowered the rate. The others have their parts of the lower one too.
    const granted = Math.min(share.granted, (share.granted * total) / share.total);
    if (nowMs < share.endMs) return granted;
    // Meanwhile Redis may have been restarted, and may keep nothing for this member.
    if (this.#standsStill()) return 0;
    const [safe, downSinceMs = nowMs] = [total / max, client.downSinceMs];
    if (nowMs >= downSinceMs + TIMES.shareLease || nowMs >= share.endMs - TIMES.shareLease + CUT_OFF_MS) return safe;
    const isOutage = nowMs >= downSinceMs + TIMES.outage + NOTICED_WITHIN_MS;
    return isOutage && downSinceMs < share.endMs ? Math.min(granted, safe) : 0;
  }

  /**
   * Whether no other member can have taken over what this one owns. They can before the end of the lease if the process stands still while Redis is
   * restarted: it does not connect again.
   */
  get holdsLease(): boolean {
    return !this.#isForgotten && !this.#hasStoodStill() && this.#leaseEndMs > this.#options.clock.monotonic();
  }

  /**
   * Resolves when this member knows whether others have taken over what it owned, and has released that; or that Redis does not answer. They may
   * have when the process stood still, or when its lease is over because it was cut off. While Redis is away for all since before that, nobody
   * takes over, and no scrape waits.
   */
  async confirmed(): Promise<void> {
    const { downSinceMs = Number.POSITIVE_INFINITY } = this.#options.client;
    const isAwayForAll = downSinceMs < this.#leaseEndMs && !this.#hasStoodStill();
    if (!this.#isMember || this.holdsLease || isAwayForAll) return;
    if (this.#isExchanging) await this.#exchangeEnd();
    this.beatNow();
    await this.#exchangeEnd();
    await this.#changes;
  }

  get status(): Omit<ReplicaStatus, 'repositories' | 'tags' | 'unwrittenTags'> {
    const shares = [...this.#options.wishes()].map(([credentials, { total }]) => {
      return { credentials, ratio: this.share(credentials, total) / total };
    });
    const { id, host, max } = this.#options;
    return {
      id,
      host,
      max,
      shares,
      isConnected: this.#isConnected,
      isMember: this.#isMember,
      members: this.#members,
      differs: this.#differs,
      lastExchangeMs: this.#lastExchangeMs,
      problem: this.#lastProblem,
    };
  }

  /** One exchange. Gives the pause until the next. */
  async #beat(leaves: boolean): Promise<number> {
    const { client, clock, host, max, wishes, sharesChanged } = this.#options;
    const config = this.#options.config();
    const sentMs = clock.monotonic();
    this.#isExchanging = true;
    const rates = Object.fromEntries(
      [...wishes()].map(([credentials, { total, wanted }]) => {
        return [credentials, { total, wanted, held: this.share(credentials, total) }];
      }),
    );
    try {
      const [seen, released] = [this.#seen, this.#released];
      const reply = await client.beat({ host, max, config, seen, released, leaves, rates });
      this.#log(undefined);
      this.#isConnected = !leaves;
      // An answer from before a stop says nothing about now.
      this.#stoodStill = clock.monotonic() - sentMs > STOOD_STILL_MS;
      if (leaves) return 0;
      this.#compare(reply.members, config);
      return this.#apply(reply, rates, sentMs);
    } catch (error) {
      this.#isConnected = false;
      this.#stoodStill = this.#hasStoodStill();
      this.#log(error instanceof Error ? error.message : String(error));
      // After a stop, the connection may have been lost without notice.
      return this.#stoodStill ? SOON_MS : RETRY_MS;
    } finally {
      sharesChanged();
      this.#exchangeEndMs = clock.monotonic();
      this.#isExchanging = false;
      for (const resolve of this.#waiting.splice(0)) resolve();
    }
  }

  /** Whether the process stood still, and has not asked Redis since. */
  #standsStill(): boolean {
    return this.#options.clock.monotonic() - this.#exchangeEndMs > STOOD_STILL_MS;
  }

  /** Whether the process stood still, and has had no answer from Redis since. */
  #hasStoodStill(): boolean {
    return this.#stoodStill || this.#standsStill();
  }

  #exchangeEnd(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #apply(reply: BeatReply, rates: Beat['rates'], sentMs: number): number {
    const { dataLost, logger, clock } = this.#options;
    const isNew = this.#seen === 0;
    if (reply.generation !== this.#generation && !isNew) dataLost();
    this.#generation = reply.generation;
    if (!reply.isMember && (this.#isMember || isNew))
      logger.warn('the group of replicas is full: this one waits', { members: reply.members.length });
    this.#seen = reply.sequence;
    this.#leaseEndMs = sentMs + TIMES.memberLease;
    this.#lastExchangeMs = clock.now();
    this.#members = reply.members;
    this.#isMember = reply.isMember;
    this.#shares = new Map();
    this.#sharesEndMs = reply.isMember ? sentMs + TIMES.shareLease : undefined;
    let pauseMs = BEAT_MS;
    for (const [credentials, { granted, target }] of Object.entries(reply.shares)) {
      const { held: before, total } = rates[credentials] ?? { held: 0, total: granted };
      if (this.#sharesEndMs !== undefined) this.#shares.set(credentials, { granted, total, endMs: this.#sharesEndMs });
      // Others wait for the confirmation of a smaller share.
      if (granted < before * EQUAL || granted < target * EQUAL) pauseMs = SOON_MS;
    }
    // While the group learns, nobody can have taken over what this member owns.
    this.#follow(reply, !reply.isKnown && !reply.isLearning);
    return pauseMs;
  }

  /** Finds the members whose configuration is another one than `own`, and logs the begin and the end of such a difference. */
  #compare(members: BeatReply['members'], own: string): void {
    const { logger, clock, id } = this.#options;
    const nowMs = clock.monotonic();
    const others = members.filter((member) => member.id !== id && member.config !== own);
    const sinceMs = new Map(others.map((other) => [other.id, this.#otherSinceMs.get(other.id) ?? nowMs]));
    this.#otherSinceMs = sinceMs;
    const isLong = (other: { readonly id: string }) => nowMs - (sinceMs.get(other.id) ?? nowMs) >= DIFFERS_AFTER_MS;
    const hosts = others
      .filter(isLong)
      .map(({ host }) => host)
      .sort();
    if (hosts.length > 0 && this.#differs.length === 0)
      logger.warn('replicas have different configurations', { hosts: hosts.join(', ') });
    if (hosts.length === 0 && this.#differs.length > 0) logger.info('replicas have the same configuration again');
    this.#differs = hosts;
  }

  #follow({ epoch, members, settled, isMember }: BeatReply, isForgotten: boolean): void {
    const { release, take } = this.#options;
    const view = { epoch, members: members.map(({ id }) => id).sort() };
    this.#isForgotten ||= isForgotten;
    if (epoch !== this.#epoch) {
      this.#epoch = epoch;
      this.#change(
        async () => {
          const ofEverything = !isMember || this.#isForgotten;
          await release(ofEverything ? undefined : view);
          if (ofEverything) this.#isForgotten = false;
          this.#released = epoch;
        },
        () => {
          this.#epoch = 0;
        },
      );
    }
    if (settled && isMember && this.#taken !== epoch && this.#released === epoch) {
      this.#taken = epoch;
      this.#change(
        async () => {
          if (epoch === this.#epoch) await take(view);
        },
        () => {
          this.#taken = 0;
        },
      );
    }
  }

  #change(make: () => Promise<void>, undo: () => void): void {
    this.#changes = this.#changes.then(make).then(
      () => this.beatNow(),
      (error: unknown) => {
        undo();
        this.#options.failed(error);
      },
    );
  }

  /** Logs the begin of an outage with its first cause, and its end; before the first exchange each cause. */
  #log(problem: string | undefined): void {
    const { logger, max } = this.#options;
    const former = this.#lastProblem;
    this.#lastProblem = problem;
    if (problem === former) return;
    // Who sets up a group learns of one obstacle after the other; an outage has one line.
    if (problem !== undefined && former !== undefined && this.#seen > 0) return;
    if (problem === undefined) logger.info('Redis answers again: the replicas share the quota');
    else if (this.#seen === 0) logger.error('no answer from Redis: this replica waits to join the others', { problem });
    else {
      const message = `no answer from Redis: this replica keeps its repositories, and goes on with 1/${max} of each rate`;
      logger.error(message, { problem });
    }
  }
}
