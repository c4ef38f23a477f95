// Authentication of requests: key, date, signature, token and nonce, in the order of the real API.
import type { Clock } from '../util/clock.ts';
import {
  canonicalRequest,
  isSignedWith,
  parseAuthorization,
  type SignedRequest,
  stringToSign,
} from './acs3-signature.ts';
import { type ApiFailure, apiFailure, missing } from './api-errors.ts';
import {
  isKnownMethod,
  isRpcSignedWith,
  missingForSignature,
  parameterOf,
  type RpcRequest,
  rpcStringToSign,
} from './rpc-signature.ts';
import type { AccessKey } from './scenario.ts';

const VALIDITY_MS = 15 * 60_000;

/** A request that does not sign these headers could be replayed or turned into another one. */
const REQUIRED_SIGNED_HEADERS = ['host', 'x-acs-action', 'x-acs-version', 'x-acs-date', 'x-acs-signature-nonce'];

/** The parts of a request that authenticate it, for both kinds of signature. */
type Claim = {
  readonly accessKeyId: string;
  readonly date: string;
  readonly nonce: string;
  readonly token: string;
  readonly isSignedWith: (secret: string) => boolean;
  /** The message for a wrong signature, with the text that the server signs. */
  readonly toSign: () => string;
};

/** Keeps the accepted keys and the nonces that were used. */
export class Authenticator {
  readonly #clock: Clock;
  /** Used nonces with the wall-clock time from which the date refuses their requests anyway; nearly in that order. */
  readonly #nonces = new Map<string, number>();
  #keys: ReadonlyMap<string, AccessKey> = new Map();
  #keysSinceMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Replaces the accepted keys. The lifetimes of their tokens begin now. */
  setKeys(keys: readonly AccessKey[]): void {
    this.#keys = new Map(keys.map((key) => [key.access_key_id, key]));
    this.#keysSinceMs = this.#clock.monotonic();
  }

  /** Throws an {@link ApiFailure} when a request with the older signature is refused. */
  authenticateRpc(request: RpcRequest): void {
    const absent = missingForSignature(request);
    if (absent !== undefined) throw missing(absent);
    if (!isKnownMethod(request)) throw apiFailure('IncompleteSignature');
    this.#check({
      accessKeyId: parameterOf(request, 'AccessKeyId'),
      date: parameterOf(request, 'Timestamp'),
      nonce: parameterOf(request, 'SignatureNonce'),
      token: parameterOf(request, 'SecurityToken'),
      isSignedWith: (secret) => isRpcSignedWith(secret, request),
      toSign: () => `server string to sign is:${rpcStringToSign(request)}`,
    });
  }

  /** Throws an {@link ApiFailure} when the request is refused. */
  authenticate(request: SignedRequest): void {
    const authorization = parseAuthorization(headerOf(request, 'authorization'));
    const nonce = headerOf(request, 'x-acs-signature-nonce');
    const signed = new Set(authorization?.signedHeaders);
    if (!authorization || nonce === '' || REQUIRED_SIGNED_HEADERS.some((name) => !signed.has(name))) {
      throw apiFailure('IncompleteSignature');
    }
    this.#check({
      accessKeyId: authorization.accessKeyId,
      date: headerOf(request, 'x-acs-date'),
      nonce,
      token: headerOf(request, 'x-acs-security-token'),
      isSignedWith: (secret) => isSignedWith(secret, request, authorization),
      toSign: () => {
        const canonical = canonicalRequest(request, authorization.signedHeaders);
        return `server StringToSign is [${stringToSign(canonical)}] server CanonicalRequest is [${canonical}]`;
      },
    });
  }

  #check({ accessKeyId, date, nonce, token, isSignedWith, toSign }: Claim): void {
    const key = this.#keys.get(accessKeyId);
    if (!key) throw apiFailure('InvalidAccessKeyId.NotFound');
    const dateMs = this.#checkDate(date);
    if (!isSignedWith(key.access_key_secret)) throw mismatch(toSign());
    this.#checkToken(key, token);
    this.#useNonce(JSON.stringify([accessKeyId, nonce]), dateMs + VALIDITY_MS);
  }

  #checkDate(date: string): number {
    const dateMs = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(date) ? Date.parse(date) : Number.NaN;
    if (Number.isNaN(dateMs)) throw apiFailure('InvalidTimeStamp.Format');
    if (Math.abs(this.#clock.now() - dateMs) > VALIDITY_MS) throw apiFailure('InvalidTimeStamp.Expired');
    return dateMs;
  }

  #checkToken(key: AccessKey, token: string): void {
    if (key.security_token === undefined) {
      if (token !== '') throw apiFailure('InvalidSecurityToken.MismatchWithAccessKey');
      return;
    }
    const age = this.#clock.monotonic() - this.#keysSinceMs;
    const isExpired = age >= (key.security_token_expires ?? Number.POSITIVE_INFINITY);
    if (token !== key.security_token || isExpired) throw apiFailure('InvalidSecurityToken.Expired');
  }

  #useNonce(nonce: string, uselessFromMs: number): void {
    if (this.#nonces.has(nonce)) throw apiFailure('SignatureNonceUsed');
    this.#nonces.set(nonce, uselessFromMs);
    for (const [oldest, endMs] of this.#nonces) {
      if (endMs >= this.#clock.now()) break;
      this.#nonces.delete(oldest);
    }
  }
}

/** The first value of a header, or an empty text. */
export function headerOf({ headers }: SignedRequest, name: string): string {
  return headers.get(name)?.[0] ?? '';
}

/** Like that of the real API, this message repeats what was sent, with the security token in a header. */
function mismatch(toSign: string): ApiFailure {
  return apiFailure('SignatureDoesNotMatch', {
    message: `Specified signature does not match our calculation. ${toSign}`,
  });
}
