// The command line of the simulator: flags, the scenario file, signals, exit status.
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { systemClock } from '../util/clock.ts';
import { escapeInvisible, inQuotes } from '../util/invisible.ts';
import { createLogger, LOG_FORMATS, type LogFormat, type Logger } from '../util/logger.ts';
import { Redactor } from '../util/redactor.ts';
import type { ScenarioInput } from './scenario.ts';
import { loadScenario } from './scenario-file.ts';
import { createSimulator, type Simulator } from './simulator.ts';

const DEFAULT_ADDRESS = '127.0.0.1:20182';
const DEFAULT_SEED = '1';
const MOST_PROBLEMS = 100;

const HELP = `Usage: acr-simulator [FLAGS]

An API of Alibaba Cloud Container Registry (2018-12-01) on this machine, for demos and tests.

  --listen-address=[HOST]:PORT  where to listen (default ${DEFAULT_ADDRESS}; without HOST on 127.0.0.1; port 0 picks a free one)
  --scenario=FILE               what to simulate, see docs/simulator.md (default: a small registry)
  --seed=N                      a whole number that everything random follows from (default ${DEFAULT_SEED})
  --log.format=logfmt|json      (default logfmt)
  --help, --version
`;

/** The program's surroundings. */
export type Surroundings = {
  readonly argv: readonly string[];
  readonly version: string;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** Aborted when it is to stop. */
  readonly stop: AbortSignal;
};

type Settings = {
  readonly host: string;
  readonly port: number;
  readonly scenarioFile: string | undefined;
  readonly seed: number;
  readonly logFormat: LogFormat;
};

class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * Runs the simulator until it is told to stop.
 *
 * @returns the exit status: 0 after a clean stop, 1 when it cannot run, 2 for a usage error
 */
export async function main({ argv, version, stdout, stderr, stop }: Surroundings): Promise<number> {
  try {
    const settings = readFlags(argv);
    if (settings === 'help') stdout(HELP);
    else if (settings === 'version') stdout(`acr-simulator ${version}\n`);
    else return await run(settings, stderr, stop);
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    stderr(`acr-simulator: ${error.message} (see --help)\n`);
    return 2;
  }
}

async function run(settings: Settings, stderr: Surroundings['stderr'], stop: AbortSignal): Promise<number> {
  const scenario = await readScenario(settings.scenarioFile, stderr);
  if (!scenario) return 1;
  const redactor = new Redactor();
  for (const { access_key_secret: secret, security_token: token } of scenario.keys ?? []) {
    redactor.add(secret);
    if (token !== undefined) redactor.add(token);
  }
  const logger = createLogger({ level: 'info', format: settings.logFormat, redactor, write: stderr });
  const simulator = createSimulator({ scenario, seed: settings.seed, clock: systemClock });
  return serve(simulator, settings, logger, stop);
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

/** The scenario, or undefined after its problems were written. */
async function readScenario(
  file: string | undefined,
  stderr: Surroundings['stderr'],
): Promise<ScenarioInput | undefined> {
  if (file === undefined) return {};
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file));
  } catch (error) {
    const found = error instanceof TypeError ? 'something else' : `${(error as NodeJS.ErrnoException).code}`;
    stderr(`${file}: expected a readable file in UTF-8, found ${found}\n`);
    return undefined;
  }
  const { scenario, problems } = loadScenario(text, file);
  for (const problem of problems?.slice(0, MOST_PROBLEMS) ?? []) stderr(`${problem}\n`);
  if (problems && problems.length > MOST_PROBLEMS) stderr(`… and ${problems.length - MOST_PROBLEMS} more problems\n`);
  return scenario;
}

function readFlags(argv: readonly string[]): Settings | 'help' | 'version' {
  const values = parseFlags(argv);
  if (values.help) return 'help';
  if (values.version) return 'version';
  return {
    ...readAddress(values['listen-address'] ?? DEFAULT_ADDRESS),
    scenarioFile: values.scenario,
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
        seed: { type: 'string' },
        'log.format': { type: 'string' },
        help: { type: 'boolean' },
        version: { type: 'boolean' },
      },
    });
    return values;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new UsageError(escapeInvisible(message.replaceAll('\n', ' ')));
  }
}

function readAddress(written: string): { host: string; port: number } {
  const match = /^(?:\[([\da-fA-F:.%\w]+)\]|([^\s:[\]]*)):(\d{1,5})$/.exec(written);
  const port = Number(match?.[3]);
  if (!match || port > 65_535) {
    throw new UsageError(`--listen-address: expected [HOST]:PORT, found ${inQuotes(written)}`);
  }
  return { host: match[1] || match[2] || '127.0.0.1', port };
}

function readSeed(written: string): number {
  const seed = /^\d{1,15}$/.test(written) ? Number(written) : undefined;
  if (seed === undefined) throw new UsageError(`--seed: expected a whole number, found ${inQuotes(written)}`);
  return seed;
}

function readLogFormat(written: string): LogFormat {
  const format = LOG_FORMATS.find((each) => each === written);
  if (!format) {
    throw new UsageError(`--log.format: expected one of ${LOG_FORMATS.join(', ')}, found ${inQuotes(written)}`);
  }
  return format;
}
