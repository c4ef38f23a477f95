// Several exporters as processes of their own, which share the tags and the quota of one simulated registry over Redis, and what they show together.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { LoggedRequest } from '../../../src/simulator/request-log.ts';
import { largestExcess } from '../../helpers/arrivals.ts';
import { type Look, ReplicaLaws } from '../../helpers/replica-laws.ts';
import { temporaryDirectory } from './exporter.ts';
import type { Network } from './network.ts';
import { type Cleanup, Program } from './program.ts';
import type { RedisServer } from './redis.ts';
import { until } from './until.ts';

const LISTENING = /msg="?listening"? .*address=(\S+)/;
const INSTANCE_ID = 'cri-replicas';
const CLOCK_OFF = fileURLToPath(new URL('clock-off.mjs', import.meta.url));
const FAMILIES = ['acr_scan_tags', 'acr_scan_tag_status', 'acr_scan_tag_status_since_timestamp_seconds'];
const SERIES =
  /^(acr_scan_\w+)\{instance_id="[^"]*",repo_namespace="shop",repo_name="([^"]*)"(?:,tag="([^"]*)")?(?:,status="([^"]*)")?\} (\S+)$/gm;
const LOOK_EVERY_MS = 1_000;
const LOOK_WITHIN_MS = 10_000;
/** On a busy machine a process needs long to start. */
const START_WITHIN_MS = 120_000;
const END_WITHIN_MS = 10_000;

export type ReplicasSetup = {
  readonly redis: Pick<RedisServer, 'host' | 'url'>;
  readonly repositories: number;
  readonly tagsEach: number;
  readonly requestsPerSecond: number;
  /** `max` of the configuration. */
  readonly max: number;
  /** Whether discovery finds the tags. Else they are listed, and always due. */
  readonly discovers?: boolean;
};

/** The command that runs the command of a replica, and the address at which that listens. */
export type ReplicaSurroundings = Pick<Network, 'command' | 'inside'>;

export class Replica {
  readonly name: string;
  readonly program: Program;
  readonly url: string;
  /** Whether it is expected to answer: else looks at it are not waited for. */
  answers = true;

  constructor(name: string, program: Program, url: string) {
    this.name = name;
    this.program = program;
    this.url = url;
  }

  /** Ends the process as a crash does. */
  async kill(): Promise<void> {
    this.answers = false;
    this.program.signal('SIGKILL');
    await this.program.ended(END_WITHIN_MS);
  }

  /** Ends the process as Kubernetes does. */
  async leave(): Promise<void> {
    this.answers = false;
    this.program.signal('SIGTERM');
    await this.program.ended(END_WITHIN_MS);
  }

  /** The process stands still for a while. */
  async freeze(ms: number): Promise<void> {
    this.answers = false;
    this.program.signal('SIGSTOP');
    await sleep(ms);
    this.program.signal('SIGCONT');
    this.answers = true;
  }
}

export class Replicas {
  readonly #t: Cleanup;
  readonly #setup: ReplicasSetup;
  readonly #config: string;
  readonly #simulator: string;
  #laws = new ReplicaLaws([]);
  readonly #replicas: Replica[] = [];
  /** Looks that were begun, and have no answer yet. */
  readonly #pending = new Map<Replica, Promise<Look | undefined>>();
  readonly #watching = new AbortController();
  #watched: Promise<void> = Promise.resolve();
  #mostAtOnce = 0;
  #next = 1;

  private constructor(t: Cleanup, setup: ReplicasSetup, config: string, simulator: string) {
    this.#t = t;
    this.#setup = setup;
    this.#config = config;
    this.#simulator = simulator;
  }

  /** Starts a simulator, on the address of Redis, with tags whose status never changes. */
  static async start(t: Cleanup, setup: ReplicasSetup): Promise<Replicas> {
    const directory = temporaryDirectory(t);
    const scenario = join(directory, 'scenario.yml');
    const repositories = Array.from({ length: setup.repositories }, (_, index) => ({
      namespace: 'shop',
      name: `app-${index + 1}`,
      id: `crr-${index + 1}`,
      tags: [{ count: setup.tagsEach, name: 'v{n}', status: 'COMPLETE' }],
    }));
    writeFileSync(scenario, JSON.stringify({ instances: [{ id: INSTANCE_ID, repositories }] }));
    const program = await Program.start(t, process.execPath, [
      'dist/simulator/bin.js',
      `--listen-address=${setup.redis.host}:0`,
      `--scenario=${scenario}`,
    ]);
    const config = join(directory, 'config.yml');
    writeFileSync(config, JSON.stringify(configuration(setup, await program.outputMatch(LISTENING, START_WITHIN_MS))));
    return new Replicas(t, setup, config, await program.outputMatch(LISTENING, START_WITHIN_MS));
  }

  /** Starts replicas at the same time. */
  async join(count = 1, surroundings?: ReplicaSurroundings): Promise<readonly Replica[]> {
    this.#event();
    return Promise.all(Array.from({ length: count }, () => this.#start(surroundings)));
  }

  /** Looks at all replicas once a second until {@link end}. */
  watch(): void {
    const { repositories, tagsEach } = this.#setup;
    const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
    this.#laws = new ReplicaLaws(
      numbers(repositories).flatMap((repository) => numbers(tagsEach).map((tag) => `app-${repository}:v${tag}`)),
    );
    this.#event();
    this.#watched = this.#watch();
  }

  /** Resolves when every tag was polled. */
  async allPolled(withinMs: number): Promise<void> {
    const { repositories, tagsEach } = this.#setup;
    const tags = repositories * tagsEach;
    await until(`${tags} polled tags`, withinMs, () => this.#laws.known === tags || undefined).catch((error) => {
      throw new Error(`found ${this.#laws.known} polled tags`, { cause: error });
    });
  }

  /**
   * Does something to replicas or to Redis. Until 20 s after its begin, and after its end, tags may be missing.
   *
   * @param settleMs how long to wait after its end
   */
  async during(action: () => unknown, settleMs: number): Promise<void> {
    this.#event();
    await action();
    this.#event();
    await sleep(settleMs);
  }

  /** Ends to look, ends all replicas, and gives what was seen. */
  async end(): Promise<{ readonly violations: readonly string[]; readonly mostAtOnce: number }> {
    this.#watching.abort();
    await this.#watched;
    await Promise.all(this.running.map((replica) => replica.kill()));
    const violations = this.#laws.violations.map(
      ({ law, atMs, tags, example, detail }) =>
        `${law}, at ${seconds(atMs)}: ${tags} tags, such as ${example}, ${detail}`,
    );
    return { violations, mostAtOnce: this.#mostAtOnce };
  }

  /** All requests that arrived so far. */
  async requests(): Promise<readonly LoggedRequest[]> {
    const { requests }: { readonly requests: readonly LoggedRequest[] } = await this.#log(200_000);
    return requests;
  }

  /** How many requests arrived so far. */
  async requestCount(): Promise<number> {
    const { total }: { readonly total: number } = await this.#log(0);
    return total;
  }

  /** By how much requests exceeded the rate in a window of any length, at most. The promise: twice the number of replicas. */
  async excess(): Promise<number> {
    return largestExcess(await this.requests(), this.#setup.requestsPerSecond);
  }

  /** The part of the rate that was used between two moments, in milliseconds since 1970. */
  async used(fromMs: number, toMs = Date.now()): Promise<number> {
    const requests = await this.requests();
    const count = requests.filter(({ arrivedAtMs }) => arrivedAtMs >= fromMs && arrivedAtMs < toMs).length;
    return (count * 1_000) / (toMs - fromMs) / this.#setup.requestsPerSecond;
  }

  /** The sum of a gauge over all replicas. */
  async sum(family: string): Promise<number> {
    const pages = await Promise.all(this.running.map(({ url }) => fetch(`${url}/metrics?name[]=${family}`)));
    const texts = await Promise.all(pages.map((page) => page.text()));
    const values = texts.flatMap((text) => [...text.matchAll(/^acr_.* (\S+)$/gm)].map(([, value]) => Number(value)));
    return values.reduce((sum, value) => sum + value, 0);
  }

  /** The replicas whose process runs. */
  get running(): readonly Replica[] {
    return this.#replicas.filter(({ program }) => !program.hasEnded);
  }

  async #start(surroundings: ReplicaSurroundings | undefined): Promise<Replica> {
    const name = `replica-${this.#next++}`;
    const [command, ...args] = [
      ...(surroundings?.command ?? []),
      process.execPath,
      `--import=${CLOCK_OFF}`,
      'dist/bin.js',
      `--web.listen-address=${surroundings?.inside ?? '127.0.0.1'}:0`,
      `--config.file=${this.#config}`,
    ];
    const program = await Program.start(this.#t, command ?? '', args);
    const replica = new Replica(name, program, `http://${await program.outputMatch(LISTENING, START_WITHIN_MS)}`);
    this.#replicas.push(replica);
    this.#mostAtOnce = Math.max(this.#mostAtOnce, this.running.length);
    return replica;
  }

  async #log(limit: number) {
    const response = await fetch(`http://${this.#simulator}/_sim/requests?limit=${limit}`);
    return JSON.parse(await response.text());
  }

  #event(): void {
    this.#laws.event(performance.now());
  }

  async #watch(): Promise<void> {
    const { signal } = this.#watching;
    while (!signal.aborted) {
      if (await this.#see()) {
        await this.#see();
        await this.#see();
      }
      await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => {});
    }
  }

  /** Whether a tag seems to be shown twice. */
  async #see(): Promise<boolean> {
    const atMs = performance.now();
    return this.#laws.see(atMs, await this.#look());
  }

  /** Looks at all replicas at the same time. */
  async #look(): Promise<readonly Look[]> {
    const looks = await Promise.all(
      this.running.map(async (replica) => {
        const pending = this.#pending.get(replica) ?? lookAt(replica);
        this.#pending.set(replica, pending);
        const look = await (replica.answers
          ? pending
          : Promise.race([pending, sleep<'pending'>(LOOK_EVERY_MS, 'pending')]));
        if (look === 'pending') return [];
        this.#pending.delete(replica);
        return look ?? [];
      }),
    );
    return looks.flat();
  }
}

