// An exporter on simulated time, in a process of its own: `child.js MODE`, where MODE is webhook, feed or none. The queue, the polls, the events, the page and
// the simulated registry are real; HTTP and the pacing of bottleneck are not. Sends one report.
import { setImmediate as turn } from 'node:timers/promises';
import { createPipeline } from '../../src/app/pipeline.ts';
import { parseCloudEvents } from '../../src/events/cloud-event.ts';
import { Exposition } from '../../src/metrics/exposition.ts';
import type { WatchedInstance } from '../../src/polling/watched-instance.ts';
import { AdaptiveRate } from '../../src/scheduler/adaptive-rate.ts';
import { Scheduler } from '../../src/scheduler/scheduler.ts';
import { Agenda } from '../../src/simulator/agenda.ts';
import { cloudEvent } from '../../src/simulator/cloud-event.ts';
import { seededDraw, within } from '../../src/simulator/random.ts';
import { RegistryEvents } from '../../src/simulator/registry-events.ts';
import { parseScenario } from '../../src/simulator/scenario.ts';
import { Simulation } from '../../src/simulator/simulation.ts';
import { InternalErrors } from '../../src/util/internal-errors.ts';
import type { Logger } from '../../src/util/logger.ts';
import { inProcessApi } from './in-process-api.ts';
import { SimulatedClock, SimulatedLimiter } from './simulated-time.ts';

export type Mode = 'webhook' | 'feed' | 'none';
export type EventsReport = {
  /** From the end of each scan to the answer that shows it, in milliseconds; in no order. */
  readonly delaysMs: readonly number[];
  /** Requests by operation in the time in which the scans ended. */
  readonly requests: Readonly<Record<string, number>>;
  readonly windowMs: number;
  /** How many tags were overdue at the end of this time. */
  readonly overdue: number;
  readonly missed: number;
};

const TAGS = 100_000;
const SCANS = 1_000;
const RATE = { requestsPerSecond: 5, maxConcurrent: 4 };
/** The first polls are not measured. */
const FIRST_RATE = { requestsPerSecond: 1_000, maxConcurrent: 200 };
const HOUR_MS = 3_600_000;
/** Until then every tag was polled again at the measured rate. */
const SETTLED_AFTER_MS = 12 * HOUR_MS;
const WINDOW_MS = 600_000;
/** A few scans end while the exporter settles: these prove its events to be healthy. */
const EARLIER_SCANS = 60;
const SCAN_DURATION = { minMs: 30_000, maxMs: 120_000 };
const LATENCY = { minMs: 20, maxMs: 200 };
/** From the end of a scan to the arrival of its event. */
const DELIVERY = { minMs: 50, maxMs: 500 };
const INTERVALS = { scanningMs: 15_000, completeMs: 600_000, failedMs: 600_000, notScannedMs: 600_000 };
const INSTANCE = 'cri-bench';
const REPOSITORY = 'crr-bench';

const mode = process.argv[2] as Mode;
const draw = seededDraw(1, 'bench');

/** The scans: of which tag, and when they end. */
const ends = new Map<string, number>();
const tags: object[] = [];
for (let index = 0; index < TAGS; index++) {
  const tag = `v${index}`;
  const isMeasured = index < SCANS;
  const isEarlier = !isMeasured && index < SCANS + EARLIER_SCANS;
  if (!isMeasured && !isEarlier) tags.push({ tag, status: 'COMPLETE' });
  else {
    const endMs = isMeasured
      ? SETTLED_AFTER_MS + draw('end', tag) * WINDOW_MS
      : draw('end', tag) * (SETTLED_AFTER_MS - HOUR_MS) + HOUR_MS;
    const durationMs = within(SCAN_DURATION, draw('duration', tag));
    if (isMeasured) ends.set(tag, endMs);
    const timeline = [
      { status: 'COMPLETE', for: `${Math.round(endMs - durationMs)}ms` },
      { status: 'SCANNING', for: `${Math.round(durationMs)}ms` },
      { status: draw('failure', tag) < 0.1 ? 'FAILED' : 'COMPLETE' },
    ];
    tags.push({ tag, timeline });
  }
}
const scenario = parseScenario(
  JSON.stringify({
    instances: [
      {
        id: INSTANCE,
        event_center: { rules: mode === 'feed' ? ['scans'] : [], lag: '500ms' },
        repositories: [{ namespace: 'bench', name: 'app', id: REPOSITORY, tags }],
      },
    ],
  }),
  'bench',
);

