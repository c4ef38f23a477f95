// Requests the status or the summary of a tag's scan. If an answer has no scan, `next-request.ts` decides on the next request.

import { ApiError } from '../acr/api-error.ts';
import { isNoSuchScan, isNoSuchThing } from '../acr/error-codes.ts';
import type { GetRepoTagAnswer, GetRepoTagScanStatusAnswer, GetRepoTagScanSummaryAnswer } from '../acr/operations.ts';
import { type ImageName, isSameDigest } from '../model/digest.ts';
import { dueMonotonicMs, type Moment, type RestoreMoment, wallMs } from '../model/moment.ts';
import { hadScan, type ScanStatus, type ScanSubject } from '../model/scan.ts';
import type { NamesMemory } from '../model/snapshot.ts';
import type { FoundTag, Repository, Target } from '../model/target.ts';
import type { Task } from '../scheduler/task.ts';
import type { WatchedTag } from '../state/store.ts';
import type { Clock } from '../util/clock.ts';
import {
  type Attempts,
  afterNoScan,
  afterScan,
  digestFor,
  type Evidence,
  firstName,
  type Step,
  type TagVerdict,
  workingName,
} from './next-request.ts';
import { type RequestSender, SendAgain } from './request-sender.ts';
import type { WatchedInstance } from './watched-instance.ts';

/** How long a list or GetRepoTag proves that a tag exists, and how long a refused digest form or a denied GetRepoTag is not tried again. */
export const EVIDENCE_HOLDS_MS = 3_600_000;

const ACTIONS = { status: 'GetRepoTagScanStatus', summary: 'GetRepoTagScanSummary' } as const;

/** An answer about a scan. */
export type ScanAnswer =
  | { readonly subject: 'status'; readonly answer: GetRepoTagScanStatusAnswer }
  | { readonly subject: 'summary'; readonly answer: GetRepoTagScanSummaryAnswer };

/** The result after a request; `pending` when another request is due, `replaced` when the tag has another image than discovery found. */
export type ScanResult =
  | ({ readonly kind: 'answered' } & ScanAnswer)
  | { readonly kind: 'failed'; readonly subject: ScanSubject; readonly error: ApiError }
  | { readonly kind: 'pending'; readonly subject: ScanSubject }
  | { readonly kind: 'replaced'; readonly subject: ScanSubject };

/** The requests of one poll or one summary so far, and the next one. Immutable. */
export type PendingRequest = {
  readonly subject: ScanSubject;
  readonly target: Target;
  readonly attempts: Attempts;
  readonly next: Exclude<Step, { readonly ask: undefined }>;
  /** The first error that says that there is no such scan. It is the error of the poll if all requests fail. */
  readonly error: ApiError | undefined;
  /** Why it is not known whether the tag exists, as a text for messages; undefined if it is known, or was not asked. */
  readonly doubt: string | undefined;
  /** An answer that is used unless the tag turns out to have another digest than the listed one. */
  readonly found: ScanAnswer | undefined;
};

/** The poll that a request is sent for. */
export interface ScanPoll extends Task {
  readonly tag: WatchedTag;
  readonly instance: WatchedInstance;
  readonly discovered: FoundTag | undefined;
  /** When a list or GetRepoTag last showed the tag; minus infinity before the first time. */
  readonly seenAtMs: number;
  /** The next request of an unfinished poll, which is due at once. */
  pending: PendingRequest | undefined;
  seen(pushedMs: number | undefined): void;
}

export type ScanRequestsOptions = {
  readonly requests: RequestSender;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
};

/** Sends the requests, and remembers for each instance which form of digests it accepts. */
export class ScanRequests {
  readonly #options: ScanRequestsOptions;
  /** The image name by which each instance finds scans. */
  readonly #working = new WeakMap<WatchedInstance, Partial<Record<ScanSubject, ImageName>>>();
  /** Until when an image name is not tried: the instance has refused it and accepted another one. */
  readonly #refusedUntilMs = new WeakMap<WatchedInstance, readonly RefusedUntil[]>();
  /** Until when GetRepoTag is not sent for a repository: it was denied. */
  readonly #deniedUntilMs = new WeakMap<Repository, number>();

