// Fetches one session from a provider of the SDK. The SDK keeps sessions itself, but renews them inside of
// `getCredentials()`, where a poll would wait for it, hides when they end, and loses why it got none. Its `refresher` fetches
// one session each time, and through `doRequest` it asks what it has to ask: both are used here, and nothing else of it.
import type { Redactor } from '../util/redactor.ts';
import { networkFailure } from './network-failure.ts';
import { ProviderFailure } from './provider-failure.ts';
import type { ProviderRequest, ProviderResponse, SdkSession, SessionProvider } from './sdk-providers.ts';

const LONGEST_PATH = 80;

/** What is known of the metadata service from one session to the next. */
export type Metadata = {
  /** The role of the ECS instance, once it was asked for. */
  role: string | undefined;
  /** Whether tokens are asked for: where that request has no answer, as behind a hop limit, it is not made again. */
  hasTokens: boolean;
};

/** Rejects with a {@link ProviderFailure} that says what was asked, what came and what was expected, or with the SDK's error. */
export async function fetchSession(
  provider: SessionProvider,
  metadata: Metadata,
  redactor: Redactor,
): Promise<SdkSession> {
  const requests = new ProviderRequests(provider.doRequest, metadata, redactor);
  provider.doRequest = (request) => requests.send(request);
  const unusable = () =>
    new ProviderFailure(
      `${requests.answered}, expected JSON with AccessKeyId, AccessKeySecret, SecurityToken and Expiration`,
    );
  let session: SdkSession;
  try {
    session = await provider.refresher();
  } catch (error) {
    metadata.hasTokens = true;
    if (error instanceof ProviderFailure || requests.answered === '') throw error;
    // The SDK quotes what it could not use.
    throw unusable();
  }
  if (!isOfTexts(session)) throw unusable();
  return session;
}

/** The SDK looks whether there is something in each place, but not what. */
function isOfTexts({ accessKeyId, accessKeySecret, securityToken, expiration }: SdkSession): boolean {
  const values: readonly unknown[] = [accessKeyId, accessKeySecret, securityToken, expiration ?? ''];
  return values.every((value) => typeof value === 'string');
}

class ProviderRequests {
  /** The last request that was answered, and with what. */
  answered = '';
  readonly #send: SessionProvider['doRequest'];
  readonly #metadata: Metadata;
  readonly #redactor: Redactor;
  #token: Promise<ProviderResponse> | undefined;

  constructor(send: SessionProvider['doRequest'], metadata: Metadata, redactor: Redactor) {
    this.#send = send;
    this.#metadata = metadata;
    this.#redactor = redactor;
  }

  send(request: ProviderRequest): Promise<ProviderResponse> {
    if (request.method !== 'PUT') return this.#ask(request);
    // The SDK asks for a token before each request to the metadata service, and does without where there is none.
    this.#token ??= this.#metadata.hasTokens
      ? this.#ask(request)
      : Promise.reject(new ProviderFailure(`${placeOf(request)}: was not answered before`));
    return this.#token;
  }

  async #ask(request: ProviderRequest): Promise<ProviderResponse> {
    const place = placeOf(request);
    const response = await this.#send(request).catch((error: unknown) => {
      if (request.method === 'PUT') this.#metadata.hasTokens = false;
      throw new ProviderFailure(`${place}: ${this.#reasonOf(error, request)}`);
    });
    const { statusCode, body } = response;
    this.answered = `${place} answered HTTP ${statusCode}${codeIn(body)}`;
    if (statusCode !== 200) throw new ProviderFailure(`${this.answered}, expected 200`);
    const role = /\/security-credentials\/(.+)$/.exec(request.toRequestURL())?.[1];
    if (role !== undefined) this.#metadata.role = role;
    return response;
  }

  #reasonOf(error: unknown, { readTimeout }: ProviderRequest): string {
    // The HTTP layer of the SDK names the whole URL when it gives up, which may have a password in it.
    const isTimeout = error instanceof Error && error.name.startsWith('RequestTimeout');
    if (isTimeout) return `no whole answer within ${readTimeout} ms`;
    return networkFailure(error, this.#redactor).message;
  }
}

/** The method and URL without what may be secret in it: user, password and query. */
function placeOf(request: ProviderRequest): string {
  const url = request.toRequestURL();
  if (!URL.canParse(url)) return `${request.method} of a URL that cannot be read`;
  const { protocol, host, pathname, searchParams } = new URL(url);
  const action = searchParams.get('Action');
  const path = pathname.length <= LONGEST_PATH ? pathname : `${pathname.slice(0, LONGEST_PATH)}…`;
  return `${request.method} ${protocol}//${host}${path}${action === null ? '' : ` (${action})`}`;
}

/** The code and the RequestId of an answer that has them: the rest of it may be anything, a session included. */
function codeIn(body: ProviderResponse['body']): string {
  const text = body.toString();
  const code = /"Code"\s*:\s*"([\w.-]{1,64})"/.exec(text)?.[1];
  const requestId = /"RequestId"\s*:\s*"([\w-]{1,64})"/.exec(text)?.[1];
  return `${code === undefined ? '' : ` with ${code}`}${requestId === undefined ? '' : ` (RequestId ${requestId})`}`;
}
