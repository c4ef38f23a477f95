// The metrics of the exporter itself, counted by prom-client in a registry of their own.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { EVENT_OUTCOMES, EVENT_TYPES, type EventChannel, type EventLabels } from '../model/events.ts';
import type { DiscoveryStatus, EventsStatus, SaveStatus, SchedulerStatus } from '../model/exporter-status.ts';
import { type ExpositionFormat, type PageSelection, WHOLE_PAGE } from '../model/metrics-page.ts';
import type { ReplicaStatus } from '../model/replicas.ts';
import { COMPONENTS, type Component } from '../util/internal-errors.ts';
import { type CollectedFamily, formatCollected } from './exposition-format.ts';
import { MISNAMED_DEFAULTS, SELF_FAMILIES, type SelfFamily } from './self-families.ts';

/** The labels of `acr_scan_exporter_build_info`. */
export type BuildInfoLabels = {
  readonly version: string;
  readonly revision: string;
  readonly nodeVersion: string;
  /** Name and version of the SDK; empty while it is not loaded. */
  readonly sdk: string;
};

export type SelfMetricsOptions = {
  /** Called at every scrape. */
  readonly schedulers: () => readonly SchedulerStatus[];
  /** Called at every scrape. Only instances with discovery. */
  readonly discoveries: () => readonly DiscoveryStatus[];
  /** Called at every scrape. Only instances with events. */
  readonly events: () => readonly EventsStatus[];
  /** Called at every scrape. Undefined without storage, and until it is loaded. */
  readonly saves: () => SaveStatus | undefined;
  /** Called at every scrape. Undefined for one exporter alone. */
  readonly replica?: () => ReplicaStatus | undefined;
  /** Called at every scrape: the number of log lines lost so far. */
  readonly droppedLogLines: () => number;
  /** Whether to include `process_*` and `nodejs_*`. Their observers of garbage collection and event loop stay until the process ends. */
  readonly processMetrics: boolean;
};

/** What becomes of events that are read, and of messages that are not. */
const READ_OUTCOMES = ['taken', 'duplicate', 'unwatched', 'outdated', 'future'] as const;
const UNREAD_OUTCOMES = ['invalid', 'refused', 'dropped'] as const;
/** The series of these exist at 0 from the start, so that the first occurrence shows as an increase. */
const POLL_ACTION = 'GetRepoTagScanStatus';
const EXPECTED_ERRORS = ['Throttling.User', 'NoPrivilege', 'SystemError', 'RequestTimeout'] as const;

