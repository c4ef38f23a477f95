// Logs each event in one line: JSON by pino, or logfmt. Secrets are removed from the finished line, wherever they come from.
import { type Logger as PinoLogger, pino } from 'pino';
import { escapeInvisible, inQuotes } from './invisible-characters.ts';
import type { Redactor } from './redactor.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export const LOG_FORMATS = ['logfmt', 'json'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFormat = (typeof LOG_FORMATS)[number];

/** The fields of an event: flat, snake_case. Undefined values are omitted. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Every method writes one line at once. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export type LoggerOptions = {
  readonly level: LogLevel;
  readonly format: LogFormat;
  readonly redactor: Redactor;
  /** Takes finished lines, each ending in a newline. */
  readonly write: (line: string) => void;
};

/** A logger that writes lines such as `ts=2026-01-31T08:15:00.000Z level=info msg="listening" address=127.0.0.1:20181`. */
export function createLogger({ level, format, redactor, write }: LoggerOptions): Logger {
  const writeLine = (line: string) => write(`${redactor.redact(line)}\n`);
  const log: PinoLogger = pino(
    {
      level,
      base: null,
      timestamp: () => `,"ts":"${timestamp()}"`,
      formatters: { level: (label: string) => ({ level: label }) },
    },
    { write: (json: string) => writeLine(escapeInvisible(json.trimEnd())) },
  );
  const methodOf =
    (label: LogLevel) =>
    (message: string, fields: LogFields = {}) => {
      if (format === 'json') log[label](fields, message);
      else if (log.isLevelEnabled(label)) writeLine(toLogfmt(label, message, fields));
    };
  return { debug: methodOf('debug'), info: methodOf('info'), warn: methodOf('warn'), error: methodOf('error') };
}

function timestamp(): string {
  return new Date().toISOString();
}

/** Time, level and message come first. The message is always quoted, so that it can be searched for. */
function toLogfmt(level: LogLevel, message: string, fields: LogFields): string {
  const pairs = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${logfmtValue(String(value))}`);
  return [`ts=${timestamp()}`, `level=${level}`, `msg=${inQuotes(message)}`, ...pairs].join(' ');
}

/** logfmt quotes like JSON. */
function logfmtValue(text: string): string {
  return /^[\w.:/@%+,[\]-]+$/.test(text) ? text : inQuotes(text);
}
