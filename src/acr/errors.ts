// Every way in which a request fails, as one error class, and what each failure says about the credentials.

/**
 * What a failure means for the scheduler: `throttled` slows the credentials down, `refused` pauses them, `denied` and
 * `answered` say that the credentials are good but this request is not, `transport` says nothing about them.
 */
export type ApiErrorKind = 'throttled' | 'refused' | 'denied' | 'answered' | 'transport';

export type ApiErrorDetails = {
  /** The value of the `code` label: the API's own code or one of ours. */
  readonly code: string;
  readonly kind: ApiErrorKind;
  /** For people: what was expected and what was found. Free of secrets. */
  readonly message: string;
  /** Alibaba Cloud's id of the request, empty when there is none. */
  readonly requestId?: string;
  /** From `x-acs-retry-after`, in milliseconds; any error may bring it. */
  readonly retryAfterMs?: number | undefined;
};

/** A request to the API that failed. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: string;
  readonly kind: ApiErrorKind;
  readonly requestId: string;
  readonly retryAfterMs: number | undefined;

  constructor({ code, kind, message, requestId = '', retryAfterMs }: ApiErrorDetails) {
    super(message);
    this.code = code;
    this.kind = kind;
    this.requestId = requestId;
    this.retryAfterMs = retryAfterMs;
  }
}

/**
 * A request that failed before a byte of an answer on a connection that had served others: the peer had closed it while it was idle.
 * That says nothing about the request, which is worth sending once more on a fresh connection.
 */
export class StaleConnection extends ApiError {
  constructor() {
    const message = 'the peer closed the idle connection before a byte of an answer';
    super({ code: 'ConnectionReset', kind: 'transport', message });
  }
}

const THROTTLED = /Throttling/;
const REFUSED =
  /^(?:InvalidAccessKeyId|InvalidSecurityToken|InvalidTimeStamp|(?:SignatureDoesNotMatch|IncompleteSignature)$)/;
const DENIED = /^(?:NoPrivilege$|Forbidden)/;
/** `InvalidAction.NotFound` comes for operations that exist, while a gateway is rolled out: it says nothing about what was asked for. */
const PASSING = /^(?:SystemError|ServiceUnavailable|InternalError|InvalidAction\.NotFound$)/;

/**
 * The kind of an answer that is an error.
 *
 * @param apiCode the API's own code, undefined when the answer has none
 * @param status the HTTP status, 200 where only the body says that the request failed
 */
export function kindOfAnswer(apiCode: string | undefined, status: number): ApiErrorKind {
  const code = apiCode ?? '';
  if (status === 429 || THROTTLED.test(code) || (status === 503 && code === '')) return 'throttled';
  if (REFUSED.test(code)) return 'refused';
  if (status === 401 || status === 403 || DENIED.test(code)) return 'denied';
  return code === '' || status >= 500 || PASSING.test(code) ? 'transport' : 'answered';
}

/** There are no credentials to sign a request with: nothing was sent. */
export function credentialsUnavailable(message: string): ApiError {
  return new ApiError({ code: 'CredentialsUnavailable', kind: 'refused', message });
}
