// The command line of acr-scan-exporter: one table gives parsing, environment variables and the help text.
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { formatDuration, parseDuration } from './util/duration.ts';
import { parseExternalUrl, parseRoutePrefix, pathOf } from './util/external-url.ts';
import { escapeInvisible, inQuotes } from './util/invisible-characters.ts';
import { type ListenAddress, parseListenAddress } from './util/listen-address.ts';
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from './util/logger.ts';

type FlagType = 'text' | 'switch';

/** One flag. `value` is its argument in the help text. */
export type FlagSpecification = {
  readonly type: FlagType;
  readonly value?: string;
  readonly default?: string;
  readonly help: string;
  /** May be given several times; in the environment variable, commas separate the values. */
  readonly repeatable?: true;
  /** Without an environment variable. */
  readonly commandLineOnly?: true;
};

export const FLAGS = {
  'config.file': {
    type: 'text',
    value: 'PATH',
    default: 'config/acr-scan-exporter.yml',
    help: 'The configuration file.',
  },
  'config.check': {
    type: 'switch',
    commandLineOnly: true,
    help: 'Validate the configuration file, print the poll plan and exit.',
  },
  'config.check.online': {
    type: 'switch',
    commandLineOnly: true,
    help: 'Check the file, and also try the credentials, each repository, and Redis once.',
  },
  'config.print-ram-policy': {
    type: 'switch',
    commandLineOnly: true,
    help: 'Print the RAM policy with the fewest permissions that the file needs and exit.',
  },
  'config.enable-auto-reload': {
    type: 'switch',
    help: 'Reload the configuration file when its content has changed.',
  },
  'config.auto-reload-interval': {
    type: 'text',
    value: 'DURATION',
    default: '30s',
    help: 'How often to look whether it has.',
  },
  'web.listen-address': {
    type: 'text',
    value: '[HOST]:PORT',
    default: ':20181',
    repeatable: true,
    help: 'The address to listen on. Port 0 means a free port; IPv6 hosts are in brackets; localhost is 127.0.0.1 and ::1.',
  },
  'web.systemd-socket': {
    type: 'switch',
    help: 'Listen on the sockets that systemd hands over, instead of --web.listen-address.',
  },
  'web.external-url': {
    type: 'text',
    value: 'URL',
    help: 'The URL under which the exporter is reached from outside, for example through a reverse proxy. Its path is the default of --web.route-prefix.',
  },
  'web.route-prefix': {
    type: 'text',
    value: 'PATH',
    help: 'The prefix of all paths that the exporter serves. Default: the path of --web.external-url. / for a proxy that removes the path.',
  },
  'web.telemetry-path': {
    type: 'text',
    value: 'PATH',
    default: '/metrics',
    help: 'The path of the metrics, after the prefix.',
  },
  'web.config.file': {
    type: 'text',
    value: 'PATH',
    help: "TLS and authentication, in the format of Prometheus' exporter-toolkit.",
  },
  'web.enable-lifecycle': {
    type: 'switch',
    help: 'Allow reloading the configuration with POST /-/reload.',
  },
  'storage.path': {
    type: 'text',
    value: 'DIR',
    help: 'The directory in which the state of the tags is kept over restarts. Without it nothing is kept.',
  },
  'storage.interval': {
    type: 'text',
    value: 'DURATION',
    default: '30s',
    help: 'How often changes are saved there.',
  },
  'log.level': {
    type: 'text',
    value: LOG_LEVELS.join('|'),
    default: 'info',
    help: 'The lowest level that is logged.',
  },
  'log.format': {
    type: 'text',
    value: LOG_FORMATS.join('|'),
    default: 'logfmt',
    help: 'The format of the log, which goes to standard error.',
  },
  version: { type: 'switch', commandLineOnly: true, help: 'Print the version and exit.' },
  help: { type: 'switch', commandLineOnly: true, help: 'Print this text and exit; so does -h.' },
} as const satisfies Record<string, FlagSpecification>;

/** The shortest time between two saves, or between two looks at the configuration file. */
const MIN_INTERVAL_MS = 1_000;

type FlagName = keyof typeof FLAGS;