/** Counts events and renders them as families. Events of instances that are not configured (any more) are not counted. */
export class SelfMetrics {
  readonly #registry = new Registry();
  readonly #schedulers: () => readonly SchedulerStatus[];
  readonly #discoveries: () => readonly DiscoveryStatus[];
  readonly #events: () => readonly EventsStatus[];
  readonly #saves: () => SaveStatus | undefined;
  readonly #replica: () => ReplicaStatus | undefined;
  #isReplica = false;
  readonly #droppedLogLines: () => number;
  readonly #scanDuration = this.#histogram(SELF_FAMILIES.scanDuration);
  readonly #requests = this.#counter(SELF_FAMILIES.requests);
  readonly #requestErrors = this.#counter(SELF_FAMILIES.requestErrors);
  readonly #requestDuration = this.#histogram(SELF_FAMILIES.requestDuration);
  readonly #discoveryTags = this.#gauge(SELF_FAMILIES.discoveryTags);
  readonly #discoveryTruncated = this.#gauge(SELF_FAMILIES.discoveryTruncated);
  readonly #discoverySuccess = this.#gauge(SELF_FAMILIES.discoverySuccess);
  readonly #discoveryRuleRepositories = this.#gauge(SELF_FAMILIES.discoveryRuleRepositories);
  readonly #discoveryDuration = this.#histogram(SELF_FAMILIES.discoveryDuration);
  readonly #eventsTotal = this.#counter(SELF_FAMILIES.events);
  readonly #eventsMissed = this.#counter(SELF_FAMILIES.eventsMissed);
  readonly #eventsHealthy = this.#gauge(SELF_FAMILIES.eventsHealthy);
  readonly #eventsDelay = this.#histogram(SELF_FAMILIES.eventsDelay);
  readonly #running = this.#gauge(SELF_FAMILIES.running);
  readonly #dueTags = this.#gauge(SELF_FAMILIES.dueTags);
  readonly #oldestDue = this.#gauge(SELF_FAMILIES.oldestDue);
  readonly #requestsInFlight = this.#gauge(SELF_FAMILIES.requestsInFlight);
  readonly #rateLimit = this.#gauge(SELF_FAMILIES.rateLimit);
  readonly #paused = this.#gauge(SELF_FAMILIES.paused);
  readonly #internalErrors = this.#counter(SELF_FAMILIES.internalErrors);
  readonly #credentialsInfo = this.#gauge(SELF_FAMILIES.credentialsInfo);
  readonly #buildInfo = this.#gauge(SELF_FAMILIES.buildInfo);
  readonly #logLinesDropped = this.#counter(SELF_FAMILIES.logLinesDropped);
  readonly #reloadSuccessful = this.#gauge(SELF_FAMILIES.reloadSuccessful);
  readonly #reloadTime = this.#gauge(SELF_FAMILIES.reloadTime);
  readonly #saveSuccessful = this.#gauge(SELF_FAMILIES.saveSuccessful);
  readonly #saveTime = this.#gauge(SELF_FAMILIES.saveTime);
  readonly #saveDuration = this.#gauge(SELF_FAMILIES.saveDuration);
  readonly #restoredTags = this.#gauge(SELF_FAMILIES.restoredTags);
  readonly #replicaMembers = this.#gauge(SELF_FAMILIES.replicaMembers);
  readonly #replicaMaxMembers = this.#gauge(SELF_FAMILIES.replicaMaxMembers);
  readonly #replicaJoined = this.#gauge(SELF_FAMILIES.replicaJoined);
  readonly #replicaRepositories = this.#gauge(SELF_FAMILIES.replicaRepositories);
  readonly #replicaTags = this.#gauge(SELF_FAMILIES.replicaTags);
  readonly #replicaShare = this.#gauge(SELF_FAMILIES.replicaShare);
  readonly #replicaRedisConnected = this.#gauge(SELF_FAMILIES.replicaRedisConnected);
  readonly #replicaLastExchange = this.#gauge(SELF_FAMILIES.replicaLastExchange);
  readonly #replicaConfigDiffers = this.#gauge(SELF_FAMILIES.replicaConfigDiffers);
  readonly #replicaUnwrittenTags = this.#gauge(SELF_FAMILIES.replicaUnwrittenTags);
  /** The label values in use, to remove the series of an instance. */
  readonly #instances = new Set<string>();
  /** The channels of events of each instance that has some. */
  #eventChannels: ReadonlyMap<string, readonly EventChannel[]> = new Map();
  readonly #actions = new Set<string>();
  readonly #codes = new Set<string>();

