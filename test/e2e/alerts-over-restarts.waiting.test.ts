// The demo's registry, two exporters that are restarted again and again, one with --storage.path and one without, and a real Prometheus with the
// shipped rules: no alert begins or ends because of a restart. Rules, scrapes and saves run at a tenth of their time: half an hour takes three minutes.
// `RESTARTS=10 npm run test:e2e -- test/e2e/alerts-over-restarts.waiting.test.ts` restarts more often than CI.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { createRandom } from '../../chaos/random.ts';
import { SimulatorClient } from '../../chaos/simulator.ts';
import { ANY, type Phase, Truth, tagKey } from '../../chaos/truth.ts';
import { scaleDurations } from '../../scripts/rules/copy.ts';
import { type AlertSubject, clock, type Episode, readEpisodes } from './helpers/alert-history.ts';
import { temporaryDirectory } from './helpers/exporter.ts';
import { Program, ROOT } from './helpers/program.ts';
import { Prometheus } from './helpers/prometheus.ts';

const RESTARTS = Number(process.env.RESTARTS ?? 3);
const SEED = Number(process.env.SEED ?? 1);
const TIME_SCALE = 0.1;
/** Of scrapes and evaluations. */
const INTERVAL_MS = 15_000 * TIME_SCALE;
const SCRAPE_TIMEOUT_MS = INTERVAL_MS;
const SAVE_INTERVAL_MS = 30_000 * TIME_SCALE;
/** Before the first restart. Until then all repositories are found, and what is wrong from the start is seen. */
const WARM_UP_MS = 45_000;
/** Between two restarts. Ten minutes of the rules, after which they trust an exporter without storage, are 60 s. */
const BETWEEN_MS = { min: 5_000, max: 70_000 };
/** An exporter that is away for longer is down: AcrExporterDown wants more than half of the scrapes in four minutes. */
const DOWN_AFTER_MS = 120_000 * TIME_SCALE - 2 * INTERVAL_MS;
/** The demo's exporter has seen a change by then: it polls every 30 s and lists every 20 s. */
const SEEN_WITHIN_MS = 40_000;
const LISTENING = /msg="listening" address=(\S+)/;
const CONFIGURED_SIMULATOR = '127.0.0.1:20182';

/** What is wrong all the time: there is one alert, from the first minutes to the end. */
const LASTING: readonly AlertSubject[] = [
  { alertname: 'AcrScanStuck', repository: 'shop/api', tag: 'stuck' },
  { alertname: 'AcrScanFailed', repository: 'shop/web', tag: 'legacy' },
  { alertname: 'AcrScanUnknown', repository: 'platform/base-image' },
  { alertname: 'AcrImageNotScanned', repository: 'platform/base-image' },
  { alertname: 'AcrImageNotScanned', repository: 'shop/web' },
  { alertname: 'AcrHighSeverityVulnerabilities', repository: 'shop/api' },
  { alertname: 'AcrHighSeverityVulnerabilities', repository: 'shop/web' },
];

/** The statuses of a tag, as the API says them, for which there is an alert about it. */
const STATUSES: Readonly<Record<string, readonly string[]>> = {
  AcrScanFailed: ['FAILED'],
  AcrScanStuck: ['SCANNING', 'RETRYING'],
};
/**
 * Alerts that may fire about other things than those that last: findings are everywhere, and the demo throttles. That polls are a minute late is
 * 6 s here, which happens at the demo's rate.
 */
const MAY_FIRE = [...Object.keys(STATUSES), 'AcrHighSeverityVulnerabilities', 'AcrApiThrottled', 'AcrPollingBehind'];
/** Its oldest tags leave when others are pushed, because its rule takes the ten newest. */
const ONLY_NEWEST = 'shop/web-frontend';

type Exporter = {
  readonly job: string;
  readonly flags: readonly string[];
  readonly address: string;
  program: Program;
};
/** A restart; `savedMs` is the time of the state that was restored. */
type Restart = { readonly downMs: number; readonly upMs: number; readonly savedMs: number };

