// What the exporter's process says of its requests, as they pass through its own sockets.
import type { Probe } from './processes.ts';
import type { WireRequest } from './record.ts';

/** What `wire-probe.mjs` says when a request was written, and when it was over. */
type Written = { readonly wire: 'written' } & Pick<WireRequest, 'id' | 'accessKeyId' | 'fromMs' | 'toMs'>;
type Over = { readonly wire: 'over'; readonly id: number; readonly atMs: number };

/** Notes the requests of a life of the process. */
export function wireProbe(requests: WireRequest[], life: number): Probe {
  return {
    preload: new URL('wire-probe.mjs', import.meta.url).href,
    onMessage: (message) => {
      if (!isWireMessage(message)) return;
      if (message.wire === 'written') {
        const { id, accessKeyId, fromMs, toMs } = message;
        requests.push({ life, id, accessKeyId, at: Date.now(), fromMs, toMs, overMs: Number.POSITIVE_INFINITY });
        return;
      }
      const request = requests.findLast((each) => each.life === life && each.id === message.id);
      if (request !== undefined) request.overMs = message.atMs;
    },
  };
}

function isWireMessage(message: unknown): message is Written | Over {
  return typeof message === 'object' && message !== null && 'wire' in message;
}
