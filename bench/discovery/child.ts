// Discovery without a network, in a process of its own that was started with --expose-gc: `child.js REPOSITORIES TAGS_EACH`. An API
// that answers at once, real queues, real state, a real page; nothing is polled. Sends one report.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import type { AcrApi, ListedImage } from '../../src/acr/operations.ts';
import { createPipeline } from '../../src/app/pipeline.ts';
import { Exposition } from '../../src/metrics/exposition.ts';
import type { WatchedInstance } from '../../src/polling/watched-instance.ts';
import { DueQueue } from '../../src/scheduler/due-queue.ts';
import type { Task, TaskScheduler } from '../../src/scheduler/task.ts';
import { systemClock } from '../../src/util/clock.ts';
import { InternalErrors } from '../../src/util/internal-errors.ts';
import type { Logger } from '../../src/util/logger.ts';

/** The cost of one run, and the longest time for which it held the event loop. */
export type PassReport = { readonly title: string; readonly cpuMs: number; readonly longestHoldMs: number };
export type DiscoveryReport = {
  readonly passes: readonly PassReport[];
  readonly tags: number;
  readonly bytesPerTag: number;
};

const [repositories = 0, tagsEach = 0] = process.argv.slice(2).map(Number);
const PAGE = 100;
const RESOLUTION_MS = 1;
const INTERVAL_MS = 1;
const START_MS = 1_700_000_000_000;

/** How often each tag was pushed; a push changes its digest. */
const pushes = new Uint8Array(repositories * tagsEach);
let requests = 0;

const api = {
  listRepository: async ({ pageNo }: { readonly pageNo: number }) => {
    requests += 1;
    const items = Array.from({ length: repositories }, (_, index) => ({
      repoId: `crr-${index}`,
      repoNamespaceName: 'shop',
      repoName: `app-${index}`,
      isGone: false,
    }));
    return { repositories: pageOf(items, pageNo), totalCount: repositories, nextToken: '', requestId: '' };
  },
  listRepoTag: async ({ repoId, pageNo }: { readonly repoId: string; readonly pageNo: number }) => {
    requests += 1;
    const repository = Number(repoId.slice('crr-'.length));
    const images = Array.from({ length: tagsEach }, (_, tag): ListedImage => imageOf(repository * tagsEach + tag, tag));
    return { images: pageOf(images, pageNo), totalCount: tagsEach, nextToken: '', requestId: '' };
  },
} as unknown as AcrApi;

function imageOf(index: number, tag: number): ListedImage {
  const digest = `sha256:${String(index).padStart(60, '0')}${String(pushes[index]).padStart(4, '0')}`;
  // A flat string, as from a parsed answer.
  return JSON.parse(JSON.stringify({ tag: `v1.0.${tag}`, digest, imageUpdate: START_MS + index, isDeleting: false }));
}

function pageOf<Item>(items: readonly Item[], pageNo: number): readonly Item[] {
  return items.slice((pageNo - 1) * PAGE, pageNo * PAGE);
}

const exposition = new Exposition({ render: async () => '' });
const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };
let passEnded: () => void = () => {};
const before = memory();
const { watchList, discoveryManager, store } = createPipeline({
  observer: exposition,
  meter: {
    requestSent() {},
    requestFailed() {},
    requestEnded() {},
    scanEnded() {},
    discoveryRunEnded: () => passEnded(),
    eventsReceived() {},
    eventMissed() {},
    eventAnswered() {},
  },
  stopping: new AbortController().signal,
  clock: systemClock,
  random: Math.random,
  logger: silent,
  errors: new InternalErrors({ logger: silent, clock: systemClock, count() {} }),
  timing: {
    intervals: { scanningMs: 15_000, completeMs: 600_000, failedMs: 600_000, notScannedMs: 600_000 },
    backoff: { initialMs: 1, maxMs: 1 },
  },
  maxTags: Number.POSITIVE_INFINITY,
  turn: () => turn(),
  holdScrapes: (change) => exposition.holdDuring(change),
});

/** A scheduler that performs the requests of discovery at once, and no polls. */
class IdleScheduler implements TaskScheduler {
  readonly #queue = new DueQueue<Task>();
  /** Requests of discovery wait here while nothing is measured. */
  held: Task | undefined;
  isOpen = false;

  schedule(task: Task, group: Parameters<DueQueue<Task>['put']>[1], dueAtMs: number): void {
    if (task.component !== 'discovery') this.#queue.put(task, group, dueAtMs);
    else if (this.isOpen) setImmediate(() => void task.perform());
    else this.held = task;
  }

  withdraw(task: Task): void {
    this.#queue.remove(task);
  }

  open(): void {
    this.isOpen = true;
    const { held } = this;
    this.held = undefined;
    if (held !== undefined) void held.perform();
  }
}

const scheduler = new IdleScheduler();
const instance: WatchedInstance = {
  id: 'cri-bench',
  api,
  scheduler,
  tasks: new Set(),
  completeMs: undefined,
  discoveredTags: 0,
};
const instances = new Map([[instance.id, instance]]);
await watchList.apply([{ id: instance.id, domain: 'registry.example.com', discover: [], repositories: [] }], instances);
const rule = {
  namespaces: ['*'],
  repositories: ['*'],
  excludeRepositories: ['*-cache'],
  tags: ['v*'],
  excludeTags: ['*-rc*'],
  newest: tagsEach,
  maxAgeMs: undefined,
  vulnerabilities: true,
};
await discoveryManager.configure(
  [{ id: instance.id, domain: 'registry.example.com', discover: [rule] }],
  INTERVAL_MS,
  instances,
);

const passes = [await pass('everything is new'), await pass('nothing changed')];
for (let index = 0; index < pushes.length; index += 100) pushes[index] = 1;
passes.push(await pass('1 % pushed again'));
const page = await exposition.scrape({ format: 'text', gzip: false });
const bytesPerTag = (memory() - before - page.length) / store.size;
page.done();
process.send?.({ passes, tags: store.size, bytesPerTag } satisfies DiscoveryReport);
process.disconnect();
process.exit();

async function pass(title: string): Promise<PassReport> {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  const count = requests;
  const ended = new Promise<void>((resolve) => {
    passEnded = () => {
      scheduler.isOpen = false;
      resolve();
    };
  });
  delays.enable();
  const begin = process.cpuUsage();
  scheduler.open();
  await ended;
  delays.disable();
  const cpuMs = cpuMsSince(begin) - (await answeringMs());
  if (requests - count < repositories) throw new Error('the pass did not ask for every repository');
  return { title, cpuMs, longestHoldMs: Math.max(0, delays.max / 1e6 - RESOLUTION_MS) };
}

/** The cost of the answers of the API for a run. */
async function answeringMs(): Promise<number> {
  const begin = process.cpuUsage();
  for (let repository = 0; repository < repositories; repository++) {
    const request = { instanceId: instance.id, repoId: `crr-${repository}`, pageSize: PAGE };
    for (let pageNo = 1; pageNo <= tagsEach / PAGE + 1; pageNo++) await api.listRepoTag({ ...request, pageNo });
  }
  return cpuMsSince(begin);
}

function cpuMsSince(begin: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(begin);
  return (user + system) / 1_000;
}

/** The used memory in the heap and outside it, in bytes. */
function memory(): number {
  global.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
