// Where a run takes place: the simulator, the exporter in its present life, and the record of what happens.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CertificateSource, certificateProbe, TRUSTED_ORIGIN } from './certificates.ts';
import { CLOCK_PROBE, type ClockSpan, noteStep, setClock, trueTimes } from './clock.ts';
import { type Exposition, samplesOf } from './exposition.ts';
import { Forger, type Forgery, type Target } from './forger.ts';
import { temporaryDirectory } from './leftovers.ts';
import { type Program, startExporter, startSimulator } from './processes.ts';
import { createRandom, type Random } from './random.ts';
import {
  type Configuration,
  emptyRecord,
  type Life,
  type LifeStorage,
  overlap,
  type RestoredState,
  type RunRecord,
  timeBefore,
} from './record.ts';
import { RedisServer } from './redis.ts';
import { MODES, scrape } from './scraper.ts';
import { SimulatorClient } from './simulator.ts';
import { type Damage, StateDirectory, type UsableState } from './state-directory.ts';
import type { TagState } from './truth.ts';
import { wireProbe } from './wire.ts';
import {
  DISCOVERED,
  GUEST,
  keysBut,
  RATES_DIFFER_BY,
  REPOSITORIES,
  SETS,
  Settings,
  scenario,
  tagName,
  usualLatency,
} from './world.ts';

/** How long the process is given to end by itself: more than the law allows, so that it is known by how much it is late. */
const ENDED_WITHIN_MS = 15_000;
/** Longer than a client stays, and than the reloads that are still to come take on a busy machine. */
const STRAY_RELOADS_FOR_MS = 20_000;
/** A calm begins with a clock that the API still accepts, by a wide margin. */
const MAX_OFFSET_IN_CALM_MS = 5 * 60_000;
/** How long a reload is waited for: more than the law allows. */
const RELOAD_WAITED_MS = 7_000;
/** How many of the processes keep their state. The first two do, so that every run has a start with one. */
const KEEPING_SHARE = 0.7;
const KEEPING_FROM_START = 2;
/** Longer than an interval and a save, so that one has to fail. */
const BLOCKED_MS = [4_000, 8_000] as const;
const REFILLED_EVERY_MS = 50;
const SAVE_INTERVALS_MS = [1_000, 1_500, 2_000];
/** What a save takes, on a busy machine: from the first record to the file in its place. */
const SAVED_WITHIN_MS = 1_000;
/** What was answered so long before the signal is in the last save of a process that ends in order. */
const ANSWERED_BEFORE_END_MS = 300;

/** By then repositories have moved after the last member has joined, and after one has died. Each is some seconds more than is documented. */
const JOINED_WITHIN_MS = 6_000;
const DEAD_WITHIN_MS = 12_000;
/** A member that stands still for so long has lost what it owned. */
const LEASE_MS = 15_000;
/** By then Redis has again what the members know. */
const WRITTEN_AGAIN_WITHIN_MS = 5_000;

/** Nothing goes wrong on the way. */
export const GOOD_DELIVERY = { loss: 0, duplicates: 0, reorder: 0, delay: '0s' };

export type StageOptions = {
  readonly seed: number;
  readonly random: Random;
  readonly exporter: string;
  readonly simulator: string;
  /** How many exporters there are at the same time: several share the work over Redis. */
  readonly members?: number;
  /** Takes what the exporter logs. */
  readonly onLog?: ((text: Buffer) => void) | undefined;
};

/** A process of the exporter, the last one in its place. */
export type Member = { readonly program: Program; readonly life: Life };

