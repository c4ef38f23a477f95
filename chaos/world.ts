// What there is to watch: the simulator's scenario, and the exporter's configuration as it changes in the course of a run.
import { mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Random } from './random.ts';
import type { Configuration, EventsFile, KeyWrite, TagName, TokenWrite } from './record.ts';
import type { Key, Latency } from './simulator.ts';

/** In a calm, by status: from the end of a poll to the next. */
export const INTERVALS_MS: ReadonlyMap<string, number> = new Map([
  ['scanning', 700],
  ['retrying', 700],
  ['complete', 2_000],
  ['failed', 2_000],
  ['not_scanned', 2_000],
]);
export const MAX_INTERVAL_MS = Math.max(...INTERVALS_MS.values());
export const BACKOFF_MS = { initial: 300, max: 2_000 };

/** The access keys of each set of credentials. A set changes from one of its keys to another in the course of a run. */
export const KEYS = {
  default: ['key-a-1', 'key-a-2'],
  'cri-b': ['key-b-1', 'key-b-2'],
} as const;
export type SetName = keyof typeof KEYS;
/** The set of credentials that a key is of. */
export function setOf(accessKeyId: string): string | undefined {
  return Object.entries(KEYS).find(([, ids]) => ids.some((id) => id === accessKeyId))?.[0];
}

export const SETS: readonly SetName[] = ['default', 'cri-b'];

/** The set of credentials of an instance. */
export function setOfInstance(id: string): SetName {
  return id === 'cri-b' ? 'cri-b' : 'default';
}

/** Two of them share a set of credentials, and so its quota. */
export const INSTANCES = ['cri-a', 'cri-b', 'cri-c'] as const;

type ListedRepository = {
  readonly instance: string;
  readonly namespace: string;
  readonly name: string;
  /** Undefined where the configuration gives names alone. */
  readonly id?: string;
  /** Whether the file gives the id alone, and the names are looked up. */
  readonly isListedById?: true;
  readonly tags: readonly string[];
};

const SOME: readonly ListedRepository[] = [
  { instance: 'cri-a', namespace: 'shop', name: 'api', id: 'crr-api', tags: names('v', 8) },
  { instance: 'cri-a', namespace: 'shop', name: 'web', tags: names('w', 4) },
  { instance: 'cri-b', namespace: 'shop', name: 'job', id: 'crr-job', tags: names('j', 5) },
  { instance: 'cri-c', namespace: 'shop', name: 'pay', id: 'crr-pay', tags: names('p', 3) },
];
/** Among them are such as look alike: the first letters, all letters together, the tags. */
export const REPOSITORIES: readonly ListedRepository[] = [
  ...SOME,
  { instance: 'cri-a', namespace: 'shop', name: 'apis', id: 'crr-apis', tags: names('v', 2) },
  { instance: 'cri-b', namespace: 'sho', name: 'pjob', id: 'crr-pjob', isListedById: true, tags: names('j', 2) },
];
/** The repository that is discovered. One of its tags needs escapes in a label: the real API has none, but a page has to stay whole. */
export const DISCOVERED = {
  instance: 'cri-a',
  namespace: 'ops',
  name: 'build',
  id: 'crr-build',
  tags: [...names('b', 4), 'b"5\\'],
};
/** One that the rules take, too, and that comes and goes. */
export const GUEST = { instance: 'cri-a', namespace: 'ops', name: 'builds', tags: names('g', 2) };
/** One that they leave out, though it looks like the others. */
const EXCLUDED = {
  instance: 'cri-a',
  namespace: 'ops',
  name: 'build-cache',
  id: 'crr-build-cache',
  tags: names('b', 2),
};
/** Rules of discovery: all of them take the same. */
const RULES = [
  [
    { namespaces: ['ops'], repositories: ['buil?'], tags: ['*'] },
    { namespaces: ['o*'], repositories: ['build*'], exclude_repositories: ['*-cache'], tags: ['*'] },
  ],
  [{ namespaces: ['ops'], exclude_repositories: ['*cache'] }],
  [
    { namespaces: ['ops'], repositories: ['build'], tags: ['b*', 'n*'] },
    { namespaces: ['ops'], repositories: ['builds', 'none'], exclude_tags: ['b*'] },
  ],
];
const ALL = [...REPOSITORIES, DISCOVERED, EXCLUDED];