const clock = new SimulatedClock();
const simulation = new Simulation(scenario, 1, clock);
const seen = new Map<string, number>();
const requests: Record<string, number> = {};
let requestCount = 0;
const isInWindow = () => clock.monotonic() >= SETTLED_AFTER_MS && clock.monotonic() < SETTLED_AFTER_MS + WINDOW_MS;
const api = inProcessApi({
  simulation,
  clock,
  latencyMs: () => within(LATENCY, draw('latency', requestCount)),
  sent: (action) => {
    requestCount += 1;
    if (isInWindow()) requests[action] = (requests[action] ?? 0) + 1;
  },
  answered: (tag, writtenAtMs) => {
    const endMs = ends.get(tag);
    if (endMs !== undefined && writtenAtMs >= endMs && !seen.has(tag)) seen.set(tag, clock.monotonic() - endMs);
  },
});

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };
const stopping = new AbortController();
const errors = new InternalErrors({
  logger: { ...silent, error: (message, fields) => console.error(message, fields) },
  clock,
  count() {},
});
const exposition = new Exposition({ render: async () => '' });
let missed = 0;
const { watchList, store, eventManager } = createPipeline({
  observer: exposition,
  meter: {
    requestSent() {},
    requestFailed() {},
    requestEnded() {},
    scanEnded() {},
    discoveryRunEnded() {},
    eventsReceived() {},
    eventMissed: () => {
      missed += 1;
    },
    eventAnswered() {},
  },
  stopping: stopping.signal,
  clock,
  random: () => draw('random', requestCount, clock.monotonic()),
  logger: silent,
  errors,
  timing: { intervals: INTERVALS, backoff: { initialMs: 5_000, maxMs: 600_000 } },
  maxTags: Number.POSITIVE_INFINITY,
  turn: () => turn(),
  holdScrapes: (change) => exposition.holdDuring(change),
});
const scheduler = new Scheduler({
  name: 'default',
  limits: FIRST_RATE,
  quota: { limiter: new SimulatedLimiter(clock), adaptiveRate: new AdaptiveRate(FIRST_RATE.requestsPerSecond) },
  clock,
  errors,
  logger: silent,
});
scheduler.useCredentials({ ensure: async () => {}, refresh: async () => false });
const instance: WatchedInstance = {
  id: INSTANCE,
  api,
  scheduler,
  tasks: new Set(),
  completeMs: undefined,
  discoveredTags: 0,
};
const instances = new Map([[INSTANCE, instance]]);
const repository = {
  namespace: 'bench',
  name: 'app',
  id: REPOSITORY,
  vulnerabilities: false,
  tags: Array.from({ length: TAGS }, (_, index) => ({ tag: `v${index}`, digest: '', scanTaskId: '' })),
};
await watchList.apply([{ id: INSTANCE, domain: '', discover: [], repositories: [repository] }], instances);
eventManager.configure(
  [{ id: INSTANCE, feedMs: mode === 'feed' ? 15_000 : undefined }],
  { hasWebhook: mode === 'webhook', completeMs: 6 * HOUR_MS },
  instances,
);
if (mode === 'webhook') sendEvents();
void scheduler.run(stopping.signal);

await clock.pass(() => requestCount >= TAGS);
scheduler.configure(RATE);
await clock.pass(() => clock.monotonic() >= SETTLED_AFTER_MS + WINDOW_MS);
const { background } = scheduler.backlog(clock.monotonic());
await clock.pass(() => seen.size === SCANS);
checkStatuses();
const report: EventsReport = {
  delaysMs: [...seen.values()],
  requests,
  windowMs: WINDOW_MS,
  overdue: background.due,
  missed,
};
process.send?.(report);
process.disconnect();
process.exit();

/** Events of the registry, as the text that EventBridge sends, a moment after they happen. */
function sendEvents(): void {
  const agenda = new Agenda();
  const startedAtMs = clock.now();
  const events = new RegistryEvents({
    registry: simulation.registry,
    agenda,
    seed: 1,
    onEvent: async (event) => {
      await clock.sleep(within(DELIVERY, draw('delivery', event.id)));
      for (const each of parseCloudEvents(cloudEvent(event, startedAtMs)).events) {
        eventManager.intake.receive(each, 'webhook');
      }
    },
  });
  events.start(0);
  void agenda.follow(() => clock.monotonic(), clock, stopping.signal);
}

/** Throws unless every status that is shown is that of the registry. */
function checkStatuses(): void {
  const statusOf = new Map([...store.tags()].map(({ target, state }) => [target.tag, state.status]));
  const { elapsedMs } = simulation.instant();
  for (const instance of simulation.registry.values()) {
    for (const repository of instance.repositories) {
      for (const { tag, image } of repository.tagsAt(elapsedMs).values()) {
        const { status } = image.scanAt(elapsedMs);
        if (ends.has(tag) && statusOf.get(tag) !== status.toLowerCase()) {
          throw new Error(`${tag} is ${status}, but shown as ${statusOf.get(tag)}`);
        }
      }
    }
  }
}
