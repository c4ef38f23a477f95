// Every way in which a request fails, as one error class.

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
  readonly cause?: unknown;
};

/** A request to the API that failed. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: string;
  readonly kind: ApiErrorKind;
  readonly requestId: string;
  readonly retryAfterMs: number | undefined;

  constructor({ code, kind, message, requestId = '', retryAfterMs, cause }: ApiErrorDetails) {
    super(message, { cause });
    this.code = code;
    this.kind = kind;
    this.requestId = requestId;
    this.retryAfterMs = retryAfterMs;
  }
}
