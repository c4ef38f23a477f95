// The types of values in a configuration. Every scalar of the file is text, and is converted here. The message of an issue says what was
// expected: see issues.ts.
import { isIPv6 } from 'node:net';
import { z } from 'zod';
import { formatDuration, parseDuration } from '../util/duration.ts';
import { parsed } from '../util/yaml/schema.ts';

const MAX_LABEL_LENGTH = 255;
const MAX_PATTERN_LENGTH = 10_000;
const MAX_PATH_LENGTH = 2_048;
const MAX_HOST_LENGTH = 253;
const DAY_MS = 86_400_000;

/** Editors read `1.10` as a number and `true` as a boolean where the program reads text. */
const ANY_SCALAR = ['string', 'number', 'boolean'];

const DURATION_PATTERN = '^(?=.)(\\d+d)?(\\d+h)?(\\d+m)?(\\d+s)?(\\d+ms)?$';
const NUMBER_PATTERN = '^\\d+(\\.\\d*)?([eE][-+]?\\d+)?$|^\\.\\d+([eE][-+]?\\d+)?$';
const DIGEST_PATTERN = '^(sha256:)?[0-9A-Fa-f]{64}$';
const HOST_PATTERN = '[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?|\\[[0-9A-Fa-f:.]+\\]';
const ENDPOINT_PATTERN = `^(?:(https?)://)?(${HOST_PATTERN.replaceAll('(', '(?:')})(?::(\\d{1,5}))?$`;

/** A list of at least one item. */
export function listOf<Item extends z.core.$ZodType>(what: string, item: Item) {
  const expected = `a list of at least one ${what}`;
  return z.array(item, { error: expected }).min(1, expected);
}

/** Text, such as a tag or a name, as it is in the file. */
export function label(what: string) {
  return text(`${what} of 1 to ${MAX_LABEL_LENGTH} characters`, MAX_LABEL_LENGTH);
}

/** Text of 1 to `maxLength` characters without lone surrogates, which UTF-8 cannot encode: two different tags would look the same. */
export function text(expected: string, maxLength: number) {
  const fits = (value: string) => value !== '' && (value.length <= maxLength || [...value].length <= maxLength);
  return z
    .string({ error: expected })
    .refine((value) => fits(value) && !/\p{Surrogate}/u.test(value), { error: expected })
    .meta({ type: ANY_SCALAR, minLength: 1, maxLength: maxLength });
}

/** A pattern of names with the wildcards `*` and `?`. Other wildcards are refused, because they would never match. */
export function namePattern(what: string) {
  const expected = `a pattern of ${what} of 1 to ${MAX_PATTERN_LENGTH} characters, in which * stands for any characters, ? for one, and none of []{}\\ occurs`;
  return text(expected, MAX_PATTERN_LENGTH).refine((value) => !/[[\]{}\\]/.test(value), { error: expected });
}

const TRUTHS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['false', false],
]);

/** `true` or `false`. */
export function truth() {
  return parsed('true or false', (written) => TRUTHS.get(written)).meta({ type: 'boolean' });
}

/** The path of a file. */
export function filePath() {
  return text(`a path of 1 to ${MAX_PATH_LENGTH} characters`, MAX_PATH_LENGTH);
}

export function environmentName() {
  return matching('the name of an environment variable', /^[A-Za-z_][A-Za-z0-9_.-]{0,254}$/);
}

/** Text that matches a regular expression. */
export function matching(expected: string, pattern: RegExp) {
  return z.string({ error: expected }).regex(pattern, { error: expected });
}

/** A SHA-256 digest, in lower case, with or without `sha256:` as in the file. */
export function digest() {
  return parsed('64 hexadecimal digits, with or without sha256: before them', (written) =>
    new RegExp(DIGEST_PATTERN).test(written) ? written.toLowerCase() : undefined,
  ).meta({ pattern: DIGEST_PATTERN });
}

/** A duration above 0, of at least `minMs` and at most `maxMs`, in milliseconds. */
export function duration(maxMs = 365 * DAY_MS, minMs = 0) {
  const least = minMs === 0 ? 'above 0' : `at least ${formatDuration(minMs)}`;
  return parsed(`a duration such as 500ms, 15s or 1h30m, ${least} and at most ${formatDuration(maxMs)}`, (written) => {
    const ms = parseDuration(written);
    return ms !== undefined && ms > 0 && ms >= minMs && ms <= maxMs ? ms : undefined;
  }).meta({ pattern: DURATION_PATTERN });
}

/** A rate of at least one in 10,000 seconds, so that the timers of the limiter do not overflow. */
export function rate() {
  return parsed('a number of at least 0.0001, such as 5 or 0.5', (written) => {
    const value = new RegExp(NUMBER_PATTERN).test(written) ? Number(written) : 0;
    return Number.isFinite(value) && value >= 0.0001 ? value : undefined;
  }).meta({ type: ['number', 'string'], minimum: 0.0001, pattern: NUMBER_PATTERN });
}

/** A whole number of at least 1. */
export function count() {
  return parsed('a whole number of at least 1', (written) => {
    const value = /^\d+$/.test(written) ? Number(written) : 0;
    return Number.isSafeInteger(value) && value >= 1 ? value : undefined;
  }).meta({ type: ['integer', 'string'], minimum: 1, pattern: '^0*[1-9]\\d*$' });
}

/** The address of an API: a host with an optional scheme and port, and nothing else. */
export function endpoint() {
  return parsed(
    'a host, optionally with http:// or https:// before it and a port after it, and nothing else',
    (written) => {
      const [, protocol, host = '', port] = new RegExp(ENDPOINT_PATTERN).exec(written) ?? [];
      if (!isHost(host) || (port !== undefined && (Number(port) < 1 || Number(port) > 65_535))) return undefined;
      const chosen: 'http' | 'https' = protocol === 'http' ? 'http' : 'https';
      return { protocol: chosen, host: port === undefined ? host : `${host}:${Number(port)}` };
    },
  ).meta({ pattern: `^$|${ENDPOINT_PATTERN}` });
}

function isHost(host: string): boolean {
  if (host.startsWith('[')) return isIPv6(host.slice(1, -1));
  const labels = host.split('.');
  return (
    host.length <= MAX_HOST_LENGTH &&
    labels.every((part) => /^(?!-)[\w-]{1,63}(?<!-)$/.test(part)) &&
    URL.canParse(`http://${host}`)
  );
}
