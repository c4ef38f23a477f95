// Texts from outside as fields of the log, secrets among them.
import fc from 'fast-check';
import { messageText } from '../../src/acr/safe-text.ts';
import { createLogger, type LogFormat } from '../../src/util/logger.ts';
import { Redactor } from '../../src/util/redactor.ts';
import { requireEqual, requireNoSecret, SECRETS } from '../outputs.ts';
import { defineTarget } from '../target.ts';
import { anyText, repeated } from '../texts.ts';

const { accessKeySecret, securityToken } = SECRETS;
const PLANTED = [
  accessKeySecret,
  securityToken,
  encodeURIComponent(accessKeySecret),
  encodeURIComponent(encodeURIComponent(securityToken)),
  JSON.stringify(securityToken),
  JSON.stringify(JSON.stringify(accessKeySecret)),
];
const text = fc.oneof(
  { weight: 3, arbitrary: anyText() },
  {
    weight: 2,
    arbitrary: fc.tuple(anyText(8), fc.constantFrom(...PLANTED), anyText(8)).map((parts) => parts.join('')),
  },
  { weight: 1, arbitrary: repeated(['a', ' ', '\n', '\u200b', '%25', '\\', 'vErY+sEcReT'], 5_000) },
);

const LOGFMT = /^ts=\S+ level=info msg=("(?:[^"\\]|\\.)*") field=(?:("(?:[^"\\]|\\.)*")|(\S+))$/;

export const logLines = defineTarget({
  name: 'log-lines',
  sentence: 'an event is one line without secrets and invisible characters, and its fields can be read from the line',
  share: 5,
  inputs: fc.record({ message: text, field: text, format: fc.constantFrom<LogFormat[]>('logfmt', 'json') }),
  open: () => {
    const redactor = new Redactor();
    for (const secret of Object.values(SECRETS)) redactor.add(secret);
    const lines: string[] = [];
    const write = (line: string) => void lines.push(line);
    const loggers = {
      logfmt: createLogger({ level: 'info', format: 'logfmt', redactor, write }),
      json: createLogger({ level: 'info', format: 'json', redactor, write }),
    };
    return {
      check: ({ message, field, format }) => {
        lines.length = 0;
        loggers[format].info(message, { field });
        const [line = ''] = lines;
        if (lines.length !== 1 || !/^[^\n]+\n$/.test(line))
          throw new Error(`expected one line, found ${JSON.stringify(lines)}`);
        requireNoSecret(line, 'the line');
        if (/[\p{Cc}\p{Surrogate}\u2028-\u202e]/u.test(line.slice(0, -1)))
          throw new Error(`invisible: ${JSON.stringify(line)}`);
        requireNoSecret(messageText(message, redactor), 'the text');
        const isRedacted = line.includes('[redacted]');
        if (!isRedacted) requireRead(line.trimEnd(), format, { message, field });
        return isRedacted ? 'redacted' : format;
      },
    };
  },
});

function requireRead(
  line: string,
  format: string,
  { message, field }: { readonly message: string; readonly field: string },
): void {
  if (format === 'json') {
    const { msg, field: read } = JSON.parse(line);
    requireEqual([msg, read], [message, field], line);
    return;
  }
  const [, msg = '""', inQuotes, plain] = LOGFMT.exec(line) ?? [];
  requireEqual([JSON.parse(msg), inQuotes === undefined ? plain : JSON.parse(inQuotes)], [message, field], line);
}
