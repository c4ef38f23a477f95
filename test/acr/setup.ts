// An API client for one test, with credentials that never change.
import type { RequestListener, ServerResponse } from 'node:http';
import type { ExecutionContext } from 'ava';
import { createAcrApi } from '../../src/acr/acr-api.ts';
import { ApiError, credentialsUnavailable } from '../../src/acr/api-error.ts';
import { Routes } from '../../src/acr/connections/routes.ts';
import type { CredentialSource } from '../../src/acr/credentials/credentials.ts';
import type { SdkCredentials } from '../../src/acr/credentials/sdk-providers.ts';
import { ErrorCodeLimiter } from '../../src/acr/error-code-limiter.ts';
import type { AcrApi } from '../../src/acr/operations.ts';
import { loadSdk, type Sdk } from '../../src/acr/sdk.ts';
import { type ConnectionSettings, DIRECT } from '../../src/model/connection-settings.ts';
import { type Clock, systemClock } from '../../src/util/clock.ts';
import { Redactor } from '../../src/util/redactor.ts';
import { startHttp } from '../helpers/raw-server.ts';

export const SECRET = 'vErY+sEcReT/kEy=';
export const TOKEN = 'CAIS+t0ken/with=odd*chars';

/** The SDK as production loads it, once for all tests of a file. */
export const sdk = await loadSdk();

export const scanRequest = { instanceId: 'cri-1', repoId: 'crr-1', tag: 'v1.0' };

/** The body of an answer as in the API's documentation. */
export const scanAnswer = {
  Status: 'COMPLETE',
  Code: 'success',
  IsSuccess: true,
  RequestId: 'BC648259-91A7-4502-BED3-EDF64361FA83',
  ScanService: 'ACR_SCAN_SERVICE',
};

/** Longer than any test: only a test of the deadline depends on it. */
export const NO_DEADLINE_MS = 3_600_000;

export type FixedCredentials = CredentialSource & { readonly refusals: SdkCredentials[] };

export function fixedCredentials(
  credentials: SdkCredentials | undefined = {
    accessKeyId: 'LTAIexample',
    accessKeySecret: SECRET,
    securityToken: TOKEN,
    type: 'sts',
  },
): FixedCredentials {
  const refusals: SdkCredentials[] = [];
  return {
    refusals,
    ensure: async () => {},
    current: () => credentials,
    unavailable: () => credentialsUnavailable('no credentials from a test'),
    refresh: async () => false,
    refused: (used) => refusals.push(used),
    inUse: () => undefined,
    stop: () => {},
  };
}

export type TestApiOptions = {
  readonly protocol?: 'http' | 'https';
  readonly requestTimeoutMs?: number;
  readonly credentials?: CredentialSource;
  readonly routes?: Routes;
  readonly errorCodes?: ErrorCodeLimiter;
  readonly sdk?: typeof sdk;
  readonly redactor?: Redactor;
};

const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

/** Routes with these settings; those of the default are direct. */
export function testRoutes(
  settings: Partial<ConnectionSettings> = {},
  redactor = new Redactor(),
  env = {},
  clock: Pick<Clock, 'monotonic'> = systemClock,
): Routes {
  return new Routes({ ...DIRECT, ...settings }, { env, clock, logger: SILENT, redactor });
}

/** Shared, so that clients share connections. */
const DIRECT_ROUTES = testRoutes();

export function testApi(host: string, options: TestApiOptions = {}): AcrApi {
  const redactor = options.redactor ?? new Redactor();
  redactor.add(SECRET);
  redactor.add(TOKEN);
  return createAcrApi({
    sdk: options.sdk ?? sdk,
    endpoint: { protocol: options.protocol ?? 'http', host },
    region: 'cn-hangzhou',
    routes: options.routes ?? DIRECT_ROUTES,
    credentials: options.credentials ?? fixedCredentials(),
    requestTimeoutMs: options.requestTimeoutMs ?? NO_DEADLINE_MS,
    errorCodes: options.errorCodes ?? new ErrorCodeLimiter(redactor),
    redactor,
  });
}

/** The error that a call rejects with, which has to be an `ApiError` whose message is fit to be shown. */
export async function failureOf(call: Promise<unknown>): Promise<ApiError> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const { message } = error;
    if (message === '' || message.length > 300)
      throw new Error(`expected 1 to 300 characters, found ${message.length}`);
    if (/[\p{Cc}\u2028\u2029]|undefined/u.test(message)) throw new Error(`not fit to be shown: ${message}`);
    if (message.includes(SECRET) || message.includes(TOKEN)) throw new Error(`a secret is shown: ${message}`);
    return error;
  }
  throw new Error('expected the call to fail');
}

/** Asks a credentials URI that is answered so; `closed` resolves when the server has lost the connection. */
export async function askProvider(t: ExecutionContext, { providers }: Sdk, answer: (response: ServerResponse) => void) {
  let lost: () => void;
  const closed = new Promise<void>((resolve) => {
    lost = resolve;
  });
  const listener: RequestListener = (_, response) => {
    response.once('close', lost);
    answer(response);
  };
  const { host } = await startHttp(t, listener);
  const fields = {
    credentialsURI: `http://${host}/`,
    readTimeout: NO_DEADLINE_MS,
    connectTimeout: NO_DEADLINE_MS,
  };
  const provider = providers.createSessionProvider('credentials_uri', fields, testRoutes());
  return { asked: provider.refresher(), closed };
}