test(`${RESTARTS} restarts begin and end no alert, with and without storage`, async (t) => {
  t.timeout(WARM_UP_MS + RESTARTS * (BETWEEN_MS.max + 20_000) + 60_000);
  const directory = temporaryDirectory(t);
  const simulator = await launch(t, 'simulator/bin.js', [
    '--listen-address=127.0.0.1:0',
    '--scenario=config/demo-scenario.yml',
    `--seed=${SEED}`,
  ]).then((program) => program.outputMatch(LISTENING));
  const registry = new Registry(simulator);
  const configFile = join(directory, 'demo.yml');
  const demo = readFileSync(join(ROOT, 'config/demo.yml'), 'utf8');
  writeFileSync(configFile, demo.replaceAll(CONFIGURED_SIMULATOR, simulator));
  const storage = [`--storage.path=${join(directory, 'state')}`, `--storage.interval=${SAVE_INTERVAL_MS}ms`];
  const stored = await startExporter(t, 'stored', configFile, storage);
  const forgetful = await startExporter(t, 'forgetful', configFile, []);
  const prometheus = await startPrometheus(t, directory, [stored, forgetful]);
  const beganMs = Date.now();
  await sleep(WARM_UP_MS);
  const restarts = await restartAgainAndAgain(t, stored, forgetful);
  const endMs = Date.now();
  await registry.end();
  for (const { downMs, upMs, savedMs } of restarts) {
    t.log(`restart from ${clock(downMs)} to ${clock(upMs)}, with what was saved at ${clock(savedMs)}`);
  }

  const wrong: string[] = [];
  for (const { job } of [stored, forgetful]) {
    const episodes = await readEpisodes(prometheus, job, beganMs, endMs, INTERVAL_MS);
    const fired = episodes.filter(({ fires }) => fires).length;
    t.log(`${job}: ${episodes.length} alerts, of which ${fired} fired`);
    t.true(fired > 10);
    const lost = job === stored.job ? episodes.filter((episode) => wasLost(episode, restarts)) : [];
    t.log(`${job}: ${lost.length} alerts about what was not saved yet`);
    const failedMs = await failedScrapes(prometheus, job, beganMs, endMs, restarts);
    t.log(`${job}: ${failedMs.length} scrapes took too long on this machine, outside of restarts`);
    const unexplained = (episode: Episode) => {
      const isUnknown = lost.includes(episode) || failedMs.some((atMs) => isNextScrape(atMs, episode.lastMs));
      return registry.wrongsOf(episode, endMs, isUnknown);
    };
    const wasDown = restarts.some(({ downMs, upMs }) => upMs - downMs > DOWN_AFTER_MS);
    const wrongs = [
      ...LASTING.flatMap((subject) => movesOf(subject, episodes, endMs)),
      ...episodes.filter((episode) => episode.fires && !mayFire(episode, wasDown)).map((episode) => `${episode} fires`),
      ...episodes.flatMap(unexplained),
    ];
    wrong.push(...wrongs.map((each) => `${job}: ${each}`));
  }
  t.deepEqual(wrong, []);
});

async function restartAgainAndAgain(t: ExecutionContext, stored: Exporter, forgetful: Exporter): Promise<Restart[]> {
  const random = createRandom(SEED).share;
  const restarts: Restart[] = [];
  for (let count = 0; count < RESTARTS; count += 1) {
    const signal = count % 2 === 0 ? 'SIGKILL' : 'SIGTERM';
    const downMs = Date.now();
    const pauseMs = random() * 2 * INTERVAL_MS;
    await Promise.all([stored, forgetful].map((exporter) => restart(t, exporter, signal, pauseMs)));
    const saved = await stored.program.outputMatch(/msg="state restored".* saved=(\S+)/);
    restarts.push({ downMs, upMs: Date.now(), savedMs: Date.parse(saved) });
    await sleep(BETWEEN_MS.min + random() * (BETWEEN_MS.max - BETWEEN_MS.min));
  }
  return restarts;
}

/** Why a lasting alert is not one alert that lasts until the end. */
function movesOf(subject: AlertSubject, episodes: readonly Episode[], endMs: number): readonly string[] {
  const found = episodes.filter((episode) => episode.isAbout(subject));
  if (found.length === 1 && found.every(({ lastMs }) => isOver(lastMs, endMs) === false)) return [];
  return [`${Object.values(subject).join(' ')}: ${found.join(' and ') || 'never there'}`];
}

function mayFire(episode: Episode, wasDown: boolean): boolean {
  if (episode.alertname === 'AcrExporterDown') return wasDown;
  return MAY_FIRE.includes(episode.alertname) || LASTING.some((subject) => episode.isAbout(subject));
}

/** Whether an alert that was last there at a time has ended before the end of the test. */
function isOver(lastMs: number, endMs: number): boolean {
  return lastMs < endMs - 2 * INTERVAL_MS;
}

/** Whether an alert began after the last save before a crash, and so was forgotten by it. What was learned then is asked again at once. */
function wasLost({ beganMs, lastMs }: Episode, restarts: readonly Restart[]): boolean {
  return restarts.some(
    ({ savedMs, downMs, upMs }) => beganMs > savedMs && beganMs <= downMs && lastMs <= upMs + 2 * INTERVAL_MS,
  );
}

/** When scrapes failed although the exporter ran: an alert that is not firing yet ends then, as Prometheus has it. */
async function failedScrapes(
  prometheus: Prometheus,
  job: string,
  fromMs: number,
  toMs: number,
  restarts: readonly Restart[],
): Promise<readonly number[]> {
  const [up] = await prometheus.range(`up{job="${job}"}`, fromMs, toMs, INTERVAL_MS);
  const isOfRestart = (atMs: number) =>
    restarts.some(({ downMs, upMs }) => downMs <= atMs && atMs <= upMs + INTERVAL_MS);
  return [...(up?.values ?? [])].flatMap(([atMs, value]) => (value === 0 && !isOfRestart(atMs) ? [atMs] : []));
}

