// The command line of the simulator: flags, the scenario file, signals, exit status.
import { parseArgs } from 'node:util';
import { systemClock } from '../util/clock.ts';
import { escapeInvisible, inQuotes } from '../util/invisible-characters.ts';
import { parseListenAddress } from '../util/listen-address.ts';
import { createLogger, LOG_FORMATS, type LogFormat, type Logger } from '../util/logger.ts';
import { Redactor } from '../util/redactor.ts';
import { ConfigError, formatProblems } from '../util/yaml/problems.ts';
import { readText } from '../util/yaml/read-text.ts';
import { ScenarioError } from './check-scenario.ts';
import { changedDelivery, type DeliverySettings } from './event-settings.ts';
import { parseScenario, type Scenario } from './scenario.ts';
import { type Simulator, simulate } from './simulator.ts';

const DEFAULT_ADDRESS = '127.0.0.1:20182';
const DEFAULT_SEED = '1';

const HELP = `Usage: acr-simulator [FLAGS]

An API of Alibaba Cloud Container Registry (2018-12-01) on this machine, for demos and tests.

  --listen-address=[HOST]:PORT  where to listen (default ${DEFAULT_ADDRESS}; without HOST on 127.0.0.1; port 0 picks a free one)
  --scenario=FILE               what to simulate, see docs/simulator.md (default: a small registry)
  --events-to=URL               sends events to this URL, in place of the one in the scenario
  --seed=N                      a whole number that everything random follows from (default ${DEFAULT_SEED})
  --log.format=logfmt|json      (default logfmt)
  --help, --version
`;

/** What the process gives to the program. */
type ProcessParts = {
  readonly argv: readonly string[];
  readonly version: string;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** Its abort ends the program. */
  readonly stop: AbortSignal;
};

type Settings = {
  readonly host: string;
  readonly port: number;
  readonly scenarioFile: string | undefined;
  readonly eventsTo: string | undefined;
  readonly seed: number;
  readonly logFormat: LogFormat;
};

class CommandLineError extends Error {
  override readonly name = 'UsageError';
}

/**
 * Runs the simulator until `stop` is aborted.
 *
 * @returns the exit status: 0 after a clean stop, 1 when it cannot run, 2 for a usage error
 */
export async function main({ argv, version, stdout, stderr, stop }: ProcessParts): Promise<number> {
  try {
    const settings = readFlags(argv);
    if (settings === 'help') stdout(HELP);
    else if (settings === 'version') stdout(`acr-simulator ${version}\n`);
    else return await run(settings, stderr, stop);
    return 0;
  } catch (error) {
    if (!(error instanceof CommandLineError)) throw error;
    stderr(`acr-simulator: ${error.message} (see --help)\n`);
    return 2;
  }
}

async function run(settings: Settings, stderr: ProcessParts['stderr'], stop: AbortSignal): Promise<number> {
  const { scenarioFile, eventsTo, seed } = settings;
  const redactor = new Redactor();
  const logger = createLogger({ level: 'info', format: settings.logFormat, redactor, write: stderr });
  let scenario: Scenario;
  try {
    scenario = scenarioFile === undefined ? parseScenario('', '') : parseScenario(readText(scenarioFile), scenarioFile);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const line of formatProblems(error.problems)) stderr(`${line}\n`);
    return 1;
  }
  if (eventsTo !== undefined) scenario = { ...scenario, events: deliveryTo(eventsTo, scenario.events) };
  for (const { access_key_secret: secret, security_token: token } of scenario.keys) {
    redactor.add(secret);
    if (token !== undefined) redactor.add(token);
  }
  if (scenario.events?.token !== undefined) redactor.add(scenario.events.token);
  return serve(simulate(scenario, { seed, clock: systemClock }), settings, logger, stop);
}

function deliveryTo(to: string, settings: DeliverySettings | undefined): DeliverySettings {
  try {
    return changedDelivery(settings, { to });
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error;
    throw new CommandLineError(error.problems.join('; ').replaceAll('events.to:', '--events-to:'));
  }
}

async function serve(
  simulator: Simulator,
  { host, port, seed }: Settings,
  logger: Logger,
  stop: AbortSignal,
): Promise<number> {
  try {
    const { address } = await simulator.listen(host, port);
    logger.info('listening', { address, seed, tags: simulator.tagCount() });
  } catch (error) {
    logger.error('cannot listen', { error: error instanceof Error ? error.message : String(error) });
    return 1;
  }
  if (!stop.aborted) await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }));
  await simulator.close();
  logger.info('stopped');
  return 0;
}

function readFlags(argv: readonly string[]): Settings | 'help' | 'version' {
  const values = parseFlags(argv);
  if (values.help) return 'help';
  if (values.version) return 'version';
  return {
    ...readAddress(values['listen-address'] ?? DEFAULT_ADDRESS),
    scenarioFile: values.scenario,
    eventsTo: values['events-to'],
    seed: readSeed(values.seed ?? DEFAULT_SEED),
    logFormat: readLogFormat(values['log.format'] ?? 'logfmt'),
  };
}

function parseFlags(argv: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        'listen-address': { type: 'string' },
        scenario: { type: 'string' },
        'events-to': { type: 'string' },
        seed: { type: 'string' },
        'log.format': { type: 'string' },
        help: { type: 'boolean' },
        version: { type: 'boolean' },
      },
    });
    return values;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new CommandLineError(escapeInvisible(message.replaceAll('\n', ' ')));
  }
}

function readAddress(written: string): { host: string; port: number } {
  const address = parseListenAddress(written);
  if (!address) throw new CommandLineError(`--listen-address: expected [HOST]:PORT, found ${inQuotes(written)}`);
  return { host: address.host ?? '127.0.0.1', port: address.port };
}

function readSeed(written: string): number {
  const seed = /^\d{1,15}$/.test(written) ? Number(written) : undefined;
  if (seed === undefined) throw new CommandLineError(`--seed: expected a whole number, found ${inQuotes(written)}`);
  return seed;
}

function readLogFormat(written: string): LogFormat {
  const format = LOG_FORMATS.find((each) => each === written);
  if (!format) {
    throw new CommandLineError(`--log.format: expected one of ${LOG_FORMATS.join(', ')}, found ${inQuotes(written)}`);
  }
  return format;
}