/**
 * The event centers: the records of two instances are all on one page, those of the third on several, and the fourth has no rule. From an event
 * to its record it takes some time.
 */
export const MAX_RECORD_LAG_MS = 1_000;
const LAG = { min: '0s', max: `${MAX_RECORD_LAG_MS}ms` };
const EVENT_CENTERS: ReadonlyMap<string, object> = new Map([
  ['cri-a', { rules: ['scans'], order: 'newest_first', keep: 100, lag: LAG }],
  ['cri-b', { rules: ['scans'], order: 'any', keep: 100, lag: LAG }],
]);
/** Instances whose feed has records. */
export const FED: readonly string[] = [...EVENT_CENTERS.keys()];
/** In a calm, while events are healthy: from the end of a poll of a complete tag to the next. */
export const EVENTS_COMPLETE_MS = 5_000;

/** What an answer takes at the most in a calm. */
export const MAX_LATENCY_MS = 800;

export function usualLatency(random: Random): Latency {
  return { minMs: 1, maxMs: random.one([200, 400, MAX_LATENCY_MS]) };
}

function interval(status: string): number {
  return INTERVALS_MS.get(status) ?? MAX_INTERVAL_MS;
}

/** What the file says of times and limits in a calm, which a storm may change. Times are in milliseconds. */
const USUAL = {
  rate: 40,
  maxConcurrent: 4,
  requestTimeoutMs: 1_000,
  intervalsMs: {
    scanning: interval('scanning'),
    complete: interval('complete'),
    failed: interval('failed'),
    not_scanned: interval('not_scanned'),
  },
  backoffMs: BACKOFF_MS,
  discoveryIntervalMs: 1_000,
};

/** Of two files, in requests a second. */
export const RATES_DIFFER_BY = 1e-6;

const LONG_INTERVAL_MS = 60_000;

const USUAL_EVENTS: EventsFile = { webhook: true, signature: true, feedMs: 1_000, completeMs: EVENTS_COMPLETE_MS };
/** Which of webhook and feeds there are, and how many files have them. */
const EVENT_SOURCES = [
  [0.5, { webhook: true, feeds: true }],
  [0.7, { webhook: true, feeds: false }],
  [0.9, { webhook: false, feeds: true }],
  [1, { webhook: false, feeds: false }],
] as const;
const SIGNED_SHARE = 0.75;
const NO_EVENTS: EventsFile = { webhook: false, signature: false, feedMs: undefined, completeMs: EVENTS_COMPLETE_MS };

/** Every key that the API accepts, but for some. */
export function keysBut(...refused: readonly string[]): Key[] {
  return Object.values(KEYS)
    .flat()
    .filter((id) => !refused.includes(id))
    .map((id) => ({ access_key_id: id, access_key_secret: secretOf(id) }));
}

/** What repeats in the settings of the scenario: scans that begin and end within seconds. */
export function scenario(): object {
  const repositories = (instance: string) =>
    ALL.filter((each) => each.instance === instance).map(({ namespace, name, id, tags }) => ({
      namespace,
      name,
      ...(id !== undefined && { id }),
      tags,
    }));
  return {
    keys: keysBut(),
    instances: INSTANCES.map((id) => ({
      id,
      repositories: repositories(id),
      event_center: EVENT_CENTERS.get(id) ?? {},
    })),
    scan: {
      duration: { min: '1500ms', max: '5s' },
      retry_share: 0.3,
      retry_duration: { min: '1s', max: '2s' },
      failure_share: 0.3,
      rescan_interval: { min: '3s', max: '20s' },
    },
  };
}

