// Asks how a tag's scan stands, or what it found: one request at a time, and where that finds no scan, what an inquiry asks next.
import {
  ApiError,
  type GetRepoTagBody,
  type GetRepoTagScanStatusBody,
  type GetRepoTagScanSummaryBody,
} from '../acr/api.ts';
import { isSameDigest } from '../model/digest.ts';
import type { ScanStatus } from '../model/scan.ts';
import { hadScan } from '../model/scan.ts';
import type { Repository, Target } from '../model/target.ts';
import type { Clock } from '../util/clock.ts';
import { isNoSuchScan, isNoSuchThing, statusOf } from './error-codes.ts';
import {
  afterNoScan,
  afterScan,
  digestFor,
  type Evidence,
  firstNaming,
  type Inquiry,
  learnt,
  type Naming,
  type Step,
  type TagVerdict,
} from './inquiry.ts';
import { type Requests, SendAgain } from './requests.ts';
import { noteSeen, type PollTask, type WatchedInstance } from './task.ts';

/** For so long a listing or GetRepoTag shows that a tag exists, and a denial that there is no use in asking. */
const EVIDENCE_HOLDS_MS = 3_600_000;

export type Subject = 'status' | 'summary';

export const ACTIONS = { status: 'GetRepoTagScanStatus', summary: 'GetRepoTagScanSummary' } as const;

/** An answer of the API about a scan. A status is empty where the image was never scanned. */
export type ScanAnswer =
  | { readonly subject: 'status'; readonly body: GetRepoTagScanStatusBody }
  | { readonly subject: 'summary'; readonly body: GetRepoTagScanSummaryBody };

/** What a question has come to; `open` when another request is due. */
export type Outcome =
  | ({ readonly kind: 'answered' } & ScanAnswer)
  | { readonly kind: 'failed'; readonly subject: Subject; readonly error: ApiError }
  | { readonly kind: 'open'; readonly subject: Subject };

/** A question of which at least one request was answered, and the next one is due. Immutable. */
export type OpenQuestion = {
  readonly subject: Subject;
  readonly target: Target;
  readonly inquiry: Inquiry;
  readonly next: NextRequest;
  /** The first error that said that there is no such scan: it counts as a failure when the whole question fails. */
  readonly error: ApiError | undefined;
  /** Why the tag is not known to exist, for people; undefined where it is, or was not in doubt. */
  readonly doubt: string | undefined;
  /** An answer that counts unless the tag turns out to have another digest than the one that was listed. */
  readonly found: ScanAnswer | undefined;
};

type NextRequest = Exclude<Step, { readonly ask: undefined }>;
type Asked = Omit<OpenQuestion, 'next'>;

/** What came of one request. */
type Asking = { readonly outcome: Outcome; readonly error: ApiError | undefined };

export type QuestionsOptions = {
  readonly requests: Requests;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
};

export class Questions {
  readonly #options: QuestionsOptions;
  /** By which naming each instance finds scans. */
  readonly #namings = new WeakMap<WatchedInstance, Partial<Record<Subject, Naming>>>();
  /** Until when there is no use in a naming: the instance has refused it where it took another one. */
  readonly #refusedUntilMs = new WeakMap<WatchedInstance, Map<string, number>>();
  /** Until when there is no use in asking GetRepoTag of a repository: there is no right to it. */
  readonly #untoldUntilMs = new WeakMap<Repository, number>();

  constructor(options: QuestionsOptions) {
    this.#options = options;
  }

  /**
   * Sends the next request of the open question, or the first one about this subject.
   *
   * @returns what the question has come to, and the error of this request, which says something about the credentials
   */
  async ask(task: PollTask, wanted: Subject): Promise<Asking> {
    const open = takeOpen(task);
    try {
      return await this.#askNext(task, wanted, open);
    } catch (error) {
      if (error instanceof SendAgain) task.question = open;
      throw error;
    }
  }

