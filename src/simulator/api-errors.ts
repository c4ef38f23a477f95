// The API's errors, with an HTTP status or as a business error in HTTP 200, and its answers.

/** An answer before it is written: the body is JSON text. */
export type ApiAnswer = {
  readonly httpStatus: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

/** A refusal of a request; {@link failureAnswer} turns it into an answer. */
export class ApiFailure extends Error {
  override readonly name = 'ApiFailure';
  readonly code: string;
  /** 200 for a business error, whose body has `IsSuccess: false`. */
  readonly httpStatus: number;
  readonly retryAfterMs: number | undefined;

  constructor(code: string, httpStatus: number, message: string, retryAfterMs?: number) {
    super(message);
    this.code = code;
    this.httpStatus = httpStatus;
    this.retryAfterMs = retryAfterMs;
  }
}

const BUSINESS_ERROR_STATUS = 200;

/** The HTTP status and the message of the real API for each code. */
const KNOWN_CODES: Readonly<Record<string, { readonly httpStatus: number; readonly message: string }>> = {
  NoPrivilege: { httpStatus: 403, message: 'Access denied for this user.' },
  SystemError: { httpStatus: 500, message: 'Unknown error.' },
  InternalError: { httpStatus: 500, message: 'The request processing has failed due to some unknown error.' },
  ServiceUnavailable: { httpStatus: 503, message: 'The request has failed due to a temporary failure of the server.' },
  'Throttling.User': { httpStatus: 400, message: 'Request was denied due to user flow control.' },
  'Throttling.Api': { httpStatus: 400, message: 'Request was denied due to api flow control.' },
  Throttling: { httpStatus: 400, message: 'Request was denied due to request throttling.' },
  'InvalidAccessKeyId.NotFound': { httpStatus: 404, message: 'Specified access key is not found.' },
  IncompleteSignature: { httpStatus: 400, message: 'The request signature does not conform to Aliyun standards.' },
  SignatureNonceUsed: { httpStatus: 400, message: 'Specified signature nonce was used already.' },
  'InvalidTimeStamp.Expired': { httpStatus: 400, message: 'Specified time stamp or date value is expired.' },
  'InvalidTimeStamp.Format': { httpStatus: 400, message: 'Specified time stamp or date value is not well formatted.' },
  'InvalidSecurityToken.Expired': { httpStatus: 400, message: 'Specified SecurityToken is expired.' },
  'InvalidSecurityToken.MismatchWithAccessKey': {
    httpStatus: 400,
    message: 'Specified SecurityToken mismatch with the AccessKey.',
  },
  'InvalidAction.NotFound': {
    httpStatus: 404,
    message: 'Specified api is not found, please check your url and method.',
  },
  InvalidVersion: { httpStatus: 400, message: 'Specified parameter Version is not valid.' },
};

/** A failure with the given HTTP status and message, or with those of the real API. */
export function apiFailure(
  code: string,
  given: { httpStatus?: number | undefined; message?: string | undefined; retryAfterMs?: number | undefined } = {},
): ApiFailure {
  const known = Object.hasOwn(KNOWN_CODES, code) ? KNOWN_CODES[code] : undefined;
  const httpStatus = given.httpStatus ?? known?.httpStatus ?? (code.startsWith('Forbidden') ? 403 : 400);
  return new ApiFailure(code, httpStatus, given.message ?? known?.message ?? `${code}.`, given.retryAfterMs);
}

/** HTTP 200 with `IsSuccess: false`: ACR's answer about a thing that does not exist. */
export function businessFailure(code: string, message = `${code}.`): ApiFailure {
  return new ApiFailure(code, BUSINESS_ERROR_STATUS, message);
}

/** HTTP 400 `Missing<Parameter>`. */
export function missing(parameter: string): ApiFailure {
  return new ApiFailure(`Missing${parameter}`, 400, `${parameter} is mandatory for this action.`);
}

/** The answer for a failure; `hostId` is the Host header of the request. */
export function failureAnswer(failure: ApiFailure, requestId: string, hostId: string): ApiAnswer {
  const { code, httpStatus, message, retryAfterMs } = failure;
  const body =
    httpStatus === BUSINESS_ERROR_STATUS
      ? { Code: code, IsSuccess: false, RequestId: requestId, Message: message }
      : { RequestId: requestId, HostId: hostId, Code: code, Message: message };
  const headers: Record<string, string> = {};
  if (retryAfterMs !== undefined) headers['x-acs-retry-after'] = String(retryAfterMs);
  return { httpStatus, code, headers, body: JSON.stringify(body) };
}

/** A success with these fields. */
export function successAnswer(fields: Readonly<Record<string, unknown>>, requestId: string): ApiAnswer {
  const body = JSON.stringify({ ...fields, Code: 'success', IsSuccess: true, RequestId: requestId });
  return { httpStatus: 200, code: 'success', headers: {}, body };
}