/** The exporter's configuration: what is in it, and the files that it lies in. */
export class Settings {
  readonly file: string;
  readonly #directory: string;
  readonly #keyWrites: KeyWrite[];
  readonly #tags = new Set<TagName>(REPOSITORIES.flatMap((each) => each.tags.map((tag) => tagName(each, tag))));
  readonly #keys: Record<SetName, string> = { default: KEYS.default[0], 'cri-b': KEYS['cri-b'][0] };
  #hasB = true;
  #discovers = true;
  #perTag: Configuration['perTag'] = 'full';
  #paces = USUAL;
  #rules = RULES[0];
  /** By tag: the digests that the file gives. */
  #digests: ReadonlyMap<TagName, string> = new Map();
  #changes = 0;
  #written = '';
  #events = USUAL_EVENTS;
  readonly #tokenWrites: TokenWrite[];
  #tokens = 0;
  #replicas: object | undefined;

  /**
   * @param keyWrites is told of everything that becomes of the secret files
   * @param tokenWrites is told of every token of events
   */
  constructor(directory: string, keyWrites: KeyWrite[], tokenWrites: TokenWrite[] = []) {
    this.#directory = directory;
    this.#keyWrites = keyWrites;
    this.#tokenWrites = tokenWrites;
    this.rotateToken();
    this.file = join(directory, 'config.yml');
  }

  /** Takes some tags out, and puts others back in. */
  turnTags(random: Random): void {
    for (const repository of REPOSITORIES) {
      for (const tag of repository.tags.slice(1)) {
        const name = tagName(repository, tag);
        if (random.share() < 0.3 && !this.#tags.delete(name)) this.#tags.add(name);
      }
    }
  }

  /** The access key that a set has now. */
  keyOf(set: SetName): string {
    return this.#keys[set];
  }

  turnInstance(): void {
    this.#hasB = !this.#hasB;
  }

  turnRules(random: Random): void {
    this.#rules = random.one(RULES.filter((rules) => rules !== this.#rules));
  }

  /** Lists some tags by the digests that they have now. */
  turnDigests(random: Random, digests: ReadonlyMap<TagName, string>): void {
    this.#digests = new Map([...digests].filter(() => random.share() < 0.5));
  }

  /** Switches the webhook, its signature and the feeds on or off. */
  turnEvents(random: Random): void {
    const drawn = random.share();
    const [, { webhook, feeds }] = EVENT_SOURCES.find(([share]) => drawn < share) ?? EVENT_SOURCES[0];
    const feedMs = random.one([1_000, 2_000, 5_000]);
    const signature = random.share() < SIGNED_SHARE;
    this.#events = { ...this.#events, webhook, signature, feedMs: feeds ? feedMs : undefined };
  }

  turnEventsInterval(random: Random): void {
    this.#events = { ...this.#events, completeMs: random.one([1_000, EVENTS_COMPLETE_MS, LONG_INTERVAL_MS]) };
  }

  get events(): EventsFile {
    return this.#events;
  }

  /** The token of events that is in its file, or will be there in a moment. */
  get token(): string {
    return this.#tokenWrites.at(-1)?.token ?? '';
  }

  /** Writes another token of events; the exporter reads the file again without being told. */
  rotateToken(): void {
    this.#tokens++;
    this.#tokenWrites.push({ token: `token-of-events-${this.#tokens}`, at: Date.now() });
    this.#replace(this.#tokenFile, this.token);
  }

  get #tokenFile(): string {
    return join(this.#directory, 'events-token');
  }

  setDiscovery(discovers: boolean): void {
    this.#discovers = discovers;
  }

  get requestTimeoutMs(): number {
    return this.#paces.requestTimeoutMs;
  }

  turnLimits(random: Random): void {
    this.#paces = { ...this.#paces, rate: random.one([5, 10, 20, 40, 80]), maxConcurrent: random.whole(1, 8) };
  }

  turnIntervals(random: Random): void {
    const interval = () => random.one([300, 700, 2_000, LONG_INTERVAL_MS]);
    const intervalsMs = { scanning: interval(), complete: interval(), failed: interval(), not_scanned: interval() };
    this.#paces = {
      ...this.#paces,
      intervalsMs,
      backoffMs: { initial: random.whole(50, 5_000), max: random.one([5_000, 60_000]) },
    };
  }

  turnRequestTimeout(random: Random): void {
    this.#paces = { ...this.#paces, requestTimeoutMs: random.whole(200, 3_000) };
  }

