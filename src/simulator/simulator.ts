// The simulator as a part of other programs: created from a scenario, then listening on an address of this machine.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type Clock, systemClock } from '../util/clock.ts';
import {
  addRepository,
  deleteRepository,
  deleteTag,
  follow,
  type PushRequest,
  pushTag,
  type RepositoryAddition,
} from './controls.ts';
import { type FaultInput, faultsSchema } from './fault-schema.ts';
import { createListener } from './http.ts';
import { toPhases } from './image.ts';
import { check } from './problems.ts';
import { type PhaseInput, timelineSchema } from './registry-schema.ts';
import type { LoggedRequest } from './request-log.ts';
import {
  type KeyInput,
  keysSchema,
  type LatencyInput,
  latencySchema,
  type QuotaInput,
  quotaSchema,
  type ScenarioInput,
  scenarioSchema,
} from './scenario.ts';
import { Simulation } from './simulation.ts';
import { fixedCourse, scriptedCourse } from './timeline.ts';
import { countTags, type TagTruth, truthOf } from './truth.ts';

export type SimulatorOptions = {
  /** In the form of a scenario file; what it leaves out has defaults. */
  readonly scenario?: ScenarioInput;
  /** Everything random follows from it. */
  readonly seed?: number;
  readonly clock?: Clock;
};

export type SimulatorAddress = {
  readonly port: number /** `HOST:PORT` */;
  readonly address: string;
  readonly url: string;
};

/** What may be said of an image that is pushed; its digest and the numbers of its scan are drawn otherwise. */
export type PushedImage = Omit<PushRequest, 'instanceId' | 'repoId' | 'tag'>;

/** A running simulation. What is handed in has the form of the scenario file and is checked: {@link ScenarioError}. */
export interface Simulator {
  /** Starts to listen; port 0 picks a free one. After {@link close} it may be called again: everything is as it was. */
  listen(host: string, port: number): Promise<SimulatorAddress>;
  /** Stops to listen and cuts every connection. */
  close(): Promise<void>;
  /** Replaces all faults; their times and counts begin now. */
  setFaults(faults: readonly FaultInput[]): void;
  /** Replaces all accepted keys. */
  setKeys(keys: readonly KeyInput[]): void;
  /** Replaces the quota; undefined lifts it. */
  setQuota(quota: QuotaInput | undefined): void;
  /** Replaces the time from a request to its answer, for requests that come from now on. */
  setLatency(latency: LatencyInput): void;
  /** Gives a tag a status from now on. Throws when there is no such tag. */
  setStatus(instanceId: string, repoId: string, tag: string, status: string): void;
  /** Gives a tag a course that begins now; its last phase stays. Throws when there is no such tag. */
  setTimeline(instanceId: string, repoId: string, tag: string, timeline: readonly PhaseInput[]): void;
  /** Pushes to a tag, which is new or moves to a new image whose scan begins; gives what is then true of it. */
  pushTag(instanceId: string, repoId: string, tag: string, image?: PushedImage): TagTruth;
  /** Throws when there is no such tag. */
  deleteTag(instanceId: string, repoId: string, tag: string): void;
  /** Adds a repository in the form of the scenario, whose time begins now; gives its id. Throws when it is there already. */
  addRepository(instanceId: string, repository: RepositoryAddition['repository']): string;
  /** Throws when there is no such repository. */
  deleteRepository(instanceId: string, repoId: string): void;
  /** The requests that are still in the log, oldest first. */
  requests(): readonly LoggedRequest[];
  /** The truth about every tag that exists, now. */
  state(): readonly TagTruth[];
  /** How many tags exist. */
  tagCount(): number;
}

/** Longer than any client keeps an idle connection: the simulator closes none while a request may be on its way. */
const KEEP_ALIVE_MS = 10 * 60_000;

/** Creates a simulator whose time begins now. Throws a {@link ScenarioError} with every problem of the scenario. */
export function createSimulator({ scenario = {}, seed = 1, clock = systemClock }: SimulatorOptions): Simulator {
  const simulation = new Simulation(check(scenarioSchema, scenario), seed, clock);
  let server: Server | undefined;

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
      return addressOf(server);
    },
    async close() {
      const closing = server;
      server = undefined;
      if (!closing) return;
      const closed = once(closing, 'close');
      closing.close();
      closing.closeAllConnections();
      await closed;
    },
    setFaults: (faults) => simulation.setFaults(check(faultsSchema, faults, ['faults'])),
    setKeys: (keys) => simulation.authenticator.setKeys(check(keysSchema, keys, ['keys'])),
    setQuota: (quota) => simulation.setQuota(quota && check(quotaSchema, quota, ['quota'])),
    setLatency: (latency) => simulation.setLatency(check(latencySchema, latency, ['latency'])),
    setStatus: (instanceId, repoId, tag, status) =>
      follow(simulation, fixedCourse(status), { instanceId, repoId, tag }),
    setTimeline(instanceId, repoId, tag, timeline) {
      const phases = toPhases(check(timelineSchema, timeline, ['timeline']));
      follow(simulation, scriptedCourse(phases, false), { instanceId, repoId, tag });
    },
    pushTag: (instanceId, repoId, tag, image = {}) => pushTag(simulation, { ...image, instanceId, repoId, tag }),
    deleteTag: (instanceId, repoId, tag) => deleteTag(simulation, { instanceId, repoId, tag }),
    addRepository: (instanceId, repository) => addRepository(simulation, { instanceId, repository }).repoId,
    deleteRepository: (instanceId, repoId) => deleteRepository(simulation, { instanceId, repoId }),
    requests: () => simulation.log.page(0, Number.POSITIVE_INFINITY),
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