function configuration(setup: ReplicasSetup, simulator: string) {
  const { redis, max, requestsPerSecond, repositories, tagsEach, discovers = false } = setup;
  const always = '1s';
  return {
    credentials: { type: 'access_key', access_key_id: 'acr-simulator', access_key_secret: 'acr-simulator-secret' },
    rate_limit: { requests_per_second: requestsPerSecond, max_concurrent: discovers ? 32 : 8 },
    ...(discovers ? undefined : { intervals: { scanning: always, complete: always, failed: always } }),
    backoff: { initial: always, max: always },
    discovery_interval: '24h',
    max_tags: repositories * tagsEach,
    replicas: { redis_url: redis.url, group: 'e2e', max },
    instances: [
      {
        id: INSTANCE_ID,
        region: 'cn-hangzhou',
        endpoint: `http://${simulator}`,
        ...(discovers ? { discover: [{ namespaces: ['*'] }] } : { repositories: listed(setup) }),
      },
    ],
  };
}

function listed({ repositories, tagsEach }: ReplicasSetup) {
  const tags = Array.from({ length: tagsEach }, (_, index) => `v${index + 1}`);
  return Array.from({ length: repositories }, (_, index) => {
    return { namespace: 'shop', name: `app-${index + 1}`, id: `crr-${index + 1}`, tags };
  });
}

