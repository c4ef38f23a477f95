// The simulator as a run sees it: through its controls over HTTP.
import { z } from 'zod';
import type { Fault } from './faults.ts';
import { type ApiRequest, type LoggedEvent, TRUE_EVENT } from './record.ts';
import type { ImageState, State, TagState, Truth } from './truth.ts';

export type Latency = { readonly minMs: number; readonly maxMs: number };
/** An access key in the form of the scenario. */
export type Key = { readonly access_key_id: string; readonly access_key_secret: string };
type RequestPage = { readonly first: number; readonly next: number; readonly requests: readonly ApiRequest[] };

const SECOND_MS = 1_000;

/** What the simulator answers, as far as a run reads it: other fields are dropped. */
const image = z.object({
  digest: z.string(),
  status: z.string(),
  sinceMs: z.number(),
  untilMs: z.number().nullable(),
}) satisfies z.ZodType<ImageState>;
const tagState: z.ZodType<TagState> = image.extend({
  instanceId: z.string(),
  repoId: z.string(),
  repoNamespace: z.string(),
  repoName: z.string(),
  tag: z.string(),
  former: z.array(image),
});
const state: z.ZodType<State> = z.object({ elapsedMs: z.number(), tags: z.array(tagState) });
const requestPage: z.ZodType<RequestPage> = z.object({
  first: z.number(),
  next: z.number(),
  requests: z.array(
    z.object({
      index: z.number(),
      arrivedAtMs: z.number(),
      arrivedMonotonicMs: z.number(),
      action: z.string(),
      accessKeyId: z.string(),
      parameters: z.record(z.string(), z.string()),
      code: z.string(),
      fault: z.string().nullable(),
      retryAfterMs: z.number().nullable(),
      finishedAtMs: z.number().nullable(),
      finishedMonotonicMs: z.number().nullable(),
    }),
  ),
});

const loggedEvent = z.object({
  index: z.number(),
  id: z.string(),
  type: z.string(),
  instanceId: z.string(),
  repoId: z.string(),
  repoNamespace: z.string(),
  repoName: z.string(),
  tag: z.string(),
  happenedAtMs: z.number(),
  deliveries: z.array(
    z.object({
      attempts: z.array(
        z.object({ sentAtMs: z.number(), endedAtMs: z.number().nullable(), httpStatus: z.number().nullable() }),
      ),
    }),
  ),
});
const eventPage = z.object({ first: z.number(), next: z.number(), events: z.array(loggedEvent) });

/** How events are sent, in the form of the scenario. */
export type DeliveryChange = Readonly<Record<string, unknown>>;

export class SimulatorClient {
  readonly url: string;
  readonly #truth: Truth;

  constructor(url: string, truth: Truth) {
    this.url = url;
    this.#truth = truth;
  }

  /** Looks at the truth, and notes it. */
  async look(): Promise<State> {
    const sentAt = Date.now();
    const found = await this.#read('GET', '/_sim/state', state);
    this.#truth.look(found, sentAt, Date.now());
    return found;
  }

  async setFaults(faults: readonly Fault[]): Promise<void> {
    await this.#ask('PUT', '/_sim/faults', faults);
  }

  /** Sets how long answers take from now on. */
  async setLatency({ minMs, maxMs }: Latency): Promise<void> {
    await this.#ask('PUT', '/_sim/latency', { min: `${minMs}ms`, max: `${maxMs}ms` });
  }

  /** Sets the access keys that are accepted from now on. */
  async setKeys(keys: readonly Key[]): Promise<void> {
    await this.#ask('PUT', '/_sim/keys', keys);
  }

  /** Changes how events are sent, and what goes wrong on the way. */
  async changeEvents(change: DeliveryChange): Promise<void> {
    await this.#ask('PATCH', '/_sim/events', change);
  }

  /** The log of events from one on. */
  async events(from: number): Promise<LoggedEvent[]> {
    const { first, events } = await this.#read('GET', `/_sim/events?since=${from}`, eventPage);
    if (first > from) throw new Error(`expected event ${from} in the simulator's log, found ${first}`);
    return events.map(readEvent);
  }

  async push(instanceId: string, repoId: string, tag: string): Promise<void> {
    this.#truth.see(await this.#read('POST', '/_sim/tags', tagState, { instanceId, repoId, tag }));
  }

  async deleteTag(instanceId: string, repoId: string, tag: string): Promise<void> {
    await this.#ask('DELETE', `/_sim/tags?${new URLSearchParams({ instanceId, repoId, tag })}`);
    // So that it is known to have been gone, even where it is pushed again at once.
    await this.look();
  }

  async addRepository(instanceId: string, repository: object): Promise<void> {
    await this.#ask('POST', '/_sim/repositories', { instanceId, repository });
  }

  async deleteRepository(instanceId: string, repoId: string): Promise<void> {
    await this.#ask('DELETE', `/_sim/repositories?${new URLSearchParams({ instanceId, repoId })}`);
  }

  /** Deletes a repository and makes another with the same names and tags, which has another id. */
  async makeAnew(state: State, instanceId: string, namespace: string, name: string, id: string): Promise<void> {
    const tags = state.tags.filter(
      (each) => each.instanceId === instanceId && each.repoNamespace === namespace && each.repoName === name,
    );
    const repoId = tags[0]?.repoId;
    if (repoId === undefined) return;
    await this.deleteRepository(instanceId, repoId);
    const repository = { namespace, name, id, tags: tags.map(({ tag }) => tag) };
    await this.addRepository(instanceId, repository);
  }

  /** The log from a request on. Throws where the simulator has dropped some of it. */
  async requests(from: number): Promise<ApiRequest[]> {
    const requests: ApiRequest[] = [];
    for (let since = from; ; ) {
      const page = await this.#read('GET', `/_sim/requests?since=${since}`, requestPage);
      if (page.first > since) throw new Error(`expected request ${since} in the simulator's log, found ${page.first}`);
      requests.push(...page.requests);
      if (page.requests.length === 0) return requests;
      since = page.next;
    }
  }

  /** Throws where the answer does not have the shape. */
  async #read<T>(method: string, path: string, shape: z.ZodType<T>, body?: unknown): Promise<T> {
    const { data, error } = shape.safeParse(JSON.parse(await this.#ask(method, path, body)));
    if (error === undefined) return data;
    const [first] = error.issues;
    const field = first?.path.join('.') || 'the answer';
    throw new Error(`the simulator answers ${method} ${path} with something else: ${field}: ${first?.message}`);
  }

  async #ask(method: string, path: string, body?: unknown): Promise<string> {
    const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
    const response = await fetch(this.url + path, init);
    const text = await response.text();
    if (!response.ok) throw new Error(`the simulator answers ${method} ${path} with ${response.status}: ${text}`);
    return text;
  }
}

function readEvent({ type, happenedAtMs, deliveries, index, ...event }: z.infer<typeof loggedEvent>): LoggedEvent {
  const happenedAt = Math.floor(happenedAtMs / SECOND_MS) * SECOND_MS;
  const tag = { ...event, happenedAt, isScan: type === 'cr:Artifact:ScanCompleted' };
  const attempts = deliveries.flatMap((delivery) =>
    delivery.attempts.map(({ sentAtMs, endedAtMs, httpStatus }) => ({
      kind: TRUE_EVENT,
      id: event.id,
      tag,
      count: 1,
      sentAt: sentAtMs,
      answeredAt: endedAtMs ?? Number.POSITIVE_INFINITY,
      status: httpStatus ?? 0,
    })),
  );
  return { ...tag, index, attempts };
}
