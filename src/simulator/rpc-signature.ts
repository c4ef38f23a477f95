// The older signature of RPC requests, which @alicloud/pop-core and the SDKs of its time send: HMAC-SHA1 over the parameters, which hold
// everything that is about the request, in the query or in a form.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { compare, encode } from './signature.ts';

export type Pairs = readonly (readonly [string, string])[];

/** What such a request has besides the parameters of its operation, in the order in which the API misses them. */
const REQUIRED = [
  'AccessKeyId',
  'Signature',
  'SignatureMethod',
  'SignatureVersion',
  'SignatureNonce',
  'Timestamp',
] as const;

/** A request by its parameters: those of the query, and of the form if it has one. */
export type RpcRequest = { readonly method: string; readonly parameters: Pairs };

/** The first value of a parameter, or an empty text. */
export function parameterOf({ parameters }: RpcRequest, name: string): string {
  return parameters.find(([each]) => each === name)?.[1] ?? '';
}

/** The parameter that is missing for a signature of this kind; undefined when none is. */
export function missingForSignature(request: RpcRequest): string | undefined {
  return REQUIRED.find((name) => parameterOf(request, name) === '');
}

/** Whether the signature is one of the kind that is known here: another method or version is another kind. */
export function isKnownMethod(request: RpcRequest): boolean {
  return parameterOf(request, 'SignatureMethod') === 'HMAC-SHA1' && parameterOf(request, 'SignatureVersion') === '1.0';
}

/** Whether a request was signed with `secret`. */
export function isRpcSignedWith(secret: string, request: RpcRequest): boolean {
  const expected = createHmac('sha1', `${secret}&`).update(rpcStringToSign(request)).digest();
  const given = Buffer.from(parameterOf(request, 'Signature'), 'base64');
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** What the signature is made of: all parameters but the signature itself. */
export function rpcStringToSign({ method, parameters }: RpcRequest): string {
  const canonical = parameters
    .filter(([name]) => name !== 'Signature')
    .sort(([a, x], [b, y]) => compare(a, b) || compare(x, y))
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .join('&');
  return [method, encode('/'), encode(canonical)].join('&');
}
