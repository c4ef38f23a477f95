// The port to the ACR API over the SDK: one request a call, and one kind of error whatever happens.
import { LONGEST_SLEEP_MS } from '../util/clock.ts';
import type { Redactor } from '../util/redactor.ts';
import { type AnswerBody, readAnswer, requestIdOf, textField } from './answer.ts';
import type { AcrApi, ApiAction } from './api.ts';
import type { Sdk } from './client.ts';
import type { CredentialSource } from './credentials.ts';
import { ApiError, credentialsUnavailable } from './errors.ts';
import type { Reply } from './exchange.ts';
import type { KnownCodes } from './known-codes.ts';
import { networkFailure } from './network-failure.ts';
import { shownText } from './shown-text.ts';

/** The SDK gives up this much later than we do, so that a slow answer is always our `RequestTimeout`. */
const SDK_PATIENCE_MS = 30_000;

/** A status this version does not know is passed on, but no longer than that. */
const LONGEST_STATUS = 64;
/** Longer than any name or id in ACR; a cut one would be another's. */
const LONGEST_NAME = 255;

export type AcrApiOptions = {
  readonly sdk: Sdk;
  readonly endpoint: {
    readonly protocol: 'http' | 'https' /** With the port, where it is not the usual one. */;
    readonly host: string;
  };
  readonly region: string;
  readonly credentials: CredentialSource;
  /** From sending to the last byte. */
  readonly requestTimeoutMs: number;
  /** Shared by all of the process, as the limit on codes is. */
  readonly knownCodes: KnownCodes;
  readonly redactor: Redactor;
};

/**
 * The API of one endpoint. It signs with what `credentials` found last, and sends nothing where that is nothing: bringing
 * them up to date is the caller's, who knows when there is time for it.
 */
export function createAcrApi(options: AcrApiOptions): AcrApi {
  const send = createSender(options);
  const { redactor } = options;
  return {
    getRepoTagScanStatus: async (request) => {
      const { reply, body } = await send('GetRepoTagScanStatus', request);
      const status = textField(reply, body, 'Status', { ...options, longest: Number.POSITIVE_INFINITY });
      const service = body.ScanService;
      return {
        body: {
          status: shownText(status, redactor, LONGEST_STATUS),
          requestId: requestIdOf(reply, body, redactor),
          scanService: typeof service === 'string' ? shownText(service, redactor, LONGEST_STATUS) : '',
        },
      };
    },
    getRepository: async (request) => {
      const { reply, body } = await send('GetRepository', request);
      const name = (field: string) => textField(reply, body, field, { ...options, longest: LONGEST_NAME });
      return {
        body: {
          repoId: name('RepoId'),
          repoNamespaceName: name('RepoNamespaceName'),
          repoName: name('RepoName'),
          requestId: requestIdOf(reply, body, redactor),
        },
      };
    },
  };
}

type Sender = (
  action: ApiAction,
  parameters: Readonly<Record<string, string | undefined>>,
) => Promise<{ readonly reply: Reply; readonly body: AnswerBody }>;

function createSender(options: AcrApiOptions): Sender {
  const { sdk, endpoint, region, credentials, requestTimeoutMs, redactor } = options;
  const available = () => {
    const found = credentials.current();
    if (found) return found;
    throw credentialsUnavailable('there are no credentials at the moment');
  };
  const credential = { getCredential: async () => available() };
  const call = sdk.createCaller({
    endpoint,
    region,
    credential,
    timeoutMs: Math.min(requestTimeoutMs + SDK_PATIENCE_MS, LONGEST_SLEEP_MS),
  });
  return async (action, parameters) => {
    const used = available();
    try {
      const reply = await sdk.wire.send(async (nonce) => call(action, parameters, nonce), requestTimeoutMs);
      return { reply, body: readAnswer(reply, options) };
    } catch (error) {
      const failure = error instanceof ApiError ? error : networkFailure(error, redactor);
      if (failure.kind === 'refused') credentials.refused(used);
      throw failure;
    }
  };
}
