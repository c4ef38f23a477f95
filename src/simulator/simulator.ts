// The simulator as other programs use it: created from a scenario, then listening on an address of this machine.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type Clock, systemClock } from '../util/clock.ts';
import { check } from './check-scenario.ts';
import type { LoggedEvent } from './event-log.ts';
import { type DeliveryInput, deliverySchema } from './event-settings.ts';
import { type FaultInput, faultsSchema } from './faults.ts';
import { createListener } from './http-server.ts';
import { toPhases } from './image.ts';
import {
  addRepository,
  deleteRepository,
  deleteTag,
  type PushRequest,
  pushTag,
  type RepositoryAddition,
  setCourse,
} from './registry-changes.ts';
import { type PhaseInput, timelineSchema } from './registry-schema.ts';
import type { LoggedRequest } from './request-log.ts';
import {
  type KeyInput,
  keysSchema,
  type LatencyInput,
  latencySchema,
  type QuotaInput,
  quotaSchema,
  type Scenario,
  type ScenarioInput,
  scenarioSchema,
} from './scenario.ts';
import { Simulation } from './simulation.ts';
import { fixedCourse, scriptedCourse } from './timeline.ts';
import { countTags, type TagTruth, truthOf } from './truth.ts';

export type SimulatorOptions = {
  /** In the form of a scenario file; what it leaves out has defaults. */
  readonly scenario?: ScenarioInput;
  /** Decides everything random. */
  readonly seed?: number;
  readonly clock?: Clock;
};

export type SimulatorAddress = {
  readonly port: number;
  /** `HOST:PORT` */
  readonly address: string;
  readonly url: string;
};

/** The digest and the vulnerabilities of a pushed image. What is missing is drawn at random. */
export type PushedImage = Omit<PushRequest, 'instanceId' | 'repoId' | 'tag'>;

/** A simulator. Arguments have the form of the scenario file; the methods throw a `ScenarioError` for wrong ones. */
export interface Simulator {
  /** Starts to listen; port 0 picks a free port. It may be called again after {@link close}, which keeps the state. */
  listen(host: string, port: number): Promise<SimulatorAddress>;
  /** Stops listening and cuts every connection. */
  close(): Promise<void>;
  /** Replaces all faults. Their times and counts begin now. */
  setFaults(faults: readonly FaultInput[]): void;
  /** Replaces all accepted keys. */
  setKeys(keys: readonly KeyInput[]): void;
  /** Replaces the quota; undefined removes it. */
  setQuota(quota: QuotaInput | undefined): void;
  /** Replaces the latency of the requests that arrive from now on. */
  setLatency(latency: LatencyInput): void;
  /** Replaces where events are sent to, and what goes wrong on the way; undefined sends none. */
  setEvents(events: DeliveryInput | undefined): void;
  /** Sets the status of a tag until its next push. Throws a `RegistryError` when there is no such tag. */
  setStatus(instanceId: string, repoId: string, tag: string, status: string): void;
  /** Sets the phases of a tag's scan, which begin now; the last one stays. Throws a `RegistryError` when there is no such tag. */
  setTimeline(instanceId: string, repoId: string, tag: string, timeline: readonly PhaseInput[]): void;
  /** Pushes a new tag, or a new image to an existing one. The scan of the image begins. Gives the state of the tag after that. */
  pushTag(instanceId: string, repoId: string, tag: string, image?: PushedImage): TagTruth;
  /** Throws a `RegistryError` when there is no such tag. */
  deleteTag(instanceId: string, repoId: string, tag: string): void;
  /** Adds a repository, whose time begins now, and gives its id. Throws a `RegistryError` when it exists already. */
  addRepository(instanceId: string, repository: RepositoryAddition['repository']): string;
  /** Throws a `RegistryError` when there is no such repository. */
  deleteRepository(instanceId: string, repoId: string): void;
  /** The requests in the log, oldest first. */
  requests(): readonly LoggedRequest[];
  /** The events in the log, oldest first. There are none before a rule of an event center or a delivery asks for them. */
  events(): readonly LoggedEvent[];
  /** The present state of every tag that exists. */
  state(): readonly TagTruth[];
  /** How many tags exist. */
  tagCount(): number;
}

/** Longer than any client keeps an idle connection, so the simulator closes none while a request is under way. */
const KEEP_ALIVE_MS = 10 * 60_000;

/** Creates a simulator whose time begins now. Throws a `ScenarioError` with every problem of the scenario. */
export function createSimulator({ scenario = {}, seed = 1, clock = systemClock }: SimulatorOptions): Simulator {
  return simulate(check(scenarioSchema, scenario), { seed, clock });
}

/** A simulator of a scenario that was checked before. */
export function simulate(scenario: Scenario, { seed, clock }: Required<Omit<SimulatorOptions, 'scenario'>>): Simulator {
  const simulation = new Simulation(scenario, seed, clock);
  let server: Server | undefined;
  let closed = new AbortController();

  return {
    async listen(host, port) {
      if (server) throw new Error('expected a simulator that does not listen yet');
      server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, createListener(simulation, clock));
      try {
        await once(server.listen(port, host), 'listening');
      } catch (error) {
        server = undefined;
        throw error;
      }
      const bound = addressOf(server);
      closed = new AbortController();
      simulation.listen(bound.url, closed.signal);
      return bound;
    },
    async close() {
      const closing = server;
      server = undefined;
      if (!closing) return;
      closed.abort();
      const ended = once(closing, 'close');
      closing.close();
      closing.closeAllConnections();
      await ended;
    },
    setFaults: (faults) => simulation.setFaults(check(faultsSchema, faults, ['faults'])),
    setKeys: (keys) => simulation.authenticator.setKeys(check(keysSchema, keys, ['keys'])),
    setQuota: (quota) => simulation.setQuota(quota && check(quotaSchema, quota, ['quota'])),
    setLatency: (latency) => simulation.setLatency(check(latencySchema, latency, ['latency'])),
    setEvents: (events) => simulation.setDelivery(events && check(deliverySchema, events, ['events'])),
    setStatus: (instanceId, repoId, tag, status) =>
      setCourse(simulation, fixedCourse(status), { instanceId, repoId, tag }),
    setTimeline(instanceId, repoId, tag, timeline) {
      const phases = toPhases(check(timelineSchema, timeline, ['timeline']));
      setCourse(simulation, scriptedCourse(phases, false), { instanceId, repoId, tag });
    },
    pushTag: (instanceId, repoId, tag, image = {}) => pushTag(simulation, { ...image, instanceId, repoId, tag }),
    deleteTag: (instanceId, repoId, tag) => deleteTag(simulation, { instanceId, repoId, tag }),
    addRepository: (instanceId, repository) => addRepository(simulation, { instanceId, repository }).repoId,
    deleteRepository: (instanceId, repoId) => deleteRepository(simulation, { instanceId, repoId }),
    requests: () => simulation.log.page(0, Number.POSITIVE_INFINITY),
    events() {
      simulation.elapsedMs(); // what is due happens
      return simulation.eventLog.page(0, Number.POSITIVE_INFINITY);
    },
    state: () => truthOf(simulation).tags,
    tagCount: () => countTags(simulation),
  };
}

function addressOf(server: Server): SimulatorAddress {
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('expected a TCP address');
  const host = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address;
  const address = `${host}:${bound.port}`;
  return { port: bound.port, address, url: `http://${address}` };
}