  constructor(options: ScanRequestsOptions) {
    this.#options = options;
  }

  /**
   * Sends the pending request of a poll, or the first one about this subject.
   *
   * @returns the result of the poll, and the error of this request, which the scheduler needs for the rate and the credentials
   */
  async ask(
    poll: ScanPoll,
    subject: ScanSubject,
  ): Promise<{ readonly result: ScanResult; readonly error: ApiError | undefined }> {
    const pending = takePending(poll);
    try {
      return await (pending?.next.ask === 'tag'
        ? this.#askTag(poll, pending)
        : this.#askScan(poll, pending?.subject ?? subject, pending));
    } catch (error) {
      if (error instanceof SendAgain) poll.pending = pending;
      throw error;
    }
  }

  /** Drops the request that is due because it cannot be sent. Gives its subject and action. */
  drop(poll: ScanPoll, subject: ScanSubject) {
    const pending = takePending(poll);
    const about = pending?.subject ?? subject;
    return { subject: about, action: pending?.next.ask === 'tag' ? ('GetRepoTag' as const) : ACTIONS[about] };
  }

  /** What outlives the process of how an instance finds scans. */
  memory(instance: WatchedInstance, moment: Moment): NamesMemory {
    const refused = (this.#refusedUntilMs.get(instance) ?? []).filter(({ untilMs }) => moment.monotonicMs < untilMs);
    return {
      ...this.#working.get(instance),
      refused: refused.map(({ subject, name, untilMs }) => ({ subject, name, until: wallMs(untilMs, moment) })),
    };
  }

  /** Goes on with what a former process knew of an instance. */
  resume(instance: WatchedInstance, { status, summary, refused }: NamesMemory, moment: RestoreMoment): void {
    this.#working.set(instance, { ...(status && { status }), ...(summary && { summary }) });
    const until = (each: number) => dueMonotonicMs(each, moment, EVIDENCE_HOLDS_MS);
    this.#refusedUntilMs.set(
      instance,
      refused.map((each) => ({ subject: each.subject, name: each.name, untilMs: until(each.until) })),
    );
  }

  async #askScan(poll: ScanPoll, subject: ScanSubject, pending: PendingRequest | undefined) {
    const evidence = this.#evidence(poll, subject);
    const by = pending?.next.ask === 'scan' ? pending.next.by : firstName(evidence, this.#options.random());
    const { asked = [], refused: before = [], wasAnswered = false, tag } = pending?.attempts ?? {};
    const answer = await this.#sendScan(poll, subject, by);
    const error = answer instanceof ApiError ? answer : undefined;
    const isRefused = error !== undefined && (asked.length > 0 ? isNotTaken(error) : isDigestNotTaken(error, by));
    if (error !== undefined && !isNoSuchScan(error) && !isRefused) {
      return { result: { kind: 'failed', subject, error } as const, error };
    }
    const refused = isRefused ? [...before, by] : before;
    const attempts = {
      asked: [...asked, by],
      refused,
      wasAnswered: wasAnswered || error === undefined,
      tag,
      askedSince: tag !== undefined,
    };
    const found = answer instanceof ApiError ? undefined : answer;
    const { error: firstError = error, doubt } = pending ?? {};
    const request = { subject, target: poll.tag.target, attempts, error: firstError, doubt, found };
    if (attempts.asked.length > refused.length) this.#noteRefused(poll.instance, subject, refused);
    if (found === undefined) return { result: this.#proceed(poll, request, afterNoScan(attempts, evidence)), error };
    this.#noteWorking(poll.instance, subject, workingName(attempts, evidence));
    return { result: this.#proceed(poll, request, afterScan(attempts, evidence, statusIn(found))), error };
  }

  /**
   * The answer with a scan, an error, or undefined for an answer without a scan. An error that there is no scan, or that this form of digest is
   * not accepted, is not counted yet: other requests decide what it means.
   */
  async #sendScan(poll: ScanPoll, subject: ScanSubject, by: ImageName): Promise<ScanAnswer | ApiError | undefined> {
    const { repository, tag, digest: listed, scanTaskId } = poll.tag.target;
    const digest = digestFor(listed, by);
    const optional = { ...(digest !== undefined && { digest }), ...(scanTaskId !== '' && { scanTaskId }) };
    const request = { instanceId: repository.instanceId, repoId: repository.id, tag, ...optional };
    const { requests } = this.#options;
    const isFailure = (error: ApiError) => !isNoSuchScan(error) && !isDigestNotTaken(error, by);
    if (subject === 'summary') {
      const answer = await requests.send(
        poll,
        poll.instance,
        ACTIONS.summary,
        (api) => api.getRepoTagScanSummary(request),
        isFailure,
      );
      return answer instanceof ApiError ? answer : { subject, answer };
    }
    const answer = await requests.send(
      poll,
      poll.instance,
      ACTIONS.status,
      (api) => api.getRepoTagScanStatus(request),
      isFailure,
    );
    if (answer instanceof ApiError) return answer;
    return answer.status === 'not_scanned' ? undefined : { subject, answer };
  }

  async #askTag(poll: ScanPoll, pending: PendingRequest) {
    const { repository, tag, digest } = poll.tag.target;
    const request = { instanceId: repository.instanceId, repoId: repository.id, tag };
    const { requests, clock } = this.#options;
    const answer = await requests.send(poll, poll.instance, 'GetRepoTag', (api) => api.getRepoTag(request));
    const error = answer instanceof ApiError ? answer : undefined;
    if (error?.kind === 'denied') this.#deniedUntilMs.set(repository, clock.monotonic() + EVIDENCE_HOLDS_MS);
    const verdict = answer instanceof ApiError ? verdictOnError(answer) : verdictOn(digest, answer);
    const isSameRepository = poll.tag.target.repository.id === repository.id;
    if (!(answer instanceof ApiError) && verdict !== 'gone' && isSameRepository) poll.seen(answer.imageUpdate);
    return { result: this.#conclude(poll, { ...pending, doubt: doubtOf(verdict, error) }, verdict), error };
  }

  /** Decides on the next step after GetRepoTag has answered, failed, or was left out. */
  #conclude(poll: ScanPoll, request: Omit<PendingRequest, 'next'>, tag: TagVerdict): ScanResult {
    const attempts = { ...request.attempts, tag, askedSince: false };
    const evidence = this.#evidence(poll, request.subject);
    const { found } = request;
    const step = found === undefined ? afterNoScan(attempts, evidence) : afterScan(attempts, evidence, statusIn(found));
    return this.#proceed(poll, { ...request, attempts }, step);
  }

  #proceed(poll: ScanPoll, request: Omit<PendingRequest, 'next'>, step: Step): ScanResult {
    const { subject, error, doubt, found } = request;
    const { clock, requests } = this.#options;
    if (step.ask === 'tag' && clock.monotonic() < (this.#deniedUntilMs.get(poll.tag.target.repository) ?? 0)) {
      return this.#conclude(poll, { ...request, doubt: NO_RIGHT_TO_TAGS }, 'unknown');
    }
    if (step.ask !== undefined) {
      poll.pending = { ...request, next: step };
      return { kind: 'pending', subject };
    }
    if (step.verdict === 'replaced') return { kind: 'replaced', subject };
    if (step.verdict === 'found' && found !== undefined) return { kind: 'answered', ...found };
    if (error === undefined || (step.verdict === 'not_scanned' && subject === 'status')) return NEVER_SCANNED;
    requests.failed(poll.instance.id, ACTIONS[subject], error.code);
    return { kind: 'failed', subject, error: doubt === undefined ? error : withDoubt(error, doubt) };
  }

  #evidence({ tag: { target, state }, instance, discovered, seenAtMs }: ScanPoll, subject: ScanSubject): Evidence {
    const isFresh = this.#options.clock.monotonic() - seenAtMs < EVIDENCE_HOLDS_MS;
    return {
      digest: target.digest,
      isPresentDigest: discovered !== undefined,
      works: this.#working.get(instance)?.[subject],
      refused: this.#refused(instance, subject),
      before: state.status,
      // A tag that had a scan and has none now may be deleted. A summary is requested only of a tag with a complete scan, which exists.
      exists: subject === 'summary' || (isFresh && !hadScan(state.status)),
    };
  }