export class Stage {
  readonly random: Random;
  readonly settings: Settings;
  readonly record: RunRecord;
  readonly forger = new Forger();
  #certificates: CertificateSource = { simulator: '', forger: '' };
  readonly #options: StageOptions;
  readonly #directory = temporaryDirectory('chaos');
  readonly #state = new StateDirectory();
  readonly #storageRandom: Random;
  /** Whether something was done to the files of the state since a process had them. */
  #isTouched = false;
  #isPreviousTouched = false;
  #blockEnd: NodeJS.Timeout | undefined;
  /** Resolves when no process is being started. */
  #starting: Promise<void> = Promise.resolve();
  /** A save that was under way when the disk was filled makes room for the next one, which this fills. */
  #refill: NodeJS.Timeout | undefined;
  /** Whether the last process ended in order. */
  #hasEndedWell = false;
  /** How much the clocks of the processes before the present one were off, and when. */
  #pastClock: ClockSpan[] = [];
  #simulatorProgram: Program | undefined;
  #simulator: SimulatorClient | undefined;
  readonly redis = new RedisServer();
  /** By their places: each has one process after the other. */
  readonly #members: Member[] = [];
  /** The place of the process that things happen to. */
  #place = 0;
  #anew = 0;
  #strayReloadsUntil = Number.NEGATIVE_INFINITY;

