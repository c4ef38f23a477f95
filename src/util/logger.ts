// One line an event, logfmt or JSON, by pino; secrets are taken out of the finished line, whatever brought them there.
import { type Logger as PinoLogger, pino } from 'pino';
import { escapeInvisible } from './invisible.ts';
import type { Redactor } from './redactor.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export const LOG_FORMATS = ['logfmt', 'json'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFormat = (typeof LOG_FORMATS)[number];

/** What an event is about: flat, snake_case. Undefined values are left out. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** A log for events; every method writes one line at once. */
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
  const destination = {
    write: (json: string) => {
      const line = format === 'json' ? escapeInvisible(json.trimEnd()) : toLogfmt(json);
      write(`${redactor.redact(line)}\n`);
    },
  };
  const options = {
    level,
    base: null,
    timestamp: () => `,"ts":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const log: PinoLogger = pino(options, destination);
  return {
    debug: (message, fields = {}) => log.debug(fields, message),
    info: (message, fields = {}) => log.info(fields, message),
    warn: (message, fields = {}) => log.warn(fields, message),
    error: (message, fields = {}) => log.error(fields, message),
  };
}

/** pino's JSON line as logfmt: time, level and message first, the message always in quotes so that it can be searched for. */
function toLogfmt(json: string): string {
  const { ts, level, msg, ...fields }: Record<string, unknown> = JSON.parse(json);
  const pairs = Object.entries(fields).map(([key, value]) => `${key}=${logfmtValue(String(value))}`);
  return `${[`ts=${ts}`, `level=${level}`, `msg=${quote(String(msg))}`, ...pairs].join(' ')}`;
}

function logfmtValue(text: string): string {
  return /^[\w.:/@%+,[\]-]+$/.test(text) ? text : quote(text);
}

/** JSON's quoting is logfmt's. */
function quote(text: string): string {
  return escapeInvisible(JSON.stringify(text));
}
