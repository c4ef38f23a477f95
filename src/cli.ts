// Executes the command line: help, version, check, or the exporter until a signal stops it.
import { randomUUID } from 'node:crypto';
import { constants } from 'node:os';
import type { App, AppDependencies } from './app/app.ts';
import type { BuildInfo } from './build-info.ts';
import type { Config } from './config/config.ts';
import { ConfigFile } from './config/config-file.ts';
import { missingSecrets, presentIn } from './config/credential-files.ts';
import type { CommandSurroundings } from './config-commands.ts';
import { helpText, type Options, readOptions, UsageError } from './flags.ts';
import type { ReplicasSettings } from './model/replicas.ts';
import { systemClock } from './util/clock.ts';
import type { LogOutput } from './util/log-output.ts';
import { createLogger, type Logger } from './util/logger.ts';
import { openFilesAdvice } from './util/open-files-limit.ts';
import { Redactor } from './util/redactor.ts';
import { systemdSockets } from './util/systemd-sockets.ts';
import { ConfigError, formatProblems, loadTogether } from './util/yaml/problems.ts';
import type { WebConfigWatcher } from './web/access/web-config-watcher.ts';
import { FIXED_PATHS } from './web/assets.ts';

/** What the program uses of its process. */
export type Surroundings = {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
  readonly nodeVersion: string;
  readonly hostName: string;
  readonly build: BuildInfo;
  /** How much more memory the process may use, in bytes. */
  readonly freeMemory: () => number;
  /** The limit of the old generation of the heap, in bytes. */
  readonly heapBytes: number;
  readonly stdout: (text: string) => void;
  /** Standard error: the log, and problems of the command line or a file. */
  readonly log: LogOutput;
  /** Calls back with an uncaught error of the exporter itself, right before the process ends. */
  readonly onDefect: (callback: (error: unknown) => void) => void;
  /** Calls back with each text that a package or Node.js itself would write to the console. */
  readonly onNotice: (callback: (text: string) => void) => void;
  /** Calls back for each signal from now on. */
  readonly onSignal: (callback: (signal: NodeJS.Signals) => void) => void;
};

const CANNOT_RUN = 1;
const USAGE = 2;
/** Plus the signal's number. */
const SIGNALLED = 128;

/** Runs the program. Resolves with its exit status; never rejects for a problem that a user can fix. */
export async function run(given: Surroundings): Promise<number> {
  // The configuration names variables. Without a prototype, there is none that is called `constructor`.
  const env: Surroundings['env'] = Object.assign(Object.create(null), given.env);
  const surroundings = { ...given, env };
  const { argv, freeMemory, stdout, log, build, nodeVersion } = surroundings;
  const stderr = (text: string) => log.write(text);
  try {
    const options = readOptions({ argv, env }, FIXED_PATHS);
    if (options.help) stdout(helpText());
    else if (options.version)
      stdout(`acr-scan-exporter ${build.version} (revision ${build.revision || 'unknown'}, node ${nodeVersion})\n`);
    else if (options.configPrintRamPolicy || options.configCheck || options.configCheckOnline)
      return await Promise.race([runCommand(options, { env, freeMemory, stdout, stderr }), interrupted(surroundings)]);
    else return await serve(options, surroundings);
    return 0;
  } catch (error) {
    if (error instanceof UsageError) {
      stderr(`acr-scan-exporter: ${error.message} (--help lists the flags)\n`);
      return USAGE;
    }
    const problems =
      error instanceof ConfigError ? formatProblems(error.problems) : [`acr-scan-exporter: ${describe(error)}`];
    stderr(`${problems.join('\n')}\n`);
    return CANNOT_RUN;
  }
}

async function runCommand(options: Options, surroundings: CommandSurroundings): Promise<number> {
  const { checkConfig, printRamPolicy } = await import('./config-commands.ts');
  return options.configPrintRamPolicy ? printRamPolicy(options, surroundings) : checkConfig(options, surroundings);
}

/** Resolves with the exit status of the first signal. */
function interrupted({ onSignal }: Surroundings): Promise<number> {
  return new Promise((resolve) => onSignal((signal) => resolve(statusOf(signal))));
}

function statusOf(signal: NodeJS.Signals): number {
  return SIGNALLED + constants.signals[signal];
}