  async #askNext(task: PollTask, wanted: Subject, open: OpenQuestion | undefined): Promise<Asking> {
    if (open?.next.ask === 'tag') return this.#askTag(task, open);
    const subject = open?.subject ?? wanted;
    const evidence = this.#evidence(task, subject);
    const by = open?.next.by ?? firstNaming(evidence, this.#options.random());
    const { asked = [], refused: before = [], wasAnswered = false, tag } = open?.inquiry ?? {};
    const { answer, error } = await this.#askScan(task, subject, by);
    const isRefused = error !== undefined && (asked.length > 0 ? isNotTaken(error) : isDigestNotTaken(error, by));
    const refused = isRefused ? [...before, by] : before;
    const inquiry = {
      asked: [...asked, by],
      refused,
      wasAnswered: wasAnswered || error === undefined,
      tag,
      askedSince: tag !== undefined,
    };
    const { error: firstError = error, doubt } = open ?? {};
    const question = { subject, target: task.tag.target, inquiry, error: firstError, doubt, found: answer };
    if (error !== undefined && !isNoSuchScan(error) && !isRefused) {
      return { outcome: { kind: 'failed', subject, error }, error };
    }
    if (inquiry.asked.length > refused.length) this.#noteRefused(task, subject, refused);
    if (answer !== undefined) {
      this.#learn(task, subject, learnt(inquiry, evidence));
      return { outcome: this.#goOn(task, question, afterScan(inquiry, evidence, statusIn(answer))), error };
    }
    return { outcome: this.#goOn(task, question, afterNoScan(inquiry, evidence)), error };
  }

  /** The request that is due cannot be sent: the question is dropped. Says what that request was to be. */
  drop(task: PollTask, wanted: Subject) {
    const open = takeOpen(task);
    const subject = open?.subject ?? wanted;
    return { subject, action: open?.next.ask === 'tag' ? ('GetRepoTag' as const) : ACTIONS[subject] };
  }

  /**
   * The answer with a scan, if there is one. An error that there is none, or that a digest is not taken in this form, is not counted: what
   * it means is not known yet.
   */
  async #askScan(task: PollTask, subject: Subject, by: Naming) {
    const { repository, tag, digest: listed, scanTaskId } = task.tag.target;
    const digest = digestFor(listed, by);
    const optional = { ...(digest !== undefined && { digest }), ...(scanTaskId !== '' && { scanTaskId }) };
    const request = { instanceId: repository.instanceId, repoId: repository.id, tag, ...optional };
    const { requests } = this.#options;
    const isFailure = (error: ApiError) => !isNoSuchScan(error) && !isDigestNotTaken(error, by);
    if (subject === 'summary') {
      const summary = await requests.send(
        task,
        ACTIONS.summary,
        (api) => api.getRepoTagScanSummary(request),
        isFailure,
      );
      return { answer: summary.body && { subject, body: summary.body }, error: summary.error };
    }
    const { body, error } = await requests.send(
      task,
      ACTIONS.status,
      (api) => api.getRepoTagScanStatus(request),
      isFailure,
    );
    return { answer: body && body.status !== '' ? { subject, body } : undefined, error };
  }

  async #askTag(task: PollTask, open: OpenQuestion) {
    const { repository, tag, digest } = task.tag.target;
    const request = { instanceId: repository.instanceId, repoId: repository.id, tag };
    const { requests, clock } = this.#options;
    const { body, error } = await requests.send(task, 'GetRepoTag', (api) => api.getRepoTag(request));
    if (error?.kind === 'denied') this.#untoldUntilMs.set(repository, clock.monotonic() + EVIDENCE_HOLDS_MS);
    const verdict = verdictOn(digest, body, error);
    const isSameRepository = task.tag.target.repository.id === repository.id;
    if (body !== undefined && verdict !== 'gone' && isSameRepository) {
      noteSeen(task, body.imageUpdate, { nowMs: clock.now(), monotonicMs: clock.monotonic() });
    }
    return { outcome: this.#concluded(task, { ...open, doubt: doubtOf(verdict, error) }, verdict), error };
  }

  /** Goes on with a question that waited for what is known of the tag. */
  #concluded(task: PollTask, question: Asked, tag: TagVerdict): Outcome {
    const inquiry = { ...question.inquiry, tag, askedSince: false };
    const evidence = this.#evidence(task, question.subject);
    const { found } = question;
    const step = found === undefined ? afterNoScan(inquiry, evidence) : afterScan(inquiry, evidence, statusIn(found));
    return this.#goOn(task, { ...question, inquiry }, step);
  }

