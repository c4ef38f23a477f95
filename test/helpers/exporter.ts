// The whole exporter against the real simulator, both in this process and over HTTP, for one test each.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { loadSdk } from '../../src/acr/sdk.ts';
import { App, type AppDependencies } from '../../src/app/app.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { ScenarioInput } from '../../src/simulator/scenario.ts';
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts';
import { type Clock, systemClock } from '../../src/util/clock.ts';
import { createLogger, type LogFormat, type LogLevel } from '../../src/util/logger.ts';
import { Redactor } from '../../src/util/redactor.ts';
import { fetchCertificate } from '../../src/web/events/fetch-certificate.ts';
import { eventually } from './eventually.ts';
import { type ParsedPage, parsePage } from './exposition.ts';

export const KEY = { access_key_id: 'LTAI-test', access_key_secret: 'secret-of-the-tests' };

/** Labels of the tag `latest`, the only one of the usual configuration. */
export const LATEST = tagLabels('latest');

export type RunningSimulator = Simulator & {
  /** `127.0.0.1:PORT`. */
  readonly address: string;
  /** Listens again where it did before `close`. */
  readonly reopen: () => Promise<unknown>;
};

/** A configuration in the form of the file; JSON is YAML. */
export type ConfigurationInput = Readonly<Record<string, unknown>>;

export type ExporterOptions = {
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly enableLifecycle?: boolean;
  readonly telemetryPath?: string;
  readonly logLevel?: LogLevel;
  readonly logFormat?: LogFormat;
  readonly env?: Readonly<Record<string, string>>;
  readonly storage?: AppDependencies['storage'];
  readonly certificateOrigin?: (region: string) => string;
  /** Where the configuration file is to be; a new directory by default. */
  readonly directory?: string;
  /** Called with the exporter's URL when it listens and polling does not run yet. */
  readonly beforePolling?: (url: string) => Promise<void>;
  /** Called before a reload reads the file. */
  readonly beforeLoading?: () => Promise<void>;
};

export type Exporter = {
  readonly app: App;
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** Lines of the log so far. */
  readonly log: readonly string[];
  /** Replaces the configuration file; text is written as it is. */
  readonly write: (configuration: ConfigurationInput | string) => void;
  /** Scrapes and reads the page strictly. */
  readonly page: () => Promise<ParsedPage>;
  /** Scrapes until the page is as wanted, and gives that page. Fails the test if it never is. */
  readonly until: (what: string, wanted: (page: ParsedPage) => boolean) => Promise<ParsedPage>;
};

/** The SDK, once for all tests of a file. They read pages in the same process, which are larger than what the credentials package may read. */
const sdk = await loadSdk({ answerBounds: { maxBytes: Number.POSITIVE_INFINITY, timeoutMs: 600_000 } });

/** A simulator whose only key is {@link KEY}, with one instance `cri-1` of one repository unless the scenario says otherwise. */
export async function startSimulator(
  t: ExecutionContext,
  scenario: ScenarioInput = {},
  clock: Clock = systemClock,
): Promise<RunningSimulator> {
  const repository = { namespace: 'shop', name: 'api', id: 'crr-1', tags: [{ tag: 'latest', status: 'COMPLETE' }] };
  const usual = { keys: [KEY], instances: [{ id: 'cri-1', repositories: [repository] }] };
  const simulator = createSimulator({ scenario: { ...usual, ...scenario }, clock });
  const { address, port } = await simulator.listen('127.0.0.1', 0);
  t.teardown(() => simulator.close());
  return { ...simulator, address, reopen: () => simulator.listen('127.0.0.1', port) };
}

/** A configuration with {@link KEY} that polls fast and asks for nothing but the status; `parts` replace what it has at the top level. */
export function configurationFor(address: string, parts: ConfigurationInput = {}): ConfigurationInput {
  return {
    credentials: { type: 'access_key', ...KEY },
    rate_limit: { requests_per_second: 100, max_concurrent: 8 },
    request_timeout: '1h',
    intervals: { scanning: '400ms', complete: '400ms', failed: '400ms' },
    backoff: { initial: '100ms', max: '300ms' },
    vulnerabilities: false,
    instances: [instanceAt(address)],
    ...parts,
  };
}

/** An instance of a configuration; `parts` replace what it has. */
export function instanceAt(address: string, parts: ConfigurationInput = {}): ConfigurationInput {
  const repositories = [{ namespace: 'shop', name: 'api', id: 'crr-1', tags: ['latest'] }];
  return { id: 'cri-1', region: 'cn-hangzhou', endpoint: `http://${address}`, repositories, ...parts };
}

/** The labels of a tag of the usual repository. */
export function tagLabels(tag: string) {
  return { instance_id: 'cri-1', repo_namespace: 'shop', repo_name: 'api', tag };
}

/** An empty directory that goes when the test ends. */
export function temporaryDirectory(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'acr-scan-exporter-test-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Starts the exporter; resolves when polling runs. */
export async function startExporter(
  t: ExecutionContext,
  configuration: ConfigurationInput | string,
  options: ExporterOptions = {},
): Promise<Exporter> {
  const file = join(options.directory ?? temporaryDirectory(t), 'config.yml');
  const write = (content: ConfigurationInput | string) =>
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content, undefined, 2));
  write(configuration);
  const log: string[] = [];
  const app = createExporter(file, log, options);
  t.teardown(() => app.stop());
  const { addresses } = await app.start();
  const url = `http://${addresses[0]}`;
  const page = () => scrape(`${url}${options.telemetryPath ?? '/metrics'}`);
  const until: Exporter['until'] = (what, wanted) =>
    eventually(
      what,
      async () => {
        const found = await page();
        return wanted(found) ? found : undefined;
      },
      () => log.slice(-10).join(''),
    );
  return { app, url, log, write, page, until };
}

function createExporter(file: string, log: string[], options: ExporterOptions): App {
  const redactor = new Redactor();
  const { logLevel: level = 'debug', logFormat: format = 'logfmt' } = options;
  return new App(loadConfig(file), {
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
    logger: createLogger({ level, format, redactor, write: (line) => log.push(line) }),
    droppedLogLines: () => 0,
    redactor,
    env: options.env ?? {},
    loadConfig: async () => {
      await options.beforeLoading?.();
      return loadConfig(file);
    },
    loadSdk: async () => {
      await options.beforePolling?.(`http://${/address=(\S+)/.exec(log.join(''))?.[1]}`);
      return sdk;
    },
    storage: options.storage,
    listenAddresses: [{ host: '127.0.0.1', port: 0 }],
    externalUrl: '',
    routePrefix: '',
    telemetryPath: options.telemetryPath ?? '/metrics',
    webSettings: undefined,
    fetchCertificate,
    ...(options.certificateOrigin !== undefined && { certificateOrigin: options.certificateOrigin }),
    processMetrics: false,
    enableLifecycle: options.enableLifecycle ?? false,
    build: { version: '1.2.3', revision: 'abc', nodeVersion: 'v20' },
  });
}

/** The parsed page at a URL. */
export async function scrape(url: string): Promise<ParsedPage> {
  const response = await fetch(url);
  if (response.status !== 200) throw new Error(`expected 200 from ${url}, found ${response.status}`);
  return parsePage(await response.text());
}