async function serve(options: Options, surroundings: Surroundings): Promise<number> {
  const { env, log, build, nodeVersion, onSignal } = surroundings;
  const redactor = new Redactor();
  const logger = createLog(options, surroundings, redactor);
  const signals = new SignalHandler(onSignal);
  const { autoReloadIntervalMs } = options;
  const configFile = new ConfigFile(options.configFile, surroundings.freeMemory, surroundings.heapBytes);
  // The worker parses the file while this thread loads the rest of the program.
  const loading = loadTogether([
    () => configFile.load(),
    () => loadWebSettings(options, logger),
    () => createStorage(options, surroundings, logger),
    () => import('./app/app.ts'),
  ]);
  const loaded = await Promise.race([loading, signals.firstStop]);
  if (typeof loaded === 'string') {
    logger.info('stopping', { signal: loaded });
    return 0;
  }
  const [config, webSettings, storage, { App }] = loaded;
  const createReplica = config.replicas && (await loadReplica(config.replicas, surroundings, logger, redactor));
  void warnOfMissingSecrets(config, env, logger);
  const app = new App(config, {
    clock: systemClock,
    random: Math.random,
    logger,
    droppedLogLines: () => log.dropped,
    redactor,
    env,
    loadConfig: () => configFile.load(),
    autoReload: autoReloadIntervalMs === undefined ? undefined : { file: configFile, intervalMs: autoReloadIntervalMs },
    loadSdk: async () => (await import('./acr/sdk.ts')).loadSdk(),
    storage,
    createReplica,
    listenAddresses: options.systemdSocket ? systemdSockets(env, surroundings.pid) : options.listenAddresses,
    externalUrl: options.externalUrl,
    routePrefix: options.routePrefix,
    telemetryPath: options.telemetryPath,
    webSettings,
    fetchCertificate: async (url) => (await import('./web/events/fetch-certificate.ts')).fetchCertificate(url),
    processMetrics: true,
    enableLifecycle: options.enableLifecycle,
    build: { ...build, nodeVersion },
  });
  const started = app.start();
  signals.onReload(() => {
    void app.reload();
  });
  const signal = await Promise.race([signals.firstStop, failureOf(started, app)]);
  logger.info('stopping', { signal });
  return Promise.race([app.stop().then(() => 0), signals.secondStop.then(statusOf)]);
}

/** Creates the logger, which also logs lost lines, what packages write, and an error that ends the process. */
function createLog(
  { logLevel: level, logFormat: format }: Options,
  { log, onDefect, onNotice }: Surroundings,
  redactor: Redactor,
): Logger {
  const logger = createLogger({ level, format, redactor, write: (line) => log.write(line) });
  onDefect((error) => {
    const stack = error instanceof Error ? error.stack : undefined;
    logger.error('ended by an error of the exporter itself', { error: stack ?? String(error) });
  });
  onNotice((text) => logger.warn('a message of a package or of Node.js', { text }));
  log.onResumed = (lines) => logger.warn('log lines lost: their reader did not keep up', { lines });
  return logger;
}

/** SIGHUP asks for a reload, any other signal for a stop. */
class SignalHandler {
  readonly firstStop: Promise<NodeJS.Signals>;
  /** Ends the process at once, before the stop is complete. */
  readonly secondStop: Promise<NodeJS.Signals>;
  readonly #stops: ((signal: NodeJS.Signals) => void)[] = [];
  #reload: (() => void) | undefined;
  #isReloadAsked = false;

  constructor(onSignal: Surroundings['onSignal']) {
    const nextStop = () => new Promise<NodeJS.Signals>((resolve) => this.#stops.push(resolve));
    this.firstStop = nextStop();
    this.secondStop = nextStop();
    onSignal((signal) => {
      if (signal !== 'SIGHUP') this.#stops.shift()?.(signal);
      else if (this.#reload === undefined) this.#isReloadAsked = true;
      else this.#reload();
    });
  }

  /** Sets what reloads. Calls it at once if a signal came before: the file may have changed after it was read. */
  onReload(reload: () => void): void {
    this.#reload = reload;
    if (this.#isReloadAsked) reload();
  }
}

async function warnOfMissingSecrets(config: Config, env: Surroundings['env'], logger: Logger): Promise<void> {
  const missing = await missingSecrets(config, presentIn(env));
  const keys = missing.map(({ key, reason }) => `${key}: ${reason}`);
  if (keys.length > 0) logger.warn('secrets are missing', { count: keys.length, missing: keys.join(', ') });
}

/** Rejects when the start fails, after the storage was given back; never resolves. */
async function failureOf(started: Promise<unknown>, app: App): Promise<never> {
  try {
    await started;
  } catch (error) {
    await app.stop();
    throw error;
  }
  return new Promise<never>(() => {});
}

/** Loads the code for web configuration files only when there is one: it delays the start. */
async function loadWebSettings(
  { webConfigFile: file }: Options,
  logger: Logger,
): Promise<WebConfigWatcher | undefined> {
  if (file === undefined) return undefined;
  const { WebConfigWatcher } = await import('./web/access/web-config-watcher.ts');
  return new WebConfigWatcher(file, { clock: systemClock, logger });
}

/** Loads the code for storage only when it is used. */
async function createStorage(
  { storagePath: directory, storageIntervalMs: intervalMs }: Options,
  { pid, build }: Surroundings,
  logger: Logger,
): Promise<AppDependencies['storage']> {
  if (directory === undefined) return undefined;
  const { SnapshotFile } = await import('./storage/snapshot-file.ts');
  const place = new SnapshotFile({ directory, pid, exporterVersion: build.version, clock: systemClock, logger });
  return { place, intervalMs };
}

/** Loads the code for replicas, and the client of Redis, only when they are used. */
async function loadReplica(
  settings: ReplicasSettings,
  { env, hostName }: Surroundings,
  logger: Logger,
  redactor: Redactor,
): Promise<AppDependencies['createReplica']> {
  const [{ Replica }, { readRedisUrl }] = await Promise.all([
    import('./app/replica.ts'),
    import('./app/redis-url-reader.ts'),
  ]);
  const redisUrl = () => readRedisUrl(settings, { env, redactor });
  return (parts) =>
    new Replica({ ...parts, settings, redisUrl, id: randomUUID(), host: hostName, clock: systemClock, logger });
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const advice = openFilesAdvice(error);
  if (advice !== undefined) return advice;
  if ('code' in error && error.code === 'EADDRINUSE') return `${error.message}: choose another --web.listen-address`;
  return error.message;
}