/** Undefined if there is no answer in time. */
async function lookAt({ name, url }: Replica): Promise<Look | undefined> {
  const fromMs = performance.now();
  const query = FAMILIES.map((family) => `name[]=${family}`).join('&');
  const signal = AbortSignal.timeout(LOOK_WITHIN_MS);
  const page = await fetch(`${url}/metrics?${query}`, { signal })
    .then((response) => response.text())
    .catch(() => undefined);
  return page === undefined ? undefined : { replica: name, fromMs, toMs: performance.now(), tags: tagsOn(page) };
}

/** The tags of a page, and its repositories, which are shown once too. */
function tagsOn(page: string): ReadonlyMap<string, number | undefined> {
  const tags = new Map<string, number | undefined>();
  const unknown = new Set<string>();
  for (const [, family, repository, tag, status, value] of page.matchAll(SERIES)) {
    const key = tag === undefined ? `app ${repository}` : `${repository}:${tag}`;
    if (family === 'acr_scan_tag_status' && status === 'unknown') unknown.add(key);
    if (family === 'acr_scan_tag_status_since_timestamp_seconds') tags.set(key, Number(value));
    else if (!tags.has(key)) tags.set(key, undefined);
  }
  for (const key of unknown) tags.set(key, undefined);
  return tags;
}

/** A monotonic time as in the log of a run. */
function seconds(ms: number): string {
  return new Date(performance.timeOrigin + ms).toISOString().slice(11, 23);
}