  turnDiscoveryInterval(random: Random): void {
    this.#paces = { ...this.#paces, discoveryIntervalMs: random.one([200, 1_000, 60_000]) };
  }

  /** Has tags without a scan under way wait for long, so that a restart is over long before they are due. */
  waitForLong(): void {
    const { intervalsMs } = this.#paces;
    const [complete, failed, not_scanned] = [LONG_INTERVAL_MS, LONG_INTERVAL_MS, LONG_INTERVAL_MS];
    this.#paces = { ...this.#paces, intervalsMs: { ...intervalsMs, complete, failed, not_scanned } };
  }

  /** Sets everything back that a storm may have changed and that a calm has a promise about. */
  restore(): void {
    this.#paces = USUAL;
    const feedMs = this.#events.feedMs === undefined ? undefined : USUAL_EVENTS.feedMs;
    this.#events = { ...this.#events, feedMs, completeMs: EVENTS_COMPLETE_MS };
    this.#perTag = 'full';
    this.#discovers = true;
    this.#digests = new Map();
  }

  setPerTag(perTag: Configuration['perTag']): void {
    this.#perTag = perTag;
  }

  turnPerTag(random: Random): void {
    this.#perTag = random.one((['full', 'problems', 'none'] as const).filter((each) => each !== this.#perTag));
  }

  /** Writes the secret files of a set for another of its keys; the exporter reads them again without being told. */
  rotate(set: SetName): void {
    const [first, second] = KEYS[set];
    this.#keys[set] = this.#keys[set] === first ? second : first;
    this.#writeKey(set, secretOf(this.#keys[set]));
  }

  /** Writes a secret that the API refuses. */
  spoil(set: SetName): void {
    this.#writeKey(set, 'not-the-secret');
  }

