// The older signature of RPC requests, which @alicloud/pop-core and the SDKs of its time send: HMAC-SHA1 over the parameters in the query
// or the form, which hold the whole request.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { compare, encode } from './acs3-signature.ts';

type Pairs = readonly (readonly [string, string])[];

/** The parameters of the signature. The API reports missing ones in this order. */
const REQUIRED = [
  'AccessKeyId',
  'Signature',
  'SignatureMethod',
  'SignatureVersion',
  'SignatureNonce',
  'Timestamp',
] as const;

/** A request as the method and the parameters of its query and its form. */
export type RpcRequest = { readonly method: string; readonly parameters: Pairs };

/** The first value of a parameter, or an empty text. */
export function parameterOf({ parameters }: RpcRequest, name: string): string {
  return parameters.find(([each]) => each === name)?.[1] ?? '';
}

/** The first parameter of the signature that is missing; undefined when none is. */
export function missingForSignature(request: RpcRequest): string | undefined {
  return REQUIRED.find((name) => parameterOf(request, name) === '');
}

/** Whether the signature has the method and the version that are known here. */
export function isKnownMethod(request: RpcRequest): boolean {
  return parameterOf(request, 'SignatureMethod') === 'HMAC-SHA1' && parameterOf(request, 'SignatureVersion') === '1.0';
}

/** Whether a request was signed with `secret`. */
export function isRpcSignedWith(secret: string, request: RpcRequest): boolean {
  const expected = createHmac('sha1', `${secret}&`).update(rpcStringToSign(request)).digest();
  const given = Buffer.from(parameterOf(request, 'Signature'), 'base64');
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** The text that is signed: all parameters except the signature. */
export function rpcStringToSign({ method, parameters }: RpcRequest): string {
  const canonical = parameters
    .filter(([name]) => name !== 'Signature')
    .sort(([a, x], [b, y]) => compare(a, b) || compare(x, y))
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .join('&');
  return [method, encode('/'), encode(canonical)].join('&');
}