  constructor({
    schedulers,
    discoveries,
    events,
    saves,
    replica,
    droppedLogLines,
    processMetrics,
  }: SelfMetricsOptions) {
    this.#schedulers = schedulers;
    this.#discoveries = discoveries;
    this.#events = events;
    this.#saves = saves;
    this.#replica = replica ?? (() => undefined);
    this.#droppedLogLines = droppedLogLines;
    for (const component of COMPONENTS) this.#internalErrors.inc({ component }, 0);
    // prom-client shows a gauge without labels as 0 before it is set, which would be wrong.
    this.#reloadSuccessful.remove();
    this.#reloadTime.remove();
    this.#restoredTags.remove();
    if (!processMetrics) return;
    collectDefaultMetrics({ register: this.#registry });
    for (const name of MISNAMED_DEFAULTS) this.#registry.removeSingleMetric(name);
  }

  /** A request was sent. */
  requestSent(instanceId: string, action: string): void {
    if (this.#knows(instanceId, action)) this.#requests.inc({ instance_id: instanceId, action });
  }

  /** A request failed or, with `CredentialsUnavailable`, could not be sent. */
  requestFailed(instanceId: string, action: string, code: string): void {
    if (!this.#knows(instanceId, action)) return;
    this.#codes.add(code);
    this.#requestErrors.inc({ instance_id: instanceId, action, code });
  }

  /** A request ended after so many seconds, with or without success. */
  requestEnded(instanceId: string, action: string, seconds: number): void {
    if (this.#knows(instanceId, action)) this.#requestDuration.observe({ instance_id: instanceId, action }, seconds);
  }

  /** A scan that was seen from its start ended after so many seconds. */
  scanEnded(instanceId: string, seconds: number): void {
    if (this.#instances.has(instanceId)) this.#scanDuration.observe({ instance_id: instanceId }, seconds);
  }

  /** So many events became of this. An event of an instance that is not configured, or has no events, counts without an instance. */
  eventsReceived({ instanceId, type, channel, outcome }: EventLabels, count: number): void {
    const id = this.#eventChannels.has(instanceId) ? instanceId : '';
    this.#eventsTotal.inc({ instance_id: id, type, channel, outcome }, count);
  }

  /** A poll found the end of a scan that no event announced. */
  eventMissed(instanceId: string): void {
    if (this.#eventChannels.has(instanceId)) this.#eventsMissed.inc({ instance_id: instanceId });
  }

  /** The answer to a request that an event caused was applied, so many seconds after the event. */
  eventAnswered(instanceId: string, channel: EventChannel, seconds: number): void {
    if (this.#eventChannels.has(instanceId)) this.#eventsDelay.observe({ instance_id: instanceId, channel }, seconds);
  }

  /** A run of discovery ended after so many seconds, with or without success. */
  discoveryRunEnded(seconds: number): void {
    this.#discoveryDuration.observe(seconds);
  }

  /** An error of the exporter's own code was caught. */
  internalError(component: Component): void {
    this.#internalErrors.inc({ component });
  }

  /** Sets the configured instances. New ones get series at 0; the series of removed ones go. */
  setInstances(ids: Iterable<string>): void {
    const wanted = new Set(ids);
    for (const id of this.#instances) if (!wanted.has(id)) this.#forget(id);
    for (const id of wanted) if (!this.#instances.has(id)) this.#begin(id);
  }

  /**
   * Sets the channels by which events of each instance may come. Instances that are new here get series at 0; the series of removed ones go.
   */
  setEvents(channels: ReadonlyMap<string, readonly EventChannel[]>): void {
    for (const [id, known] of this.#eventChannels) {
      for (const channel of known) if (!channels.get(id)?.includes(channel)) this.#forgetEvents(id, channel);
      if (!channels.has(id)) this.#eventsMissed.remove({ instance_id: id });
    }
    for (const [id, each] of channels) {
      const before = this.#eventChannels.get(id);
      if (before === undefined) this.#eventsMissed.inc({ instance_id: id }, 0);
      for (const channel of each) if (!before?.includes(channel)) this.#beginEvents(id, channel);
    }
    this.#eventChannels = channels;
    const hasWebhook = [...channels.values()].some((each) => each.includes('webhook'));
    if (!hasWebhook) this.#forgetEvents('', 'webhook');
    else
      for (const outcome of UNREAD_OUTCOMES)
        this.#eventsTotal.inc({ instance_id: '', type: '', channel: 'webhook', outcome }, 0);
  }

  /** An attempt to load the configuration ended, at `nowMs` by the wall clock. */
  configReloaded(successful: boolean, nowMs: number): void {
    this.#reloadSuccessful.set(successful ? 1 : 0);
    if (successful) this.#reloadTime.set(nowMs / 1000);
  }

  /** What is known of so many tags was restored from storage. */
  stateRestored(tags: number): void {
    this.#restoredTags.set(tags);
  }

  /** Replaces the previous labels. */
  setBuildInfo({ version, revision, nodeVersion, sdk }: BuildInfoLabels): void {
    this.#buildInfo.reset();
    this.#buildInfo.set({ version, revision, node_version: nodeVersion, sdk }, 1);
  }

  /**
   * The text of the selected families at the time of the call, without the end mark of OpenMetrics. A family that cannot be collected is left
   * out.
   */
  async render(format: ExpositionFormat, { names, instanceIds }: PageSelection = WHOLE_PAGE): Promise<string> {
    const isSelected = ({ name }: { readonly name: string }) => names === undefined || names.has(name);
    // Some families of prom-client are collected together with others, so all are collected or none.
    if (!this.#registry.getMetricsAsArray().some(isSelected)) return '';
    this.#collectSchedulers();
    this.#collectDiscoveries();
    this.#collectEvents();
    this.#collectSaves();
    this.#collectReplica();
    this.#logLinesDropped.reset();
    this.#logLinesDropped.inc(this.#droppedLogLines());
    const shown = this.#registry.getMetricsAsArray().filter(({ name }) => this.#isShown(name));
    const collected = await Promise.allSettled(shown.map(({ name }) => this.#registry.getSingleMetric(name)?.get()));
    const families = collected.flatMap((result): CollectedFamily[] =>
      result.status === 'fulfilled' && result.value ? [result.value] : [],
    );
    return withoutIdleLag(families)
      .filter(isSelected)
      .map((family) => formatCollected(ofInstances(family, instanceIds), format))
      .join('');
  }

  /** A histogram without labels exists from the start: without discovery it is left out. So are the families of replicas for an exporter alone. */
  #isShown(name: string): boolean {
    if (name.startsWith('acr_replica_')) return this.#isReplica;
    return name !== SELF_FAMILIES.discoveryDuration.name || this.#discoveries().length > 0;
  }

  #knows(instanceId: string, action: string): boolean {
    if (!this.#instances.has(instanceId)) return false;
    this.#actions.add(action);
    return true;
  }

  #begin(instanceId: string): void {
    const labels = { instance_id: instanceId, action: POLL_ACTION };
    this.#instances.add(instanceId);
    this.#actions.add(POLL_ACTION);
    this.#scanDuration.zero({ instance_id: instanceId });
    this.#requestDuration.zero(labels);
    this.#requests.inc(labels, 0);
    for (const code of EXPECTED_ERRORS) {
      this.#codes.add(code);
      this.#requestErrors.inc({ ...labels, code }, 0);
    }
  }

  #forget(instanceId: string): void {
    this.#instances.delete(instanceId);
    this.#scanDuration.remove({ instance_id: instanceId });
    for (const action of this.#actions) {
      const labels = { instance_id: instanceId, action };
      this.#requests.remove(labels);
      this.#requestDuration.remove(labels);
      for (const code of this.#codes) this.#requestErrors.remove({ ...labels, code });
    }
  }

  #beginEvents(instanceId: string, channel: EventChannel): void {
    const labels = { instance_id: instanceId, channel };
    this.#eventsDelay.zero(labels);
    if (channel === 'feed')
      this.#eventsTotal.inc({ instance_id: instanceId, type: '', channel, outcome: 'invalid' }, 0);
    for (const type of channel === 'feed' ? (['ScanCompleted'] as const) : EVENT_TYPES)
      for (const outcome of READ_OUTCOMES)
        this.#eventsTotal.inc({ instance_id: instanceId, type, channel, outcome }, 0);
  }

  #forgetEvents(instanceId: string, channel: EventChannel): void {
    const labels = { instance_id: instanceId, channel };
    this.#eventsDelay.remove(labels);
    for (const type of [...EVENT_TYPES, ''])
      for (const outcome of EVENT_OUTCOMES) this.#eventsTotal.remove({ ...labels, type, outcome });
  }

  #collectEvents(): void {
    this.#eventsHealthy.reset();
    for (const { instanceId, healthy } of this.#events())
      this.#eventsHealthy.set({ instance_id: instanceId }, healthy ? 1 : 0);
  }

  #collectSchedulers(): void {
    const counts = [this.#running, this.#dueTags, this.#oldestDue, this.#requestsInFlight];
    for (const family of [...counts, this.#rateLimit, this.#paused, this.#credentialsInfo]) family.reset();
    for (const { credentials, running, due, oldestDueSeconds, inFlight, rate, paused, inUse } of this.#schedulers()) {
      this.#running.set({ credentials }, running ? 1 : 0);
      this.#requestsInFlight.set({ credentials }, inFlight);
      for (const group of ['urgent', 'background'] as const) {
        this.#dueTags.set({ credentials, class: group }, due[group]);
        this.#oldestDue.set({ credentials, class: group }, oldestDueSeconds[group]);
      }
      for (const kind of ['configured', 'current'] as const) this.#rateLimit.set({ credentials, kind }, rate[kind]);
      for (const reason of ['refused', 'throttled'] as const) {
        this.#paused.set({ credentials, reason }, paused[reason] ? 1 : 0);
      }
      if (inUse === undefined) continue;
      const { provider, identity } = inUse;
      this.#credentialsInfo.set({ credentials, provider, identity }, 1);
    }
  }

  #collectDiscoveries(): void {
    const families = [this.#discoveryTags, this.#discoveryTruncated, this.#discoverySuccess];
    for (const family of [...families, this.#discoveryRuleRepositories]) family.reset();
    for (const { instanceId, tags, truncated, lastSuccessMs, rules = [] } of this.#discoveries()) {
      const labels = { instance_id: instanceId };
      this.#discoveryTags.set(labels, tags);
      this.#discoveryTruncated.set(labels, truncated ? 1 : 0);
      if (lastSuccessMs !== undefined) this.#discoverySuccess.set(labels, lastSuccessMs / 1_000);
      for (const [index, { repositories, tags: taken }] of rules.entries()) {
        // 0 too for a mistake in the pattern of tags.
        this.#discoveryRuleRepositories.set({ ...labels, rule: String(index + 1) }, taken > 0 ? repositories : 0);
      }
    }
  }

  #collectSaves(): void {
    const { successful, savedMs, durationSeconds } = this.#saves() ?? {};
    setOrRemove(this.#saveSuccessful, successful === undefined ? undefined : Number(successful));
    setOrRemove(this.#saveTime, savedMs === undefined ? undefined : savedMs / 1_000);
    setOrRemove(this.#saveDuration, durationSeconds);
  }

  #collectReplica(): void {
    const status = this.#replica();
    this.#isReplica = status !== undefined;
    if (status === undefined) return;
    const { members, max, isMember, repositories, tags, shares, isConnected, lastExchangeMs } = status;
    setOrRemove(this.#replicaMembers, lastExchangeMs === undefined ? undefined : members.length);
    this.#replicaMaxMembers.set(max);
    this.#replicaJoined.set(isMember ? 1 : 0);
    this.#replicaRepositories.set(repositories);
    this.#replicaTags.set(tags);
    this.#replicaShare.reset();
    for (const { credentials, ratio } of shares) this.#replicaShare.set({ credentials }, ratio);
    this.#replicaRedisConnected.set(isConnected ? 1 : 0);
    setOrRemove(this.#replicaLastExchange, lastExchangeMs === undefined ? undefined : lastExchangeMs / 1_000);
    this.#replicaConfigDiffers.set(status.differs.length);
    this.#replicaUnwrittenTags.set(status.unwrittenTags);
  }

  #gauge<Label extends string>({ name, help, labels }: LabelledFamily<Label>): Gauge<Label> {
    return new Gauge({ name, help, labelNames: labels, registers: [this.#registry] });
  }

  #counter<Label extends string>({ name, help, labels }: LabelledFamily<Label>): Counter<Label> {
    return new Counter({ name, help, labelNames: labels, registers: [this.#registry] });
  }

  #histogram<Label extends string>({ name, help, labels, buckets = [] }: LabelledFamily<Label>): Histogram<Label> {
    return new Histogram({ name, help, labelNames: labels, buckets: [...buckets], registers: [this.#registry] });
  }
}

type LabelledFamily<Label extends string> = SelfFamily & { readonly labels: readonly Label[] };

function ofInstances(family: CollectedFamily, instanceIds: PageSelection['instanceIds']): CollectedFamily {
  if (instanceIds === undefined) return family;
  const isOfInstance = (id: unknown) => typeof id === 'string' && instanceIds.has(id);
  return { ...family, values: family.values.filter(({ labels }) => isOfInstance(labels.instance_id)) };
}

/** An unknown value is left out. */
function setOrRemove(gauge: Gauge<never>, value: number | undefined): void {
  if (value === undefined) gauge.remove();
  else gauge.set(value);
}

/**
 * Leaves the event loop delay out when the previous scrape was just now: prom-client resets its histogram at every scrape, and an empty one
 * gives wrong numbers.
 */
function withoutIdleLag(families: readonly CollectedFamily[]): readonly CollectedFamily[] {
  const mean = families.find(({ name }) => name === 'nodejs_eventloop_lag_mean_seconds');
  if (!mean?.values.some(({ value }) => Number.isNaN(value))) return families;
  return families.filter(({ name }) => !/^nodejs_eventloop_lag_(?!seconds$)/.test(name));
}