/** The options from the command line and the environment. */
export type Options = {
  readonly configFile: string;
  readonly configCheck: boolean;
  readonly configCheckOnline: boolean;
  readonly configPrintRamPolicy: boolean;
  /** The time between two looks at the configuration file. Undefined: it is not watched. */
  readonly autoReloadIntervalMs: number | undefined;
  readonly listenAddresses: readonly ListenAddress[];
  /** Whether systemd gives the sockets, and not the addresses. */
  readonly systemdSocket: boolean;
  /** `https://example.com/acr`, `/acr`, or empty: without a slash at the end. */
  readonly externalUrl: string;
  /** `/acr`, or empty. */
  readonly routePrefix: string;
  readonly telemetryPath: string;
  readonly webConfigFile: string | undefined;
  readonly enableLifecycle: boolean;
  /** Undefined: nothing is kept over restarts. */
  readonly storagePath: string | undefined;
  readonly storageIntervalMs: number;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  readonly version: boolean;
  readonly help: boolean;
};

/** An invalid command line. The message says what was expected and what was found. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

type Sources = { readonly argv: readonly string[]; readonly env: Readonly<Record<string, string | undefined>> };

/**
 * Reads the options. A flag beats its environment variable, which beats the default.
 *
 * @param takenPaths paths that the telemetry path must not be
 * @throws {UsageError}
 */
export function readOptions({ argv, env: environment }: Sources, takenPaths: readonly string[]): Options {
  // --help and --version work even if something else is wrong.
  const flags = argv.some((argument) => argument === '--help' || argument === '-h') ? { help: true } : parseFlags(argv);
  const env = flags.help || flags.version ? {} : environment;
  const text = (name: FlagName): Setting => {
    const flag = flags[name];
    if (typeof flag === 'string') return { value: flag, origin: `--${name}` };
    const variable = variableOf(name);
    const { default: fallback = '' }: FlagSpecification = FLAGS[name];
    const fromEnvironment = env[variable];
    return fromEnvironment ? { value: fromEnvironment, origin: variable } : { value: fallback, origin: `--${name}` };
  };
  const texts = (name: FlagName): Setting[] => {
    const given = flags[name];
    if (Array.isArray(given)) return given.map((each) => ({ value: String(each), origin: `--${name}` }));
    const { value, origin } = text(name);
    return value.split(',').map((each) => ({ value: each.trim(), origin }));
  };
  if (flags['config.print-ram-policy'] && (flags['config.check'] || flags['config.check.online'])) {
    throw new UsageError('expected --config.print-ram-policy or --config.check, found both');
  }
  const externalUrl = readExternalUrl(text('web.external-url'));
  const isOn = (name: FlagName): boolean => {
    const given = flags[name];
    return typeof given === 'boolean' ? given : readSwitch(name, env);
  };
  const autoReloadIntervalMs = readInterval(text('config.auto-reload-interval'));
  return {
    configFile: notEmpty(text('config.file')),
    configCheck: flags['config.check'] === true,
    configCheckOnline: flags['config.check.online'] === true,
    configPrintRamPolicy: flags['config.print-ram-policy'] === true,
    autoReloadIntervalMs: isOn('config.enable-auto-reload') ? autoReloadIntervalMs : undefined,
    listenAddresses: readListenAddresses(texts('web.listen-address')),
    systemdSocket: isOn('web.systemd-socket'),
    externalUrl,
    routePrefix: readRoutePrefix(text('web.route-prefix'), externalUrl),
    telemetryPath: readTelemetryPath(text('web.telemetry-path'), takenPaths),
    webConfigFile: text('web.config.file').value || undefined,
    enableLifecycle: isOn('web.enable-lifecycle'),
    storagePath: text('storage.path').value || undefined,
    storageIntervalMs: readInterval(text('storage.interval')),
    logLevel: oneOf(text('log.level'), LOG_LEVELS),
    logFormat: oneOf(text('log.format'), LOG_FORMATS),
    version: flags.version === true,
    help: flags.help === true,
  };
}

/** The help text. */
export function helpText(): string {
  const rows = Object.entries<FlagSpecification>(FLAGS).map(
    ([name, { value, default: fallback, help, repeatable, commandLineOnly }]) => {
      const lines = [`  --${name}${value === undefined ? '' : `=${value}`}`, `        ${help}`];
      if (fallback !== undefined) lines.push(`        Default: ${fallback}`);
      if (repeatable) lines.push('        May be repeated; in the environment variable, commas separate the values.');
      if (commandLineOnly === undefined) lines.push(`        Environment: ${variableOf(name)}`);
      return lines.join('\n');
    },
  );
  return `Usage: acr-scan-exporter [FLAGS]

Exports the image scans of Alibaba Cloud Container Registry to Prometheus.

${rows.join('\n')}
`;
}

