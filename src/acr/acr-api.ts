// The ACR API over the SDK. Each call sends one request, and every failure is an `ApiError`.
import type { ScanStatus } from '../model/scan.ts';
import { MAX_SLEEP_MS } from '../util/clock.ts';
import type { Redactor } from '../util/redactor.ts';
import { type AnswerFields, readAnswer } from './answer.ts';
import { ApiError, networkFailure } from './api-error.ts';
import type { Routes } from './connections/routes.ts';
import type { CredentialSource } from './credentials/credentials.ts';
import type { SdkCredentials } from './credentials/sdk-providers.ts';
import type { ErrorCodeLimiter } from './error-code-limiter.ts';
import type { AcrApi, AcrOperations, ApiAction, EventCenterRecord, PageAnswer } from './operations.ts';
import type { Caller, RequestFields, Sdk } from './sdk.ts';

/** The timeout of the SDK is this much longer than ours, so that a slow answer is always our `RequestTimeout`. */
const SDK_EXTRA_TIMEOUT_MS = 30_000;

/** A status that this version does not know is passed on, cut to this length. */
const MAX_STATUS_LENGTH = 64;
/** A token is sent back in the URL of the next request. */
const MAX_TOKEN_LENGTH = 2_048;

/** The statuses of the API. An answer without one is about an image that was never scanned. */
const STATUSES: ReadonlyMap<string, ScanStatus> = new Map([
  ['SCANNING', 'scanning'],
  ['RETRYING', 'retrying'],
  ['COMPLETE', 'complete'],
  ['FAILED', 'failed'],
  ['', 'not_scanned'],
]);

export type AcrApiOptions = {
  readonly sdk: Sdk;
  readonly endpoint: {
    readonly protocol: 'http' | 'https';
    /** With the port if it is not the default one. */
    readonly host: string;
  };
  readonly region: string;
  readonly routes: Routes;
  readonly credentials: CredentialSource;
  /** From sending to the last byte. */
  readonly requestTimeoutMs: number;
  /** One for the process: the limit of codes is for all metrics. */
  readonly errorCodes: ErrorCodeLimiter;
  readonly redactor: Redactor;
};

/**
 * The API of one endpoint. It signs with the present credentials, and sends nothing if there are none. The caller renews them, because it knows
 * when there is time for that.
 */
export function createAcrApi(options: AcrApiOptions): AcrApi {
  const sender = createSenders(options);
  return { ...createOperations(sender(false)), afresh: createOperations(sender(true)) };
}

function createOperations(send: Sender): AcrOperations {
  return {
    getRepoTagScanStatus: async (request) => {
      const fields = await send('GetRepoTagScanStatus', request);
      const sent = readStatus(fields);
      const statusText = fields.shown(sent, MAX_STATUS_LENGTH);
      const scanService = fields.shown(fields.anyText('ScanService'), MAX_STATUS_LENGTH);
      return { status: STATUSES.get(sent) ?? 'unknown', statusText, requestId: fields.requestId, scanService };
    },
    getRepoTagScanSummary: async (request) => {
      const fields = await send('GetRepoTagScanSummary', request);
      const severities = {
        highSeverity: fields.count('HighSeverity'),
        mediumSeverity: fields.count('MediumSeverity'),
        lowSeverity: fields.count('LowSeverity'),
        unknownSeverity: fields.count('UnknownSeverity'),
      };
      return { ...severities, requestId: fields.requestId };
    },
    getRepository: async (request) => {
      const fields = await send('GetRepository', request);
      return { ...readRepository(fields), requestId: fields.requestId };
    },
    listRepository: async (request) => {
      const fields = await send('ListRepository', request);
      return { ...readPage(fields), repositories: fields.list('Repositories', readListedRepository) };
    },
    listRepoTag: async (request) => {
      const fields = await send('ListRepoTag', request);
      return { ...readPage(fields), images: fields.list('Images', readImage) };
    },
    getRepoTag: async (request) => {
      const fields = await send('GetRepoTag', request);
      return { ...readImageOfTag(fields), requestId: fields.requestId };
    },
    listEventCenterRecord: async (request) => {
      const fields = await send('ListEventCenterRecord', request);
      const totalCount = fields.optionalCount('TotalCount');
      return { records: fields.list('Records', readEventRecord), totalCount, requestId: fields.requestId };
    },
    listEventCenterRuleName: async (request) => {
      const fields = await send('ListEventCenterRuleName', request);
      const ruleNames = fields.optionalList('RuleNames', (rule) => rule.anyText('RuleName'));
      return { ruleNames, requestId: fields.requestId };
    },
  };
}

