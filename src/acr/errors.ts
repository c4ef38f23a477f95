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
  /** From `x-acs-retry-after`, in milliseconds. */
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

const REFUSED =
  /^(?:InvalidAccessKeyId|InvalidSecurityToken|InvalidTimeStamp|(?:SignatureDoesNotMatch|IncompleteSignature)$)/;
const DENIED = /^(?:NoPrivilege$|Forbidden)/;
const BROKEN = /^(?:SystemError|ServiceUnavailable|InternalError)/;

/**
 * The kind of an answer that is an error.
 *
 * @param apiCode the API's own code, undefined when the answer has none
 * @param status the HTTP status, 200 where only the body says that the request failed
 */
export function kindOfAnswer(apiCode: string | undefined, status: number): ApiErrorKind {
  if (status === 429) return 'throttled';
  if (apiCode === undefined) return status === 503 ? 'throttled' : 'transport';
  if (apiCode.startsWith('Throttling')) return 'throttled';
  if (REFUSED.test(apiCode)) return 'refused';
  if (DENIED.test(apiCode)) return 'denied';
  return status >= 500 || BROKEN.test(apiCode) ? 'transport' : 'answered';
}

/** There are no credentials to sign a request with: nothing was sent. */
export function credentialsUnavailable(message: string): ApiError {
  return new ApiError({ code: 'CredentialsUnavailable', kind: 'refused', message });
}
