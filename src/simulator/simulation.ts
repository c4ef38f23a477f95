// The simulated API without HTTP: it receives a request and, after the latency, gives the answer.
import type { Clock } from '../util/clock.ts';
import { parseAuthorization, type SignedRequest } from './acs3-signature.ts';
import { Agenda } from './agenda.ts';
import {
  type ApiAnswer,
  ApiFailure,
  apiFailure,
  businessFailure,
  failureAnswer,
  missing,
  successAnswer,
} from './api-errors.ts';
import { Authenticator, headerOf } from './authentication.ts';
import { EventDelivery } from './event-delivery.ts';
import { EventLog } from './event-log.ts';
import type { DeliverySettings } from './event-settings.ts';
import { EventSigner } from './event-signer.ts';
import type { Fault } from './faults.ts';
import { effectOf, FaultPicker } from './faults.ts';
import { type Instant, namedRepository, perform } from './operations.ts';
import { FIRST_PAGE } from './pagination.ts';
import { type Action, isAction, knownParameters, type Parameters } from './parameters.ts';
import { TokenBuckets } from './quota.ts';
import { type Draw, type DurationRange, seededDraw, stableUuid, within } from './random.ts';
import { createRegistry, createRepository, type Registry } from './registry.ts';
import { RegistryEvents } from './registry-events.ts';
import type { RepositorySettings } from './registry-schema.ts';
import type { SimulatedRepository } from './repository.ts';
import { type LoggedRequest, RequestLog } from './request-log.ts';
import { parameterOf, type RpcRequest } from './rpc-signature.ts';
import type { Scenario } from './scenario.ts';
import type { SimulatedEvent } from './simulated-event.ts';

const API_VERSION = '2018-12-01';

/** The page with the certificate of the key that signs events. */
export const CERTIFICATE_PATH = '/_sim/certificate.pem';

/** A received request whose answer is not sent yet. */
export type Call = {
  readonly entry: LoggedRequest;
  readonly requestId: string;
  readonly hostId: string;
  readonly action: string;
  readonly parameters: Parameters;
  /** Why the API refuses it, decided at its arrival; undefined when the API does not. */
  readonly failure: ApiFailure | undefined;
  /** The fault that strikes it, if any. */
  readonly fault: Fault | undefined;
  /** The time from its arrival to its answer. */
  readonly latencyMs: number;
};

export class Simulation {
  readonly registry: Registry;
  readonly authenticator: Authenticator;
  readonly log: RequestLog;
  readonly eventLog = new EventLog();
  readonly signer = new EventSigner();
  readonly events: RegistryEvents;
  readonly #scenario: Scenario;
  readonly #seed: number;
  readonly #clock: Clock;
  readonly #startedAtMs: number;
  readonly #startedMonotonicMs: number;
  readonly #latencies: Draw;
  #latency: DurationRange;
  #quota: TokenBuckets;
  #faults: FaultPicker;
  readonly #agenda = new Agenda();
  readonly #delivery: EventDelivery;
  /** Aborted when the simulator stops listening; undefined while it does not listen. */
  #listening: AbortSignal | undefined;
  #isFollowing = false;

