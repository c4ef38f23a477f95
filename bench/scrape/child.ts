// The process of one measured server: `child.js SERVER TAGS`. Messages from the benchmark control it.
import { createServer } from 'node:http';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { SERVERS, type ServerName } from './servers.ts';
import type { ChangeKind } from './tags.ts';

export type Command =
  | { readonly do: 'change'; readonly count: number; readonly kind: ChangeKind }
  | { readonly do: 'begin' }
  | { readonly do: 'end' };

/** The cost of the process between `begin` and `end`, and its memory. */
export type Report = {
  readonly cpuMs: number;
  readonly longestHoldMs: number;
  readonly rssBytes: number;
  readonly peakRssBytes: number;
};

/** The monitor is a timer with this interval in milliseconds. It measures the interval and the delay. */
const RESOLUTION_MS = 1;

const [name, tags] = process.argv.slice(2);
const { listener, change } = await SERVERS[name as ServerName](Number(tags));
const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
let cpu = process.cpuUsage();

process.on('message', (command: Command) => {
  switch (command.do) {
    case 'change':
      change(command.count, command.kind);
      return reply({});
    case 'begin':
      delays.reset();
      delays.enable();
      cpu = process.cpuUsage();
      return reply({});
    case 'end': {
      const { user, system } = process.cpuUsage(cpu);
      delays.disable();
      const report: Report = {
        cpuMs: (user + system) / 1000,
        longestHoldMs: Math.max(0, delays.max / 1e6 - RESOLUTION_MS),
        rssBytes: process.memoryUsage.rss(),
        peakRssBytes: process.resourceUsage().maxRSS * 1024,
      };
      return reply(report);
    }
  }
});
process.on('disconnect', () => process.exit());

const server = createServer(listener).listen(0, '127.0.0.1', () => reply({ address: server.address() }));

function reply(message: object): void {
  process.send?.(message);
}
