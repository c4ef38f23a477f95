// Reads HTTP requests, and sends answers whole or as a fault cuts them.
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../util/clock.ts';
import type { SignedRequest } from './acs3-signature.ts';
import type { ApiAnswer } from './api-errors.ts';
import type { Fault } from './faults.ts';

const CHUNK_BYTES = 65_536;
/** The number of pieces of an answer that a `drip` fault slows down. */
const DRIP_PIECES = 10;
const JSON_TYPE = 'application/json;charset=utf-8';

/** The whole body. Throws when it has more than `maxBytes` or the connection breaks. */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > maxBytes) throw new RangeError(`expected a body of at most ${maxBytes} bytes, found more`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The request in the form in which it was signed. */
export function toSignedRequest(request: IncomingMessage, body: Buffer): SignedRequest {
  const { path, query } = targetOf(request);
  const headers = new Map(
    Object.entries(request.headersDistinct).map(([name, values]) => [name, values ?? []] as const),
  );
  return { method: request.method ?? '', path, query: [...new URLSearchParams(query)], headers, body };
}

/** The path of the request target as it was sent, and the text after its first question mark. */
export function targetOf({ url = '/' }: IncomingMessage): { path: string; query: string } {
  const mark = url.indexOf('?');
  return mark < 0 ? { path: url, query: '' } : { path: url.slice(0, mark), query: url.slice(mark + 1) };
}

/** Sends `answer`, changed by `fault`. Resolves after the last byte was written; with a `hang`, at once. */
export async function transmit(
  response: ServerResponse,
  answer: ApiAnswer,
  fault: Fault | undefined,
  clock: Clock,
): Promise<void> {
  if (fault?.hang === 'before_head') return;
  if (fault?.reset === 'before_head') {
    reset(response);
    return;
  }
  const size = fault?.body?.bytes;
  const length = size ?? Buffer.byteLength(answer.body);
  response.writeHead(answer.httpStatus, { 'content-type': JSON_TYPE, ...answer.headers, 'content-length': length });
  if (size !== undefined) await sendPadding(response, size);
  else if (fault?.drip !== undefined) await sendPieces(response, answer.body, fault.drip / DRIP_PIECES, clock);
  else if (fault?.hang) sendHalf(response, answer.body);
  else if (fault?.reset) sendHalf(response, answer.body, () => reset(response));
  else response.end(answer.body);
}

function sendHalf(response: ServerResponse, body: string, then?: () => void): void {
  const bytes = Buffer.from(body);
  response.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => then?.());
}

/** Sends a body in pieces with a pause before each. Stops when the connection is closed. */
async function sendPieces(response: ServerResponse, body: string, pauseMs: number, clock: Clock): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  response.flushHeaders();
  const bytes = Buffer.from(body);
  for (let piece = 0; piece < DRIP_PIECES; piece++) {
    await clock.sleep(pauseMs, gone.signal);
    if (gone.signal.aborted) return;
    const [from, to] = [piece, piece + 1].map((number) => Math.floor((bytes.length * number) / DRIP_PIECES));
    response.write(bytes.subarray(from, to));
  }
  response.end();
}

/** Sends JSON of exactly `size` bytes, no faster than the client reads. */
async function sendPadding(response: ServerResponse, size: number): Promise<void> {
  const head = '{"Status":"COMPLETE","Code":"success","IsSuccess":true,"RequestId":"-","Padding":"';
  const tail = '"}';
  const padding = Buffer.alloc(CHUNK_BYTES, 'x');
  response.write(head.slice(0, size));
  for (let rest = size - head.length - tail.length; rest > 0; rest -= CHUNK_BYTES) {
    const hasRoom = response.write(padding.subarray(0, Math.min(rest, CHUNK_BYTES)));
    if (!hasRoom && !(await drained(response))) return;
  }
  response.end(tail.slice(0, Math.max(0, size - head.length)));
}

/** Waits until more can be written; false when the connection is closed. */
async function drained(response: ServerResponse): Promise<boolean> {
  if (response.destroyed) return false;
  const stop = new AbortController();
  await Promise.race([
    once(response, 'drain', { signal: stop.signal }),
    once(response, 'close', { signal: stop.signal }),
  ]).finally(() => stop.abort());
  return !response.destroyed;
}

function reset(response: ServerResponse): void {
  response.socket?.resetAndDestroy();
}