  #refused(instance: WatchedInstance, subject: ScanSubject): ReadonlySet<ImageName> {
    const refused = this.#refusedUntilMs.get(instance);
    if (refused === undefined) return NONE;
    const nowMs = this.#options.clock.monotonic();
    const valid = refused.filter((each) => each.subject === subject && each.name !== 'tag' && nowMs < each.untilMs);
    return new Set(valid.map(({ name }) => name));
  }

  /** Remembers the names that were refused while another one was accepted. */
  #noteRefused(instance: WatchedInstance, subject: ScanSubject, refused: readonly ImageName[]): void {
    if (refused.length === 0) return;
    const untilMs = this.#options.clock.monotonic() + EVIDENCE_HOLDS_MS;
    const before = this.#refusedUntilMs.get(instance) ?? [];
    const others = before.filter((each) => each.subject !== subject || !refused.includes(each.name));
    this.#refusedUntilMs.set(instance, [...others, ...refused.map((name) => ({ subject, name, untilMs }))]);
  }

  #noteWorking(instance: WatchedInstance, subject: ScanSubject, name: ImageName | undefined): void {
    const known = this.#working.get(instance);
    if (name !== undefined && name !== known?.[subject]) this.#working.set(instance, { ...known, [subject]: name });
  }
}

type RefusedUntil = { readonly subject: ScanSubject; readonly name: ImageName; readonly untilMs: number };

