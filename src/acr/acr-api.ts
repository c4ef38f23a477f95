// The port to the ACR API over the SDK: one request a call, and one kind of error whatever happens.
import { AsyncLocalStorage } from 'node:async_hooks';
import { LONGEST_SLEEP_MS } from '../util/clock.ts';
import type { Redactor } from '../util/redactor.ts';
import { readAnswer } from './answer.ts';
import { AnswerFields } from './answer-fields.ts';
import type { AcrApi, AcrOperations, ApiAction, PageAnswer } from './api.ts';
import type { Parameters, Sdk } from './client.ts';
import type { CredentialSource } from './credentials.ts';
import type { ErrorCodeLimiter } from './error-code-limiter.ts';
import { ApiError } from './errors.ts';
import { networkFailure } from './network-failure.ts';
import type { SdkCredentials } from './sdk-providers.ts';

/** The SDK gives up this much later than we do, so that a slow answer is always our `RequestTimeout`. */
const SDK_PATIENCE_MS = 30_000;

/** A status this version does not know is passed on, but no longer than that. */
const LONGEST_STATUS = 64;
/** It goes back in the address of the next request. */
const LONGEST_TOKEN = 2_048;

export type AcrApiOptions = {
  readonly sdk: Sdk;
  readonly endpoint: {
    readonly protocol: 'http' | 'https';
    /** With the port, where it is not the usual one. */
    readonly host: string;
  };
  readonly region: string;
  readonly credentials: CredentialSource;
  /** From sending to the last byte. */
  readonly requestTimeoutMs: number;
  /** Shared by all of the process, as the limit on codes is. */
  readonly errorCodes: ErrorCodeLimiter;
  readonly redactor: Redactor;
};

/**
 * The API of one endpoint. It signs with what `credentials` found last, and sends nothing where that is nothing: bringing
 * them up to date is the caller's, who knows when there is time for it.
 */
export function createAcrApi(options: AcrApiOptions): AcrApi {
  const sender = createSenders(options);
  return { ...createOperations(sender(false)), afresh: createOperations(sender(true)) };
}

function createOperations(send: Sender): AcrOperations {
  return {
    getRepoTagScanStatus: async (request) => {
      const fields = await send('GetRepoTagScanStatus', request);
      const status = fields.shown(scanStatus(fields), LONGEST_STATUS);
      const scanService = fields.shown(fields.anyText('ScanService'), LONGEST_STATUS);
      return { status, requestId: fields.requestId, scanService };
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
  };
}

/** Only an answer that says success may leave the status out: anything else without one is not what the API promises. */
function scanStatus(fields: AnswerFields): string {
  const longest = Number.POSITIVE_INFINITY;
  return fields.saysSuccess ? fields.optionalText('Status', longest) : fields.text('Status', longest);
}

function readPage(fields: AnswerFields): PageAnswer {
  const nextToken = fields.optionalText('NextToken', LONGEST_TOKEN);
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

/** Sends a request and gives the fields of an answer that says success. */
type Sender = (action: ApiAction, parameters: Parameters) => Promise<AnswerFields>;

/** Gives what sends requests, on any connection or on fresh ones. */
function createSenders(options: AcrApiOptions): (isFresh: boolean) => Sender {
  const { sdk, endpoint, region, credentials, requestTimeoutMs, redactor } = options;
  // The SDK asks for the credentials of a request in the course of its call: it gets those that the call began with.
  const using = new AsyncLocalStorage<SdkCredentials>();
  const getCredential = async () => {
    const used = using.getStore();
    if (used === undefined) throw new Error('the SDK asked for credentials outside of a call');
    return used;
  };
  const call = sdk.createCaller({
    endpoint,
    region,
    credential: { getCredential },
    timeoutMs: Math.min(requestTimeoutMs + SDK_PATIENCE_MS, LONGEST_SLEEP_MS),
  });
  return (isFresh) => async (action, parameters) => {
    const used = credentials.current();
    if (used === undefined) throw credentials.unavailable();
    // What the SDK or Node throws is a failure of the network. What our own code throws when it reads the answer is not.
    const sent = sdk.transport.send((nonce) => using.run(used, () => call(action, parameters, nonce)), {
      timeoutMs: requestTimeoutMs,
      isFresh,
    });
    const reply = await sent.catch((error: unknown) => {
      throw error instanceof ApiError ? error : networkFailure(error, redactor);
    });
    try {
      return new AnswerFields(reply, readAnswer(reply, options), options);
    } catch (error) {
      if (error instanceof ApiError && error.kind === 'refused') credentials.refused(used);
      throw error;
    }
  };
}
