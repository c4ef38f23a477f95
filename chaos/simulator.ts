// The simulator as a run sees it: through its controls over HTTP.
import type { Fault } from './faults.ts';
import type { ApiRequest } from './record.ts';
import type { State, TagState, Truth } from './truth.ts';

export type Latency = { readonly minMs: number; readonly maxMs: number };
/** An access key in the form of the scenario. */
export type Key = { readonly access_key_id: string; readonly access_key_secret: string };
type RequestPage = { readonly first: number; readonly next: number; readonly requests: readonly ApiRequest[] };

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
    const state = (await this.#ask('GET', '/_sim/state')) as State;
    this.#truth.look(state, sentAt, Date.now());
    return state;
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

  async push(instanceId: string, repoId: string, tag: string): Promise<void> {
    this.#truth.see((await this.#ask('POST', '/_sim/tags', { instanceId, repoId, tag })) as TagState);
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
      const page = (await this.#ask('GET', `/_sim/requests?since=${since}`)) as RequestPage;
      if (page.first > since) throw new Error(`expected request ${since} in the simulator's log, found ${page.first}`);
      requests.push(...page.requests);
      if (page.requests.length === 0) return requests;
      since = page.next;
    }
  }

  async #ask(method: string, path: string, body?: unknown): Promise<unknown> {
    const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
    const response = await fetch(this.url + path, init);
    const text = await response.text();
    if (!response.ok) throw new Error(`the simulator answers ${method} ${path} with ${response.status}: ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }
}