const NONE: ReadonlySet<ImageName> = new Set();

const NEVER_SCANNED: ScanResult = {
  kind: 'answered',
  subject: 'status',
  answer: { status: 'not_scanned', statusText: '', scanService: '', requestId: '' },
};

/** Whether the API may not accept this image name: any error except that something does not exist. */
function isNotTaken({ kind, code }: ApiError): boolean {
  return kind === 'answered' && !isNoSuchThing(code);
}

/** The same for a request with a digest, if the code says that the digest or a parameter is invalid. */
function isDigestNotTaken(error: ApiError, by: ImageName): boolean {
  return by !== 'tag' && isNotTaken(error) && /digest|param|format/i.test(error.code);
}

/** Removes the pending request from a poll and gives it, unless it is about another target. */
function takePending(poll: ScanPoll): PendingRequest | undefined {
  const { pending, tag } = poll;
  poll.pending = undefined;
  return pending?.target === tag.target ? pending : undefined;
}

/** Undefined for a summary, and for a status that this version does not know. */
function statusIn({ subject, answer }: ScanAnswer): ScanStatus | undefined {
  return subject === 'summary' || answer.status === 'unknown' ? undefined : answer.status;
}

const NO_RIGHT_TO_TAGS =
  'it cannot be checked whether the tag exists: GetRepoTag is denied (RAM action cr:ListRepositoryTag)';

/** Why a tag without a scan does not count as never scanned, as a text for messages. */
function doubtOf(verdict: TagVerdict, error: ApiError | undefined): string | undefined {
  if (verdict === 'gone') return `the tag does not exist: ${error?.code ?? 'it is being deleted'} (GetRepoTag)`;
  if (error?.kind === 'denied') return NO_RIGHT_TO_TAGS;
  return error && `it is not known whether the tag exists: ${error.code} (GetRepoTag)`;
}

function withDoubt({ code, kind, message, requestId, retryAfterMs }: ApiError, doubt: string): ApiError {
  return new ApiError({ code, kind, message: `${message}; ${doubt}`, requestId, retryAfterMs });
}

function verdictOnError({ kind, code }: ApiError): TagVerdict {
  return kind === 'answered' && isNoSuchThing(code) ? 'gone' : 'unknown';
}

function verdictOn(listed: string, { isDeleting, digest }: GetRepoTagAnswer): TagVerdict {
  if (isDeleting) return 'gone';
  return listed === '' || digest === '' || isSameDigest(listed, digest) ? 'same' : 'other';
}
