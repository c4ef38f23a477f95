// Who may ask: keys, dates, signatures, tokens and nonces, in the order in which the real API looks at them.
import type { Clock } from '../util/clock.ts';
import { type ApiFailure, apiFailure, missing } from './failure.ts';
import {
  isKnownMethod,
  isRpcSignedWith,
  missingForSignature,
  parameterOf,
  type RpcRequest,
  rpcStringToSign,
} from './rpc-signature.ts';
import type { AccessKey } from './scenario.ts';
import { canonicalRequest, isSignedWith, parseAuthorization, type SignedRequest, stringToSign } from './signature.ts';

const VALIDITY_MS = 15 * 60_000;

/** Without these under the signature, a request could be replayed or turned into another. */
const MUST_BE_SIGNED = ['host', 'x-acs-action', 'x-acs-version', 'x-acs-date', 'x-acs-signature-nonce'];

/** What a request says of its sender, however it was signed. */
type Claim = {
  readonly accessKeyId: string;
  readonly date: string;
  readonly nonce: string;
  readonly token: string;
  readonly isSignedWith: (secret: string) => boolean;
  /** What the server signs, for the message of a wrong signature. */
  readonly toSign: () => string;
};

/** The accepted keys, and the nonces that they used. */
export class Authenticator {
  readonly #clock: Clock;
  /** Nonces with the time (wall clock) from which their requests would be too old anyway; oldest first, nearly. */
  readonly #nonces = new Map<string, number>();
  #keys: ReadonlyMap<string, AccessKey> = new Map();
  #keysSinceMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Puts other keys in force; the lives of their tokens begin now. */
  setKeys(keys: readonly AccessKey[]): void {
    this.#keys = new Map(keys.map((key) => [key.access_key_id, key]));
    this.#keysSinceMs = this.#clock.monotonic();
  }

  /** Throws the {@link ApiFailure} that a request with the older signature deserves, if it deserves one. */
  authenticateRpc(request: RpcRequest): void {
    const absent = missingForSignature(request);
    if (absent !== undefined) throw missing(absent);
    if (!isKnownMethod(request)) throw apiFailure('IncompleteSignature');
    this.#admit({
      accessKeyId: parameterOf(request, 'AccessKeyId'),
      date: parameterOf(request, 'Timestamp'),
      nonce: parameterOf(request, 'SignatureNonce'),
      token: parameterOf(request, 'SecurityToken'),
      isSignedWith: (secret) => isRpcSignedWith(secret, request),
      toSign: () => `server string to sign is:${rpcStringToSign(request)}`,
    });
  }

  /** Throws the {@link ApiFailure} that the request deserves, if it deserves one. */
  authenticate(request: SignedRequest): void {
    const authorization = parseAuthorization(headerOf(request, 'authorization'));
    const nonce = headerOf(request, 'x-acs-signature-nonce');
    const signed = new Set(authorization?.signedHeaders);
    if (!authorization || nonce === '' || MUST_BE_SIGNED.some((name) => !signed.has(name))) {
      throw apiFailure('IncompleteSignature');
    }
    this.#admit({
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

  #admit({ accessKeyId, date, nonce, token, isSignedWith, toSign }: Claim): void {
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

/** As the real one, this message gives back what was sent, a security token in a header included. */
function mismatch(toSign: string): ApiFailure {
  return apiFailure('SignatureDoesNotMatch', {
    message: `Specified signature does not match our calculation. ${toSign}`,
  });
}