/** Only an answer that says success may have no status. Any other answer without one is invalid. */
function readStatus(fields: AnswerFields): string {
  const longest = Number.POSITIVE_INFINITY;
  return fields.saysSuccess ? fields.optionalText('Status', longest) : fields.text('Status', longest);
}

function readPage(fields: AnswerFields): PageAnswer {
  const nextToken = fields.optionalText('NextToken', MAX_TOKEN_LENGTH);
  return { totalCount: fields.optionalCount('TotalCount'), nextToken, requestId: fields.requestId };
}

function readRepository(fields: AnswerFields) {
  return {
    repoId: fields.text('RepoId'),
    repoNamespaceName: fields.text('RepoNamespaceName'),
    repoName: fields.text('RepoName'),
  };
}

function readListedRepository(fields: AnswerFields) {
  return { ...readRepository(fields), isGone: !['', 'NORMAL'].includes(fields.anyText('RepoStatus')) };
}

/** A damaged record must not make the others unreadable: what it lacks is empty. */
function readEventRecord(fields: AnswerFields): EventCenterRecord {
  return {
    recordId: fields.anyText('RecordId'),
    eventType: fields.anyText('EventType'),
    namespace: fields.anyText('Namespace'),
    repoName: fields.anyText('RepoName'),
    tag: fields.anyText('Tag'),
    createTime: fields.optionalCount('CreateTime'),
  };
}

function readImage(fields: AnswerFields) {
  return { tag: fields.text('Tag'), ...readImageOfTag(fields) };
}

function readImageOfTag(fields: AnswerFields) {
  return {
    digest: fields.optionalText('Digest'),
    imageUpdate: fields.optionalCount('ImageUpdate'),
    isDeleting: fields.anyText('Status') === 'DELETING',
  };
}

/** Sends a request and returns the fields of a successful answer. */
type Sender = (action: ApiAction, parameters: RequestFields) => Promise<AnswerFields>;

/** Creates senders: on any connection, or on new connections only. */
function createSenders(options: AcrApiOptions): (isFresh: boolean) => Sender {
  const { sdk, endpoint, region, routes, credentials, requestTimeoutMs, redactor } = options;
  /** A client of the SDK for each credentials in use: it asks for them during the call, when others may have taken their place. */
  const callers = new WeakMap<SdkCredentials, Caller>();
  const callerWith = (used: SdkCredentials): Caller => {
    const known = callers.get(used);
    if (known !== undefined) return known;
    const caller = sdk.createCaller({
      endpoint,
      region,
      credential: { getCredential: async () => used },
      timeoutMs: Math.min(requestTimeoutMs + SDK_EXTRA_TIMEOUT_MS, MAX_SLEEP_MS),
    });
    callers.set(used, caller);
    return caller;
  };
  return (isFresh) => async (action, parameters) => {
    const used = credentials.current();
    if (used === undefined) throw credentials.unavailable();
    const route = routes.to(endpoint, 'api');
    // An error of the SDK or Node is a network failure. An error of our own code while it reads the answer is not.
    const sent = sdk.transport.send((nonce) => callerWith(used)(action, parameters, nonce), {
      timeoutMs: requestTimeoutMs,
      isFresh,
      route,
    });
    const reply = await sent.catch((error: unknown) => {
      throw error instanceof ApiError ? error : networkFailure(error, redactor);
    });
    try {
      return readAnswer(reply, options);
    } catch (error) {
      if (error instanceof ApiError && error.kind === 'refused') credentials.refused(used);
      throw error;
    }
  };
}