  constructor(options: StageOptions) {
    this.#options = options;
    this.random = options.random;
    this.record = emptyRecord(options.members);
    this.#storageRandom = createRandom(options.seed + 4);
    this.settings = new Settings(this.#directory.path, this.record.keyWrites, this.record.tokenWrites);
  }

  get simulator(): SimulatorClient {
    if (this.#simulator === undefined) throw new Error('expected a stage that was opened');
    return this.#simulator;
  }

  /** The process that things happen to: of several members, it is another one after each end, and each time that it stood still. */
  get exporter(): Program {
    const member = this.#members[this.#place];
    if (member === undefined) throw new Error('expected a stage that was opened');
    return member.program;
  }

  /** Its present life; undefined between two. */
  get life(): Life | undefined {
    return this.memberAt(this.#place)?.life;
  }

  /** The process that runs in a place, if there is one. */
  memberAt(place: number): Member | undefined {
    const member = this.#members[place];
    return member?.life.to === Number.POSITIVE_INFINITY ? member : undefined;
  }

  /** All processes that run. */
  get running(): readonly Member[] {
    return this.#members.filter(({ life }) => life.to === Number.POSITIVE_INFINITY);
  }

  get configuration(): Configuration {
    const last = this.record.configurations.at(-1);
    if (last === undefined) throw new Error('expected a stage that was opened');
    return last;
  }

  async open(): Promise<void> {
    const file = join(this.#directory.path, 'scenario.yml');
    writeFileSync(file, JSON.stringify(scenario()));
    const args = ['--listen-address=127.0.0.1:0', `--scenario=${file}`, `--seed=${this.#options.seed}`];
    this.#simulatorProgram = await startSimulator(this.#options.simulator, args, (stall) =>
      this.record.simulatorStalls.push(stall),
    );
    this.#simulator = new SimulatorClient(this.#simulatorProgram.url, this.record.truth);
    this.settings.setEndpoint(this.simulator.url);
    await this.simulator.setLatency(usualLatency(this.random));
    await this.simulator.look();
    this.#certificates = { simulator: this.simulator.url, forger: this.forger.publicKey };
    const { members } = this.record;
    if (members > 1) {
      await this.redis.start();
      this.settings.shareOver(this.redis.url, members);
    }
    this.#note();
    await this.#moving(async () => {
      for (this.#place = 0; this.#place < members; this.#place++) await this.#start();
      this.#place = 0;
    });
  }

  async close(): Promise<void> {
    this.#noteEnd();
    clearTimeout(this.#blockEnd);
    clearInterval(this.#refill);
    for (const { program } of this.#members) await program.kill();
    await this.#simulatorProgram?.kill();
    await this.redis.close();
    this.#directory.remove();
    this.#state.remove();
  }

  /** Changes the file and sends SIGHUP; resolves when a scrape says that the file is in force, or when that took too long. */
  async reload(change: (settings: Settings) => void, signals = 1): Promise<void> {
    const members = this.running;
    const before = await Promise.all(members.map((member) => this.#lastReload(member)));
    change(this.settings);
    const configuration = this.#note();
    for (let signal = 0; signal < signals; signal++) {
      if (signal > 0) await sleep(10);
      this.#signalReload();
    }
    const found = await Promise.all(
      members.map((member, index) => this.#takenBy(member, before[index], configuration)),
    );
    if (found.includes(undefined)) configuration.givenUpAt = Date.now();
    else configuration.inForceAt = Date.now();
    if (signals > 1) this.expectStrayReloads();
  }

  /** From now on, and for some time, the exporter may take the file without having been told by {@link reload}. */
  expectStrayReloads(): void {
    this.#strayReloadsUntil = Date.now() + STRAY_RELOADS_FOR_MS;
  }

  #signalReload(): void {
    for (const { program } of this.running) program.child.kill('SIGHUP');
  }

  /** When a file was taken, as the exporter shows it; undefined when that took too long. */
  async #takenBy(
    member: Member,
    before: number | undefined,
    configuration: Configuration,
  ): Promise<number | undefined> {
    const found = await this.#reloadAfter(member, before, configuration);
    // Reloads run one after the other: one that had begun before may have read the file of before, the next one has not.
    if (found === undefined || configuration.toldAt >= this.#strayReloadsUntil) return found;
    member.program.child.kill('SIGHUP');
    return this.#reloadAfter(member, found, configuration);
  }

  /** When a file was taken next. */
  async #reloadAfter(
    member: Member,
    before: number | undefined,
    { toldAt }: Configuration,
  ): Promise<number | undefined> {
    while (Date.now() - overlap(this.record.pauses, toldAt, Date.now()) < toldAt + RELOAD_WAITED_MS) {
      const answered = await this.#lastReload(member, this.settings.shownRate);
      // On a clock that was set back, a time that was shown before may look like one that is still to come.
      if (answered !== before && this.#isAfter(member, answered, toldAt)) return answered;
      await sleep(50);
    }
    return undefined;
  }

  /** Changes the file and asks for a reload over HTTP, several times at once; resolves when all are answered. */
  async reloadOverHttp(change: (settings: Settings) => void, times: number): Promise<void> {
    change(this.settings);
    const configuration = this.#note();
    const init = { method: 'POST', signal: AbortSignal.timeout(3 * RELOAD_WAITED_MS) };
    const asked = this.running.flatMap(({ program }) =>
      Array.from({ length: times }, async () => (await fetch(`${program.url}/-/reload`, init)).status),
    );
    const statuses = await Promise.all(asked.map((answer) => answer.catch(() => 0)));
    if (statuses.every((status) => status === 200)) configuration.inForceAt = Date.now();
    else configuration.givenUpAt = Date.now();
  }

  /** Sends SIGHUP for a file that is refused, then writes the good one again. */
  async reloadBroken(spoil: (settings: Settings) => void): Promise<void> {
    spoil(this.settings);
    this.#signalReload();
    await sleep(500);
    await this.reload(() => undefined);
  }

  /** @param meanwhile what happens between the end of one process and the start of the next */
  async killAndStart(meanwhile: () => Promise<void> = async () => {}): Promise<void> {
    await this.#moving(async () => {
      this.#noteLoss();
      this.#noteEnd();
      this.#hasEndedWell = false;
      await this.exporter.kill();
      await meanwhile();
      await this.#start();
    }, DEAD_WITHIN_MS);
    this.#turn();
  }

  /** Damages files of the state before the next process has them. */
  async killAndDamage(damage: Damage, both = false): Promise<void> {
    await this.killAndStart(async () => {
      this.unblockState();
      this.#isTouched = true;
      this.#isPreviousTouched ||= both;
      this.#state.damage(damage, this.random, both);
    });
  }

  /** Changes the configuration between two processes. */
  killAndChange(change: (settings: Settings) => void): Promise<void> {
    return this.killAndStart(async () => {
      change(this.settings);
      this.#note(true);
    });
  }

  /** Other images under tags that are listed, and the file lists some tags by the digests that they have then. */
  async killAndChangeImages(): Promise<void> {
    await this.killAndStart(async () => {
      const { tags } = await this.simulator.look();
      for (const { instanceId, repoId, tag } of tags) {
        if (this.random.share() < 0.3) await this.simulator.push(instanceId, repoId, tag);
      }
      const pushed = (await this.simulator.look()).tags;
      const digests = pushed.map((each) => [tagName(namesOf(each), each.tag), each.digest] as const);
      this.settings.turnDigests(this.random, new Map(digests));
      this.#note(true);
    });
  }

  /** Fills the disk of the state, or puts a file in place of its directory, for some seconds. */
  blockState(kind: 'full' | 'a file'): void {
    const forMs = this.random.whole(...BLOCKED_MS);
    if (this.#state.block !== undefined) return;
    if (kind === 'full') {
      this.#state.fill();
      this.#refill = setInterval(() => this.#state.fill(), REFILLED_EVERY_MS);
    } else this.#state.putFileInPlace();
    this.record.blocks.push({ from: Date.now(), to: Number.POSITIVE_INFINITY });
    // What a process finds at its start is looked at before: until it has taken it, nothing changes.
    this.#blockEnd = setTimeout(() => void this.#starting.then(() => this.unblockState()), forMs);
  }

  unblockState(): void {
    const block = this.record.blocks.at(-1);
    clearTimeout(this.#blockEnd);
    clearInterval(this.#refill);
    if (this.#state.block === undefined || block === undefined) return;
    block.to = Date.now();
    this.#state.unblock();
  }

  /** Notes which states a start may use. */
  watchState(): void {
    this.record.stateFrom = this.#state.oldestFrom();
  }

  /** Ends the process as a service manager does. */
  async endLife(): Promise<void> {
    const { exporter } = this;
    const sentAt = Date.now();
    this.#noteEnd();
    const status = await exporter.end(ENDED_WITHIN_MS);
    this.record.ends.push({ sentAt, tookMs: Date.now() - sentAt, status });
    this.#hasEndedWell = status === 0;
    await exporter.kill();
  }

  /** Ends the process as a service manager does, and starts it anew. */
  async endAndStart(meanwhile: () => Promise<void> = async () => {}): Promise<void> {
    await this.#moving(async () => {
      await this.endLife();
      await meanwhile();
      await this.#start();
    });
    this.#turn();
  }

  /** Ends all processes, one after the other. */
  async endLives(): Promise<void> {
    for (const _ of this.#members) {
      await this.endLife();
      this.#turn();
    }
  }

  /** Has another member be the one that things happen to. */
  #turn(): void {
    this.#place = (this.#place + 1) % this.record.members;
  }

  /** Does something after which repositories move to other members, if there are some; at least for so long. */
  async #moving(act: () => Promise<void>, leastMs = 0): Promise<void> {
    const span = { from: Date.now(), to: Number.POSITIVE_INFINITY };
    if (this.record.members > 1) this.record.moves.push(span);
    await act();
    span.to = Math.max(span.from + leastMs, Date.now() + JOINED_WITHIN_MS);
  }

  #noteLoss(): void {
    if (this.life !== undefined) this.record.losses.push({ life: this.life.number, at: Date.now() });
  }

  /** Does something to Redis. No repository moves, but those that are moving may do so later. */
  async spoilRedis(act: (redis: RedisServer) => Promise<void>): Promise<void> {
    const span = { from: Date.now(), to: Number.POSITIVE_INFINITY };
    this.record.redisFaults.push(span);
    const extend = (to: number) => {
      for (const each of this.record.moves) if (each.to > span.from) each.to = to;
    };
    extend(Number.POSITIVE_INFINITY);
    await act(this.redis);
    extend(Date.now() + DEAD_WITHIN_MS);
    span.to = Date.now() + WRITTEN_AGAIN_WITHIN_MS;
  }

  /** Sets the exporter's wall clock off by so much; its monotonic clock goes on. */
  async stepClock(offsetMs: number): Promise<void> {
    const { life } = this;
    if (life === undefined) return;
    const at = await setClock(this.exporter.child, offsetMs);
    if (at !== undefined) noteStep(life.clock, at, offsetMs);
  }

  /** How much the exporter's clock is off. */
  get clockOffsetMs(): number {
    return this.life?.clock.at(-1)?.offsetMs ?? 0;
  }

  async pause(ms: number): Promise<void> {
    const span = { from: Date.now(), to: Number.POSITIVE_INFINITY, life: this.life?.number };
    this.record.pauses.push(span);
    const { child } = this.exporter;
    child.kill('SIGSTOP');
    await sleep(ms);
    child.kill('SIGCONT');
    span.to = Date.now();
  }

  /** A member stands still for so long that it may lose what it owns, or nearly so. */
  async pauseMember(ms: number): Promise<void> {
    const member = this.memberAt(this.#place);
    if (member === undefined) return;
    const pause = async () => {
      await this.pause(ms);
      // First of all it asks Redis what is still its own.
      await this.#lastReload(member);
    };
    if (ms < LEASE_MS) await pause();
    else {
      this.#noteLoss();
      await this.#moving(pause);
    }
    this.#turn();
  }

  async makeAnew(instanceId: string, namespace: string, name: string): Promise<void> {
    this.#anew++;
    await this.simulator.makeAnew(
      await this.simulator.look(),
      instanceId,
      namespace,
      name,
      `crr-${name}-${this.#anew}`,
    );
  }

  /** Adds the repository that comes and goes, or deletes it. */
  async turnGuest(): Promise<void> {
    const { instance, namespace, name, tags } = GUEST;
    const there = (await this.simulator.look()).tags.find((each) => isOf(each, GUEST));
    if (there !== undefined) return this.simulator.deleteRepository(instance, there.repoId);
    this.#anew++;
    await this.simulator.addRepository(instance, { namespace, name, id: `crr-${name}-${this.#anew}`, tags });
  }

  /** Sends a forged event. */
  async forge(forgery: Forgery): Promise<void> {
    const tag = this.random.one((await this.simulator.look()).tags);
    await this.forger.send(forgery, tag, this.#target, this.record.forgeries, this.random);
  }

  /** Sends an event several times at once. */
  async repeatEvent(times: number): Promise<void> {
    const tag = this.random.one((await this.simulator.look()).tags);
    await this.forger.repeat(tag, this.#target, this.record.forgeries, times);
  }

  async floodEvents(): Promise<void> {
    const tag = this.random.one((await this.simulator.look()).tags);
    await this.forger.flood(tag, this.#target, this.record.forgeries);
  }

  get #target(): Target {
    return { url: this.webhook, token: this.settings.token };
  }

  /** Has the file list tags by the digests that they have now. */
  async reloadByDigests(): Promise<void> {
    const { tags } = await this.simulator.look();
    const digests = tags.map((each) => [tagName(namesOf(each), each.tag), each.digest] as const);
    await this.reload((settings) => settings.turnDigests(this.random, new Map(digests)));
  }

  /** Stops the API's process for a while: connections are taken, and nothing is answered. */
  async stopApi(ms: number): Promise<void> {
    this.#simulatorProgram?.child.kill('SIGSTOP');
    await sleep(ms);
    this.#simulatorProgram?.child.kill('SIGCONT');
  }

  /** Ends the faults, and mends what they left: tags that are listed exist again, and the credentials are good. */
  async mend(): Promise<void> {
    await this.simulator.setFaults([]);
    await this.simulator.setLatency(usualLatency(this.random));
    await this.simulator.setKeys(keysBut());
    await this.simulator.changeEvents({ to: this.webhook, ...GOOD_DELIVERY });
    await this.sendToken();
    this.unblockState();
    const { tags } = await this.simulator.look();
    for (const { instance, namespace, name, id, tags: listed } of REPOSITORIES) {
      const there = tags.filter(
        (each) => each.instanceId === instance && each.repoNamespace === namespace && each.repoName === name,
      );
      const repoId = id ?? there[0]?.repoId;
      if (repoId === undefined) continue;
      for (const tag of listed) {
        if (!there.some((each) => each.tag === tag)) await this.simulator.push(instance, repoId, tag);
      }
    }
    if (Math.abs(this.clockOffsetMs) > MAX_OFFSET_IN_CALM_MS) await this.stepClock(0);
    for (const set of SETS) this.settings.rotate(set);
    // The exporter has to find out about this by itself, so that each calm shows that it does.
    await this.simulator.push(DISCOVERED.instance, DISCOVERED.id, this.random.one(DISCOVERED.tags));
    const pushed = tags.filter(({ repoId, tag }) => repoId === DISCOVERED.id && !DISCOVERED.tags.includes(tag));
    for (const { tag } of pushed.slice(0, 1)) await this.simulator.deleteTag(DISCOVERED.instance, DISCOVERED.id, tag);
    await this.reload((settings) => settings.restore());
  }

  /** Before the signal that ends the process: a request that it cuts off is not the exporter's fault. */
  #noteEnd(): void {
    const { life } = this;
    if (life === undefined) return;
    life.to = Date.now();
    const ofLife = life.storage === undefined ? life.clock : life.clock.slice(this.#pastClock.length);
    this.#pastClock = [...this.#pastClock, ...ofLife.map((span) => ({ ...span }))];
  }

  #start(): Promise<void> {
    const started = this.#startNext();
    this.#starting = started.catch(() => undefined);
    return started;
  }

  async #startNext(): Promise<void> {
    const args = [
      `--config.file=${this.settings.file}`,
      '--web.listen-address=127.0.0.1:0',
      '--log.level=debug',
      '--web.enable-lifecycle',
    ];
    const number = (this.record.lives.at(-1)?.number ?? -1) + 1;
    const storage = this.#drawStorage(number);
    if (storage !== undefined)
      args.push(`--storage.path=${this.#state.path}`, `--storage.interval=${storage.intervalMs}ms`);
    const startedAt = Date.now();
    for (const span of this.#pastClock) span.to = Math.min(span.to, startedAt);
    const probes = [
      wireProbe(this.record.wire, number),
      certificateProbe(this.record.certificateFetches, number, this.#certificates),
      { preload: CLOCK_PROBE, onMessage: () => {} },
    ];
    const program = await startExporter(this.#options.exporter, args, ...probes);
    const { onLog } = this.#options;
    if (onLog !== undefined) program.child.stderr?.on('data', onLog);
    this.configuration.inForceAt = Math.min(this.configuration.inForceAt, Date.now());
    const own = { from: startedAt, to: Number.POSITIVE_INFINITY, offsetMs: 0 };
    const clock = storage === undefined ? [own] : [...this.#pastClock, own];
    const life = {
      number,
      startedAt,
      from: Date.now(),
      to: Number.POSITIVE_INFINITY,
      // Members show what others have seen, and all clocks are right.
      clock: this.record.members > 1 ? [{ ...own, from: 0 }] : clock,
      ...(storage !== undefined && { storage }),
    };
    this.record.lives.push(life);
    this.#members[this.#place] = { program, life };
    await this.simulator.changeEvents({ to: this.webhook, certificate_url: `${TRUSTED_ORIGIN}/simulator.pem` });
    await this.sendToken();
  }

  /** The address of the webhook of the present process. */
  get webhook(): string {
    return `${this.exporter.url}/api/v1/events`;
  }

  /** Lets the events of the registry have the token that is in its file. */
  async sendToken(): Promise<void> {
    await this.simulator.changeEvents({ to: this.webhook, token: this.settings.token });
  }

  /** Whether and how the next process keeps its state, and what it finds. */
  #drawStorage(number: number): LifeStorage | undefined {
    if (this.record.members > 1) return undefined;
    const keeps = this.#storageRandom.share() < KEEPING_SHARE || number < KEEPING_FROM_START;
    const intervalMs = this.#storageRandom.one(SAVE_INTERVALS_MS);
    if (!keeps) return undefined;
    const isUntouched = !this.#isTouched && this.#state.block !== 'a file';
    const isPreviousUntouched = !this.#isPreviousTouched && this.#state.block !== 'a file';
    [this.#isTouched, this.#isPreviousTouched] = [false, false];
    const usable = this.#state.usable();
    return {
      intervalMs,
      isUntouched,
      isPreviousUntouched,
      restored: usable && this.#restored(usable, isUntouched),
    };
  }

  /** What the file has that a start uses. */
  #restored({ savedAt, successes }: UsableState, isUntouched: boolean): RestoredState {
    const { lives, pauses } = this.record;
    const before = (at: number, ms: number) => timeBefore(pauses, at, ms);
    const keeping = lives.filter(({ storage }) => storage !== undefined);
    const last = keeping.at(-1);
    // What the last process knew in time has to be in a file, whoever wrote it.
    const lostMs = isUntouched && last !== undefined ? this.#lostMs(last) : undefined;
    const keptBy = last === undefined || lostMs === undefined ? Number.NEGATIVE_INFINITY : before(last.to, lostMs);
    if (last !== undefined && keptBy > last.from) return { life: last.number, savedAt, successes, knownBy: keptBy };
    const writer = keeping.findLast(({ startedAt }) => startedAt <= savedAt);
    const knownBy = before(savedAt, SAVED_WITHIN_MS);
    return { life: writer?.number ?? -1, savedAt, successes, knownBy };
  }

  /** Of what a process knew, how much may not be saved at its end; undefined where it could not write. */
  #lostMs(life: Life): number | undefined {
    const lostMs = (life.storage?.intervalMs ?? 0) + SAVED_WITHIN_MS;
    if (overlap(this.record.blocks, life.to - 2 * lostMs, life.to + lostMs) > 0) return undefined;
    return life === this.record.lives.at(-1) && this.#hasEndedWell ? ANSWERED_BEFORE_END_MS : lostMs;
  }

  #note(isOfStart = false): Configuration {
    const toldAt = Date.now();
    const configuration = { ...this.settings.write(), toldAt, inForceAt: Number.POSITIVE_INFINITY, isOfStart };
    this.record.configurations.push(configuration);
    return configuration;
  }

  /** Whether a time that the exporter shows, in seconds since the epoch of its clock, may be as late as a true one in milliseconds. */
  #isAfter({ life }: Member, shown: number | undefined, atMs: number): boolean {
    const [latest] = shown === undefined ? [] : trueTimes(life.clock, shown * 1_000, Date.now());
    return latest !== undefined && latest >= atMs;
  }

  /**
   * When the exporter last took a file, in seconds since the epoch of its clock; undefined when it does not answer.
   *
   * @param rate undefined too where another rate is in force: a reload that began before may have read the file of before
   */
  async #lastReload({ program }: Member, rate?: number): Promise<number | undefined> {
    const [mode] = MODES;
    if (mode === undefined) return undefined;
    try {
      const { exposition } = await scrape(program.url, { number: 0, clock: [] }, mode, 2_000);
      const [found] = samplesOf(exposition, 'acr_scan_exporter_config_last_reload_success_timestamp_seconds');
      const inForce = rateInForce(exposition);
      const isOther = rate !== undefined && inForce !== undefined && Math.abs(inForce - rate) > RATES_DIFFER_BY / 2;
      return isOther ? undefined : found?.[1];
    } catch {
      // The law about answers is held by the observers: here it only takes another try.
      return undefined;
    }
  }
}

/** The rate of the file in force. A member shows its part of it; undefined while it has none. */
function rateInForce(exposition: Exposition): number | undefined {
  const [[, part] = [undefined, 1]] = [...samplesOf(exposition, 'acr_replica_rate_share_ratio')].filter(
    ([{ credentials }]) => credentials === 'default',
  );
  const shown = [...samplesOf(exposition, 'acr_scheduler_rate_limit_requests_per_second')].find(
    ([{ credentials, kind }]) => credentials === 'default' && kind === 'configured',
  );
  return shown === undefined || part === 0 ? undefined : shown[1] / part;
}

type Names = { readonly instance: string; readonly namespace: string; readonly name: string };

function namesOf({ instanceId, repoNamespace, repoName }: TagState): Names {
  return { instance: instanceId, namespace: repoNamespace, name: repoName };
}

function isOf(tag: TagState, { instance, namespace, name }: Names): boolean {
  return tag.instanceId === instance && tag.repoNamespace === namespace && tag.repoName === name;
}
