// The simulator's HTTP: the API at `/`, and pages for people and tests under `/_sim/`.
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../util/clock.ts';
import { servePage } from './admin-api.ts';
import { readBody, targetOf, toSignedRequest, transmit } from './http-messages.ts';
import type { Simulation } from './simulation.ts';

const MAX_FORM_BYTES = 65_536;
const FORM = 'application/x-www-form-urlencoded';

/** The number of API requests that arrived over each connection. */
type RequestCounts = WeakMap<Socket, number>;

/** The listener of the simulator's HTTP server. */
export function createListener(simulation: Simulation, clock: Clock): RequestListener {
  const connections: RequestCounts = new WeakMap();
  return (request, response) => {
    const done = isApiRequest(request)
      ? serveApi({ simulation, clock, connections }, request, response)
      : servePage(simulation, request, response);
    done.catch(() => response.destroy());
  };
}

/** Every POST is an API request. A GET is one when it has parameters or headers of the API; else it shows the overview. */
function isApiRequest(request: IncomingMessage): boolean {
  const { method, headers } = request;
  const { path, query } = targetOf(request);
  if (path !== '/') return false;
  if (method === 'POST') return true;
  const isOfApi = query !== '' || 'authorization' in headers || Object.keys(headers).some(isApiHeader);
  return method === 'GET' && isOfApi;
}

function isApiHeader(name: string): boolean {
  return name.startsWith('x-acs-');
}

type Serving = { readonly simulation: Simulation; readonly clock: Clock; readonly connections: RequestCounts };

async function serveApi(
  { simulation, clock, connections }: Serving,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const onConnection = (connections.get(request.socket) ?? 0) + 1;
  connections.set(request.socket, onConnection);
  const entry = simulation.log.arrive(onConnection);
  const gone = new AbortController();
  response.once('finish', () => simulation.log.finish(entry));
  response.once('close', () => {
    simulation.log.finish(entry);
    gone.abort();
  });
  const body = await readBody(request, MAX_FORM_BYTES);
  const signed = toSignedRequest(request, body);
  const isForm = request.headers['content-type']?.startsWith(FORM) ?? false;
  const call = simulation.receive(entry, signed, isForm ? new URLSearchParams(body.toString()) : []);
  if (call.latencyMs > 0) await clock.sleep(call.latencyMs, gone.signal);
  if (gone.signal.aborted) return;
  const answer = simulation.answer(call);
  if (!call.fault?.hang && !call.fault?.reset) {
    entry.code = answer.code;
    entry.httpStatus = answer.httpStatus;
    const { 'x-acs-retry-after': wait } = answer.headers;
    entry.retryAfterMs = wait === undefined ? null : Number(wait);
  }
  const headers = { ...answer.headers, 'x-acs-request-id': call.requestId };
  await transmit(response, { ...answer, headers }, call.fault, clock);
}