  constructor(scenario: Scenario, seed: number, clock: Clock) {
    this.#scenario = scenario;
    this.#seed = seed;
    this.#clock = clock;
    this.#startedAtMs = clock.now();
    this.#startedMonotonicMs = clock.monotonic();
    this.#latencies = seededDraw(seed, 'latency');
    this.#latency = scenario.latency;
    this.#quota = new TokenBuckets(scenario.quota);
    this.#faults = new FaultPicker(scenario.faults, seed, this.elapsedMs());
    this.registry = createRegistry(scenario, seed);
    this.log = new RequestLog(clock);
    this.authenticator = new Authenticator(clock);
    this.authenticator.setKeys(scenario.keys);
    this.events = new RegistryEvents({
      registry: this.registry,
      agenda: this.#agenda,
      seed,
      onEvent: (event) => this.#happened(event),
    });
    this.#delivery = new EventDelivery({
      agenda: this.#agenda,
      clock,
      seed,
      signer: this.signer,
      startedAtMs: this.#startedAtMs,
      elapsedMs: () => this.elapsedMs(),
    });
    if ([...this.registry.values()].some(({ eventCenter }) => eventCenter.hasRules)) this.#watchEvents();
    if (scenario.events) this.setDelivery(scenario.events);
  }

  /** Milliseconds since the simulation started. The events until now have happened then. */
  elapsedMs(): number {
    const elapsedMs = this.#clock.monotonic() - this.#startedMonotonicMs;
    this.#agenda.actUntil(elapsedMs);
    return elapsedMs;
  }

  instant(): Instant {
    return { elapsedMs: this.elapsedMs(), startedAtMs: this.#startedAtMs };
  }

  /** How events are sent; undefined while none are. */
  get delivery(): DeliverySettings | undefined {
    return this.#delivery.settings;
  }

  /** Sends events as these settings say; undefined sends none. */
  setDelivery(settings: DeliverySettings | undefined): void {
    this.#delivery.settings = settings;
    if (settings) this.#watchEvents();
  }

  /** Sends events while the simulator listens at `url`, until `signal` is aborted. */
  listen(url: string, signal: AbortSignal): void {
    this.#listening = signal;
    this.#delivery.start(`${url}${CERTIFICATE_PATH}`, signal);
    void this.#follow();
  }

  setFaults(faults: readonly Fault[]): void {
    this.#faults = new FaultPicker(faults, this.#seed, this.elapsedMs());
  }

  setLatency(latency: DurationRange): void {
    this.#latency = latency;
  }

  setQuota(quota: Scenario['quota']): void {
    this.#quota = new TokenBuckets(quota);
  }

  /** Builds a repository whose time begins now, by the rules of the scenario. */
  createRepository(instanceId: string, settings: RepositorySettings): SimulatedRepository {
    return createRepository(instanceId, settings, this.#scenario, this.#seed, this.elapsedMs());
  }

  /** Receives a request; `form` are the parameters of its body. Refusal, fault and latency are decided now. */
  receive(entry: LoggedRequest, request: SignedRequest, form: Iterable<readonly [string, string]>): Call {
    const rpc: RpcRequest = { method: request.method, parameters: [...form, ...request.query] };
    const action = headerOf(request, 'x-acs-action') || parameterOf(rpc, 'Action');
    const parameters = knownParameters(rpc.parameters);
    entry.action = action;
    entry.parameters = parameters;
    entry.accessKeyId =
      parseAuthorization(headerOf(request, 'authorization'))?.accessKeyId ?? parameterOf(rpc, 'AccessKeyId');
    const failure = this.#refusal(request, rpc, entry);
    const fault = failure ? undefined : this.#faultFor(action, parameters);
    if (fault) entry.fault = effectOf(fault) ?? null;
    return {
      entry,
      requestId: stableUuid(this.#seed, 'request', entry.index),
      hostId: headerOf(request, 'host'),
      action,
      parameters,
      failure,
      fault,
      latencyMs: within(this.#latency, this.#latencies(entry.index)),
    };
  }

  /** The answer to a call at this moment. For a fault that resets or hangs, it is the answer that the fault cuts. */
  answer({ requestId, hostId, action, parameters, failure, fault }: Call): ApiAnswer {
    if (fault?.body) {
      const { http_status: httpStatus, content_type: contentType, headers, text = '' } = fault.body;
      return { httpStatus, code: '', headers: { 'content-type': contentType, ...headers }, body: text };
    }
    try {
      if (failure) throw failure;
      if (!isAction(action)) throw apiFailure('InvalidAction.NotFound');
      if (fault) throwFault(fault);
      const fields = this.#perform(action, parameters);
      return successAnswer({ ...fields, ...replacedFields(fault) }, requestId);
    } catch (error) {
      if (error instanceof ApiFailure) return failureAnswer(error, requestId, hostId);
      throw error;
    }
  }

  #watchEvents(): void {
    this.events.start(this.elapsedMs());
    void this.#follow();
  }

  /** Lets events happen at their time, while the simulator listens and events are watched. */
  async #follow(): Promise<void> {
    const signal = this.#listening;
    if (this.#isFollowing || !this.events.isStarted || !signal || signal.aborted) return;
    this.#isFollowing = true;
    await this.#agenda.follow(() => this.elapsedMs(), this.#clock, signal);
    this.#isFollowing = false;
    // Meanwhile it may listen again.
    void this.#follow();
  }

  #happened(event: SimulatedEvent): void {
    const entry = this.eventLog.add(event, this.#startedAtMs);
    const instance = this.registry.get(event.repository.instanceId);
    entry.recordIds = instance?.eventCenter.add(event, this.#startedAtMs) ?? [];
    this.#delivery.send(event, entry);
  }

  #perform(action: Action, parameters: Parameters): Readonly<Record<string, unknown>> {
    return perform(action, this.registry, parameters, this.instant());
  }

  #refusal(request: SignedRequest, rpc: RpcRequest, { action, accessKeyId }: LoggedRequest): ApiFailure | undefined {
    const isRpc = headerOf(request, 'authorization') === '' && isRpcSigned(request, rpc);
    try {
      if (action === '') throw missing('Action');
      if (!isAction(action)) throw apiFailure('InvalidAction.NotFound');
      const version = isRpc ? parameterOf(rpc, 'Version') : headerOf(request, 'x-acs-version');
      if (version !== API_VERSION) throw apiFailure('InvalidVersion');
      if (isRpc) this.authenticator.authenticateRpc(rpc);
      else this.authenticator.authenticate(request);
      this.#quota.take(accessKeyId, action, this.elapsedMs());
      return undefined;
    } catch (error) {
      if (error instanceof ApiFailure) return error;
      throw error;
    }
  }

  #faultFor(action: string, parameters: Parameters): Fault | undefined {
    const { InstanceId: instanceId = '', RepoId: repoId = '', Tag: tag = '' } = parameters;
    const page = Number(parameters.PageNo || FIRST_PAGE);
    const found = namedRepository(this.registry, parameters);
    const repository = found ? [found.id, `${found.namespace}/${found.name}`] : [repoId];
    return this.#faults.pick({ action, instanceId, repository, tag, page }, this.elapsedMs());
  }
}

/** Whether a request without an Authorization header has the older signature. Its clients may also name the action in a header. */
function isRpcSigned(request: SignedRequest, rpc: RpcRequest): boolean {
  return headerOf(request, 'x-acs-action') === '' || parameterOf(rpc, 'SignatureMethod') !== '';
}

/** The fields of an answer that a fault replaces. */
function replacedFields({
  status,
  total_count: total,
  next_token: token,
}: Partial<Fault> = {}): Readonly<Record<string, string>> {
  return {
    ...(status !== undefined && { Status: status }),
    ...(total !== undefined && { TotalCount: String(total) }),
    ...(token !== undefined && { NextToken: token }),
  };
}

function throwFault({ error, business_error: business }: Fault): void {
  if (business) throw businessFailure(business.code, business.message);
  if (!error) return;
  const { code, http_status: httpStatus, message, retry_after: retryAfterMs } = error;
  throw apiFailure(code, { httpStatus, message, retryAfterMs });
}