/** The environment variable of a flag: `ACR_SCAN_EXPORTER_WEB_LISTEN_ADDRESS` for `web.listen-address`. */
export function variableOf(flag: string): string {
  return `ACR_SCAN_EXPORTER_${flag.toUpperCase().replace(/[.-]/g, '_')}`;
}

/** A value and where it came from, for messages. */
type Setting = { readonly value: string; readonly origin: string };

function parseFlags(argv: readonly string[]): ReturnType<typeof parseArgs>['values'] {
  const options: NonNullable<ParseArgsConfig['options']> = {};
  for (const [name, { type, repeatable = false }] of Object.entries<FlagSpecification>(FLAGS)) {
    options[name] = { type: type === 'switch' ? 'boolean' : 'string', multiple: repeatable };
  }
  try {
    return parseArgs({ args: [...argv], options, strict: true, allowPositionals: false, allowNegative: true }).values;
  } catch (error) {
    const [reason = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    throw new UsageError(escapeInvisible(reason));
  }
}

function readSwitch(name: FlagName, env: Sources['env']): boolean {
  const variable = variableOf(name);
  const value = env[variable] || 'false';
  return oneOf({ value, origin: variable }, ['true', 'false']) === 'true';
}

function notEmpty({ value, origin }: Setting): string {
  if (value === '') throw new UsageError(`${origin}: expected a path, found nothing`);
  return value;
}

function readListenAddresses(settings: readonly Setting[]): ListenAddress[] {
  const known = new Set<string>();
  return settings.map(({ value, origin }) => {
    const address = parseListenAddress(value);
    if (address === undefined) {
      const hint = /^\d+$/.test(value) ? ` (did you mean ${inQuotes(`:${value}`)}?)` : '';
      throw new UsageError(`${origin}: expected [HOST]:PORT, found ${inQuotes(value)}${hint}`);
    }
    // Port 0 is another port each time.
    if (address.port !== 0 && known.has(value))
      throw new UsageError(`${origin}: expected different addresses, found ${inQuotes(value)} twice`);
    known.add(value);
    return address;
  });
}

function readExternalUrl({ value, origin }: Setting): string {
  if (value === '') return '';
  const url = parseExternalUrl(value);
  if (url !== undefined) return url;
  const expected = 'http://HOST/PATH, https://HOST/PATH or /PATH, without user, query and fragment';
  // A password before the host is not repeated.
  throw new UsageError(`${origin}: expected ${expected}, found ${inQuotes(value.replace(/\/\/.*@/, '//…@'))}`);
}

function readRoutePrefix({ value, origin }: Setting, externalUrl: string): string {
  const prefix = parseRoutePrefix(value || pathOf(externalUrl));
  if (prefix !== undefined) return prefix;
  const expected = `${origin}: expected a path of letters, digits and ._~!$&()*+,;=:@-`;
  if (value !== '') throw new UsageError(`${expected}, found ${inQuotes(value)}`);
  throw new UsageError(`${expected}, found ${inQuotes(pathOf(externalUrl))}, the path of --web.external-url`);
}

function readTelemetryPath({ value, origin }: Setting, takenPaths: readonly string[]): string {
  // Clients remove dot segments from a path before they send it.
  const isReachable = value
    .slice(1)
    .split('/')
    .every((segment) => /^[\w.~-]+$/.test(segment) && !/^\.{1,2}$/.test(segment));
  if (!value.startsWith('/') || !isReachable || takenPaths.includes(value)) {
    const expected = `a path that starts with / and is not ${takenPaths.join(', ')}`;
    throw new UsageError(`${origin}: expected ${expected}, found ${inQuotes(value)}`);
  }
  return value;
}

function readInterval({ value, origin }: Setting): number {
  const ms = parseDuration(value);
  if (ms !== undefined && ms >= MIN_INTERVAL_MS) return ms;
  throw new UsageError(
    `${origin}: expected a duration of at least ${formatDuration(MIN_INTERVAL_MS)}, found ${inQuotes(value)}`,
  );
}

function oneOf<Value extends string>({ value, origin }: Setting, values: readonly Value[]): Value {
  const found = values.find((each) => each === value);
  if (found === undefined) throw new UsageError(`${origin}: expected ${values.join(', ')}, found ${inQuotes(value)}`);
  return found;
}