function isNextScrape(atMs: number, lastMs: number): boolean {
  return lastMs < atMs && atMs <= lastMs + 2 * INTERVAL_MS;
}

/** What was true of the registry, at every moment of the test. */
class Registry {
  readonly #truth = new Truth();
  readonly #client: SimulatorClient;
  /** Of each tag, the key in the truth, and the images that it has had. */
  readonly #tags = new Map<string, { readonly key: string; readonly digests: Set<string> }>();
  readonly #looking: Promise<void>;
  #isOver = false;

  constructor(address: string) {
    this.#client = new SimulatorClient(`http://${address}`, this.#truth);
    this.#looking = this.#look();
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.#looking;
  }

  /** Why an alert about a tag began or ended without a reason in the registry. */
  wrongsOf(episode: Episode, endMs: number, isUnknown: boolean): readonly string[] {
    const { alertname, beganMs, lastMs, repository, tag } = episode;
    const statuses = STATUSES[alertname];
    if (statuses === undefined) return [];
    const isCause = ({ status }: Phase) => statuses.includes(status) || status === ANY;
    const { key = '', digests = [] } = this.#tags.get(`${repository}:${tag}`) ?? {};
    // Until discovery finds a new image, the exporter asks for the one before.
    const seen = [...digests].flatMap((digest) => this.#truth.ofImage(key, digest, beganMs - SEEN_WITHIN_MS, beganMs));
    const began = seen.some(isCause) ? [] : [`${episode} begins`];
    if (!isOver(lastMs, endMs) || isUnknown || repository === ONLY_NEWEST) return began;
    // It ended before the next evaluation, and the scan may have ended then, too. Samples have the time of the request for them, and the
    // answer may come a timeout later: what it says, and an evaluation that is late, are then from after their own time.
    const phases = this.#truth.between(key, lastMs - SEEN_WITHIN_MS, lastMs + INTERVAL_MS + SCRAPE_TIMEOUT_MS);
    const goesOn = phases.length > 0 && phases.every(({ status }) => statuses.includes(status));
    const isOneImage = new Set(phases.map(({ digest }) => digest)).size === 1;
    return goesOn && isOneImage ? [...began, `${episode} ends`] : began;
  }

  async #look(): Promise<void> {
    while (!this.#isOver) {
      const { tags } = await this.#client.look();
      for (const { instanceId, repoId, repoNamespace, repoName, tag, digest } of tags) {
        const name = `${repoNamespace}/${repoName}:${tag}`;
        const { digests } = this.#tags.get(name) ?? { digests: new Set<string>() };
        this.#tags.set(name, { key: tagKey(instanceId, repoId, tag), digests: digests.add(digest) });
      }
      await sleep(200);
    }
  }
}

function launch(t: ExecutionContext, file: string, flags: readonly string[]): Promise<Program> {
  return Program.start(t, process.execPath, [join('dist', file), ...flags]);
}

async function startExporter(
  t: ExecutionContext,
  job: string,
  configFile: string,
  storage: readonly string[],
): Promise<Exporter> {
  const flags = [`--config.file=${configFile}`, ...storage];
  const program = await launch(t, 'bin.js', [...flags, '--web.listen-address=127.0.0.1:0']);
  return { job, flags, program, address: await program.outputMatch(LISTENING) };
}

/** Ends an exporter, and starts it again after a pause on the same address. */
async function restart(t: ExecutionContext, exporter: Exporter, signal: NodeJS.Signals, pauseMs: number) {
  exporter.program.signal(signal);
  await exporter.program.ended(10_000);
  await sleep(pauseMs);
  exporter.program = await launch(t, 'bin.js', [...exporter.flags, `--web.listen-address=${exporter.address}`]);
  await exporter.program.outputMatch(LISTENING);
}

/** Starts Prometheus with the shipped rules in short time and one job for each exporter. */
function startPrometheus(t: ExecutionContext, directory: string, exporters: readonly Exporter[]): Promise<Prometheus> {
  const rules = join(directory, 'rules.yml');
  const shipped = readFileSync(join(ROOT, 'config/prometheus/rules.yml'), 'utf8');
  writeFileSync(rules, scaleDurations(shipped, TIME_SCALE));
  const interval = `${INTERVAL_MS}ms`;
  return Prometheus.startWith(t, {
    global: {
      scrape_interval: interval,
      scrape_timeout: `${SCRAPE_TIMEOUT_MS}ms`,
      evaluation_interval: interval,
    },
    rule_files: [rules],
    scrape_configs: exporters.map(({ job, address }) => ({
      job_name: job,
      static_configs: [{ targets: [address] }],
    })),
  });
}