  #goOn(task: PollTask, question: Asked, step: Step): Outcome {
    const { subject, error, doubt, found } = question;
    if (
      step.ask === 'tag' &&
      this.#options.clock.monotonic() < (this.#untoldUntilMs.get(task.tag.target.repository) ?? 0)
    ) {
      return this.#concluded(task, { ...question, doubt: NO_RIGHT_TO_TAGS }, 'untold');
    }
    if (step.ask !== undefined) {
      task.question = { ...question, next: step };
      return { kind: 'open', subject };
    }
    if (step.verdict === 'found' && found !== undefined) return { kind: 'answered', ...found };
    if (error === undefined || (step.verdict === 'not_scanned' && subject === 'status')) return NEVER_SCANNED;
    this.#options.requests.failed(task.watched.instance.id, ACTIONS[subject], error.code);
    return { kind: 'failed', subject, error: doubt === undefined ? error : withDoubt(error, doubt) };
  }

  #evidence({ tag: { target, state }, watched, discovered, seenAtMs }: PollTask, subject: Subject): Evidence {
    const isFresh = this.#options.clock.monotonic() - seenAtMs < EVIDENCE_HOLDS_MS;
    return {
      digest: target.digest,
      isPresentDigest: discovered !== undefined,
      works: this.#namings.get(watched.instance)?.[subject],
      refused: this.#refused(watched.instance, subject),
      before: state.status,
      // A tag that had a scan and has none now may be gone; one that has a complete scan exists.
      exists: subject === 'summary' || (isFresh && !hadScan(state.status)),
    };
  }

  #refused(instance: WatchedInstance, subject: Subject): ReadonlySet<Naming> {
    const untilMs = this.#refusedUntilMs.get(instance);
    if (untilMs === undefined) return NONE;
    const nowMs = this.#options.clock.monotonic();
    return new Set(FORMS.filter((form) => nowMs < (untilMs.get(`${subject} ${form}`) ?? 0)));
  }

  /** These were refused in a question of which another naming was taken. */
  #noteRefused({ watched: { instance } }: PollTask, subject: Subject, refused: readonly Naming[]): void {
    if (refused.length === 0) return;
    const untilMs = this.#refusedUntilMs.get(instance) ?? new Map<string, number>();
    for (const naming of refused) {
      untilMs.set(`${subject} ${naming}`, this.#options.clock.monotonic() + EVIDENCE_HOLDS_MS);
    }
    this.#refusedUntilMs.set(instance, untilMs);
  }

  #learn({ watched: { instance } }: PollTask, subject: Subject, works: Naming | undefined): void {
    const known = this.#namings.get(instance);
    if (works !== undefined && works !== known?.[subject]) this.#namings.set(instance, { ...known, [subject]: works });
  }
}

const FORMS = ['bare', 'prefixed'] as const;
const NONE: ReadonlySet<Naming> = new Set();

const NEVER_SCANNED: Outcome = {
  kind: 'answered',
  subject: 'status',
  body: { status: '', scanService: '', requestId: '' },
};

/** Whether the API says, in other words than that there is no such thing, that it does not take a request as it is named. */
function isNotTaken({ kind, code }: ApiError): boolean {
  return kind === 'answered' && !isNoSuchThing(code);
}

/** The same of a request with a digest, where the code says what the API does not take. */
function isDigestNotTaken(error: ApiError, by: Naming): boolean {
  return by !== 'tag' && isNotTaken(error) && /digest|param|format/i.test(error.code);
}

/** The open question of a task, which has none any more; one about another target is dropped. */
function takeOpen(task: PollTask): OpenQuestion | undefined {
  const { question, tag } = task;
  task.question = undefined;
  return question?.target === tag.target ? question : undefined;
}

function statusIn(answer: ScanAnswer): ScanStatus | undefined {
  return answer.subject === 'status' ? statusOf(answer.body.status) : undefined;
}

const NO_RIGHT_TO_TAGS =
  'whether the tag exists cannot be asked: GetRepoTag is denied (RAM action cr:ListRepositoryTag)';

/** In words, why a tag that no scan was found of does not count as one that was never scanned. */
function doubtOf(verdict: TagVerdict, error: ApiError | undefined): string | undefined {
  if (verdict === 'gone') return `the tag does not exist: ${error?.code ?? 'it is being deleted'} (GetRepoTag)`;
  if (error?.kind === 'denied') return NO_RIGHT_TO_TAGS;
  return error && `whether the tag exists is not known: ${error.code} (GetRepoTag)`;
}

function withDoubt({ code, kind, message, requestId, retryAfterMs }: ApiError, doubt: string): ApiError {
  return new ApiError({ code, kind, message: `${message}; ${doubt}`, requestId, retryAfterMs });
}

function verdictOn(digest: string, body: GetRepoTagBody | undefined, error: ApiError | undefined): TagVerdict {
  if (error !== undefined) return error.kind === 'answered' && isNoSuchThing(error.code) ? 'gone' : 'untold';
  if (body?.isDeleting) return 'gone';
  return digest === '' || !body?.digest || isSameDigest(digest, body.digest) ? 'same' : 'other';
}
