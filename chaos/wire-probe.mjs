// Loaded into the exporter's process beside its program: says over the channel to its parent when each request to the API was written to its
// connection, and when it was over. Times are in milliseconds of the system's monotonic clock, which is the same in all processes.
//
// A process may be stopped between a write and the look at the clock: a request was written between `fromMs` and `toMs`.
import { subscribe } from 'node:diagnostics_channel';
import { ClientRequest } from 'node:http';

const monotonicMs = () => Number(process.hrtime.bigint()) / 1e6;

/** When each request was about to be given its connection. */
const given = new WeakMap();
const { onSocket } = ClientRequest.prototype;
ClientRequest.prototype.onSocket = function (...args) {
  given.set(this, monotonicMs());
  return onSocket.apply(this, args);
};

/** Requests that were written and are not over. */
const underWay = new Set();
let count = 0;

/** Notes what is over: its last byte was read, or its socket is gone. */
function noteEnds(atMs) {
  for (const entry of underWay) {
    if (!entry.response?.complete && !entry.socket.destroyed) continue;
    underWay.delete(entry);
    process.send?.({ wire: 'over', id: entry.id, atMs, isAnswered: entry.response?.complete === true });
  }
}

const noteEndsNow = () => noteEnds(monotonicMs());

function noteStart(request, accessKeyId, fromMs) {
  const toMs = monotonicMs();
  // Whatever is over by now was over before the write, since nothing else had its turn in between.
  noteEnds(toMs);
  const entry = { id: count++, socket: request.socket, response: undefined };
  underWay.add(entry);
  const action = String(request.getHeader('x-acs-action') ?? '');
  process.send?.({ wire: 'written', id: entry.id, accessKeyId, action, path: request.path, fromMs, toMs });
  request.prependOnceListener('response', (response) => {
    entry.response = response;
    response.once('end', noteEndsNow);
    response.once('close', noteEndsNow);
  });
  request.once('close', noteEndsNow);
}

// Published once the whole request was handed to its socket, which keeps it while it is connecting.
subscribe('http.client.request.start', ({ request }) => {
  const [, accessKeyId] = /Credential=([^,]+)/.exec(String(request.getHeader('authorization'))) ?? [];
  const { socket } = request;
  // Requests for credentials are none to the API.
  if (accessKeyId === undefined || !socket) return;
  if (!socket.connecting) {
    noteStart(request, accessKeyId, given.get(request) ?? monotonicMs());
    return;
  }
  let fromMs = 0;
  socket.prependOnceListener('connect', () => {
    fromMs = monotonicMs();
  });
  socket.once('connect', () => noteStart(request, accessKeyId, fromMs));
});
process.channel?.unref();