  /** Writes the first half of a secret file, which is longer than nothing and shorter than the secret, as an editor may that writes in place. */
  writeHalf(set: SetName): void {
    const secret = secretOf(this.#keys[set]);
    this.#noteKey(set, false);
    writeFileSync(this.#keyFiles(set)[1], secret.slice(0, secret.length / 2));
  }

  writeNothing(set: SetName): void {
    this.#noteKey(set, false);
    for (const file of this.#keyFiles(set)) writeFileSync(file, '');
  }

  /** Takes the secret files of a set away, or puts a directory in their place, which no user can read as a file. */
  takeAway(set: SetName, withDirectory: boolean): void {
    this.#noteKey(set, false);
    for (const file of this.#keyFiles(set)) takeAway(file, withDirectory);
  }

  /** Writes the secret files as they should be. */
  writeKeys(set: SetName): void {
    this.#writeKey(set, secretOf(this.#keys[set]));
  }

  /** Takes the configuration file away, or puts a directory in its place. */
  takeFileAway(withDirectory: boolean): void {
    takeAway(this.file, withDirectory);
  }

  /** The rate in the file: each change of the file lowers it by a hair, so that the exporter's metrics show which file is in force. */
  get shownRate(): number {
    return this.#paces.rate - this.#changes * RATES_DIFFER_BY;
  }

  /** Writes everything, and says what it is. */
  write(): Omit<Configuration, 'toldAt' | 'inForceAt'> {
    for (const set of SETS) this.#writeKey(set, secretOf(this.#keys[set]));
    if (JSON.stringify(this.#content()) !== this.#written) this.#changes++;
    this.#written = JSON.stringify(this.#content());
    this.#replace(this.file, this.#written);
    const tags = [...this.#tags].filter((name) => this.#hasB || !name.startsWith('cri-b '));
    const { discoveryIntervalMs: _, ...paces } = this.#paces;
    const [discovers, digests, events] = [this.#discovers, this.#digests, this.#events];
    return { perTag: this.#perTag, tags: new Set(tags), discovers, digests, events, ...paces };
  }

  /** Writes a file that is no configuration. */
  writeBroken(random: Random): void {
    this.#replace(
      this.file,
      random.one(['', '{', 'instances: []', 'instances: 7', '\0\0', 'a: &a [*a]', '{"no_such_key": 1}']),
    );
  }

  #content(): object {
    const repositories = (instance: string) =>
      REPOSITORIES.filter((each) => each.instance === instance).map((each) => ({
        ...(each.isListedById !== true && { namespace: each.namespace, name: each.name }),
        ...(each.id !== undefined && { id: each.id }),
        tags: each.tags.filter((tag) => this.#tags.has(tagName(each, tag))).map((tag) => this.#tagContent(each, tag)),
      }));
    const { maxConcurrent, requestTimeoutMs, intervalsMs, backoffMs, discoveryIntervalMs } = this.#paces;
    const discover = this.#rules;
    const region = 'cn-hangzhou';
    const { webhook, signature, feedMs, completeMs } = this.#events;
    const instance = (id: string) => ({
      id,
      region,
      endpoint: this.#endpoint,
      repositories: repositories(id),
      ...(feedMs !== undefined && { events: { feed: `${feedMs}ms` } }),
    });
    const [a, b, c] = [instance('cri-a'), instance('cri-b'), instance('cri-c')];
    return {
      credentials: this.#credentials('default'),
      rate_limit: { requests_per_second: this.shownRate, max_concurrent: maxConcurrent },
      request_timeout: `${requestTimeoutMs}ms`,
      intervals: durations(intervalsMs),
      backoff: durations(backoffMs),
      discovery_interval: `${discoveryIntervalMs}ms`,
      metrics: { per_tag: this.#perTag },
      ...(this.#replicas !== undefined && { replicas: this.#replicas }),
      events: { complete: `${completeMs}ms`, ...(webhook && { webhook: { token_file: this.#tokenFile, signature } }) },
      instances: [
        { ...a, ...(this.#discovers && { discover }) },
        ...(this.#hasB ? [{ ...b, credentials: this.#credentials('cri-b') }] : []),
        c,
      ],
    };
  }

  #tagContent(repository: ListedRepository, tag: string): string | object {
    const digest = this.#digests.get(tagName(repository, tag));
    return digest === undefined ? tag : { tag, digest };
  }

  /** Has several exporters share the work over Redis, without events. */
  shareOver(redisUrl: string, members: number): void {
    this.#replicas = { redis_url: redisUrl, group: 'chaos', max: members };
    this.#events = NO_EVENTS;
  }

  #endpoint = '';
  setEndpoint(url: string): void {
    this.#endpoint = url;
  }

  #credentials(set: SetName): object {
    const [idFile, secretFile] = this.#keyFiles(set);
    return { type: 'access_key', access_key_id_file: idFile, access_key_secret_file: secretFile };
  }

  #keyFiles(set: SetName): readonly [string, string] {
    return [join(this.#directory, `${set}.id`), join(this.#directory, `${set}.secret`)];
  }

  #writeKey(set: SetName, secret: string): void {
    const [idFile, secretFile] = this.#keyFiles(set);
    this.#noteKey(set, secret === secretOf(this.#keys[set]));
    this.#replace(idFile, this.#keys[set]);
    this.#replace(secretFile, secret);
  }

  /** Notes what will be in the secret files, before the exporter can read it, unless the same is in them already. */
  #noteKey(set: SetName, isGood: boolean): void {
    const keyId = this.#keys[set];
    const before = this.#keyWrites.findLast((each) => each.set === set);
    if (before?.keyId === keyId && before.isGood === isGood) return;
    this.#keyWrites.push({ set, keyId, isGood, at: Date.now() });
  }

  /** Never half a file: a new one takes the place of the old one. */
  #replace(file: string, text: string): void {
    if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) rmSync(file, { recursive: true });
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  }
}

export function tagName(
  { instance, namespace, name }: Pick<ListedRepository, 'instance' | 'namespace' | 'name'>,
  tag: string,
): TagName {
  return `${instance} ${namespace} ${name} ${tag}`;
}

function durations(ms: Readonly<Record<string, number>>): object {
  return Object.fromEntries(Object.entries(ms).map(([name, each]) => [name, `${each}ms`]));
}

function takeAway(file: string, withDirectory: boolean): void {
  rmSync(file, { recursive: true, force: true });
  if (withDirectory) mkdirSync(file);
}

function secretOf(keyId: string): string {
  return `secret-of-${keyId}`;
}

function names(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`);
}
