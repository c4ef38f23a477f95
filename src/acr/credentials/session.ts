// Fetches a session from a provider of the SDK. The SDK's `getCredentials()` caches sessions, but renews them while a poll waits, and hides
// their end and the reason of a failure. Therefore only `refresher`, which fetches one session, and `doRequest`, which sends its requests, are
// used.
import type { Redactor } from '../../util/redactor.ts';
import { ApiError, networkFailure } from '../api-error.ts';
import { ProxyError } from '../connections/proxy-error.ts';
import { messageTextEnds } from '../safe-text.ts';
import { type ProviderRequest, type ProviderResponse, ProviderTimeout } from './provider-request.ts';
import type { SdkSession, SessionProvider } from './sdk-providers.ts';

const MAX_PATH_LENGTH = 80;

/** What is remembered of the metadata service between two sessions. */
export type Metadata = {
  /** The role of the ECS instance, once it is known. */
  role: string | undefined;
  /** Whether to request a token. False after such a request had no answer, as behind a hop limit. */
  hasTokens: boolean;
};

/** Rejects with a {@link ProviderFailure} that has the request, its answer and what was expected, or with the SDK's error. */
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
    // The SDK's message quotes the answer.
    throw unusable();
  }
  if (!isOfTexts(session)) throw unusable();
  return session;
}

/** The SDK checks only that there are values. */
function isOfTexts({ accessKeyId, accessKeySecret, securityToken, expiration }: SdkSession): boolean {
  const values: readonly unknown[] = [accessKeyId, accessKeySecret, securityToken, expiration ?? ''];
  return values.every((value) => typeof value === 'string');
}

class ProviderRequests {
  /** Describes the last answer; empty before. */
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
    // The SDK requests a token before each request to the metadata service, and goes on without if it gets none.
    this.#token ??= this.#metadata.hasTokens
      ? this.#ask(request)
      : Promise.reject(new ProviderFailure(`${placeOf(request)}: was not answered before`));
    return this.#token;
  }

  async #ask(request: ProviderRequest): Promise<ProviderResponse> {
    const place = placeOf(request);
    const response = await this.#send(request).catch((error: unknown) => {
      if (request.method === 'PUT') this.#metadata.hasTokens = false;
      throw new ProviderFailure(`${place}: ${reasonOf(error, this.#redactor)}`);
    });
    const { statusCode, body } = response;
    this.answered = `${place} answered HTTP ${statusCode}${codeIn(body)}`;
    if (statusCode !== 200) throw new ProviderFailure(`${this.answered}, expected 200`);
    const role = /\/security-credentials\/(.+)$/.exec(request.toRequestURL())?.[1];
    if (role !== undefined) this.#metadata.role = role;
    return response;
  }
}

/** Why a request has no answer. */
function reasonOf(error: unknown, redactor: Redactor): string {
  const isOurs = error instanceof ProviderTimeout || error instanceof ApiError;
  return isOurs ? error.message : networkFailure(error, redactor).message;
}

/** The method and the URL without its possible secrets: user, password and query. */
function placeOf(request: ProviderRequest): string {
  const url = request.toRequestURL();
  if (!URL.canParse(url)) return `${request.method} of a URL that cannot be read`;
  const { protocol, host, pathname, searchParams } = new URL(url);
  const action = searchParams.get('Action');
  const path = pathname.length <= MAX_PATH_LENGTH ? pathname : `${pathname.slice(0, MAX_PATH_LENGTH)}…`;
  return `${request.method} ${protocol}//${host}${path}${action === null ? '' : ` (${action})`}`;
}

/** The code and the RequestId of an answer. The rest may have secrets, such as a session. */
function codeIn(body: ProviderResponse['body']): string {
  const text = body.toString();
  const code = /"Code"\s*:\s*"([\w.-]{1,64})"/.exec(text)?.[1];
  const requestId = /"RequestId"\s*:\s*"([\w-]{1,64})"/.exec(text)?.[1];
  return `${code === undefined ? '' : ` with ${code}`}${requestId === undefined ? '' : ` (RequestId ${requestId})`}`;
}

/** Why a provider has no credentials. The message has no secrets. */
export class ProviderFailure extends Error {
  override readonly name = 'ProviderFailure';
}

/** Where a message of the SDK begins to quote an answer or a file, which may have secrets. */
const QUOTATION =
  /,? ?\b(?:message|result) ?[:=]|(?<=\b(?:fail|failed|err|output|command|OIDC|token)) ?[:=]|["{<\r\n]|(?:GET|PUT|POST) https?:/i;

/** Describes an error of a provider without secrets: what failed, and the code of an answer. */
export function describeProviderFailure(error: unknown, redactor: Redactor): string {
  if (error instanceof ProviderFailure) return messageTextEnds(error.message, redactor);
  // A profile may describe a provider that sends requests.
  const isOfRequest = [ProviderTimeout, ProxyError, ApiError].some((kind) => error instanceof kind);
  if (isOfRequest) return reasonOf(error, redactor);
  // The SDK does not check answers: `Cannot read properties of undefined` does not tell the cause.
  if (error instanceof TypeError) return 'the SDK could not use the answer that it got';
  const text = error instanceof Error ? error.message : String(error);
  const reason = text.split(QUOTATION, 1)[0]?.trim() ?? '';
  const code = /"Code"\s*:\s*"([\w.-]{1,64})"/.exec(text)?.[1] ?? '';
  const words = [reason, code === '' ? '' : `(${code})`].filter((part) => part !== '').join(' ');
  return messageTextEnds(words === '' ? 'no reason given' : words, redactor);
}
