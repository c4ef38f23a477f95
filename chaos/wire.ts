// What the exporter's process says of its requests, as they pass through its own sockets.
import { z } from 'zod';
import { subjectOf } from './laws/sent.ts';
import type { Probe } from './processes.ts';
import type { WireRequest } from './record.ts';

/** What `wire-probe.mjs` says when a request was written, and when it was over. */
const wireMessage = z.discriminatedUnion('wire', [
  z.object({
    wire: z.literal('written'),
    id: z.number(),
    accessKeyId: z.string(),
    action: z.string(),
    path: z.string(),
    fromMs: z.number(),
    toMs: z.number(),
  }),
  z.object({ wire: z.literal('over'), id: z.number(), atMs: z.number(), isAnswered: z.boolean() }),
]);

/** Notes the requests of a life of the process. */
export function wireProbe(requests: WireRequest[], life: number): Probe {
  return {
    preload: new URL('wire-probe.mjs', import.meta.url).href,
    onMessage: (message) => {
      // Others come from the probes beside it.
      const { data } = wireMessage.safeParse(message);
      if (data?.wire === 'written') {
        const { id, accessKeyId, action, path, fromMs, toMs } = data;
        const parameters = Object.fromEntries(new URL(path, 'http://localhost').searchParams);
        const subject = subjectOf({ action, parameters });
        const present = { overMs: Number.POSITIVE_INFINITY, isAnswered: false };
        // A process that stood still tells late of what it wrote before.
        const later = requests.findLastIndex((each) => each.fromMs <= fromMs) + 1;
        requests.splice(later, 0, { life, id, accessKeyId, subject, at: Date.now(), fromMs, toMs, ...present });
      }
      if (data?.wire === 'over') {
        const request = requests.findLast((each) => each.life === life && each.id === data.id);
        if (request === undefined) return;
        request.overMs = data.atMs;
        request.isAnswered = data.isAnswered;
      }
    },
  };
}
