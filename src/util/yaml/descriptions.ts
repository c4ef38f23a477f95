// Shows paths and values of a file in messages: short, safe for a terminal, and without secrets.
import leven from 'leven';
import { escapeInvisible, inQuotes } from '../invisible-characters.ts';

/** The way from the top of a file to a value: keys and list positions. */
export type Path = readonly (string | number)[];

/** What messages about a file must not show. A key may be a misplaced value, so keys may be secrets too. */
export type Redaction = {
  /** Whether the value at a path, or a value below it, may be a secret. */
  readonly hidesValue: (path: Path) => boolean;
  /** Whether a key of the map at a path may be shown; {@link looksLikeKey} is the usual test. */
  readonly showsKey: (key: string, map: Path) => boolean;
};

const MAX_SHOWN_LENGTH = 60;
const MAX_KEY_LENGTH = 32;
/** YAML 1.1 takes the keys of another map into the map that has this key. */
export const MERGE_KEY = '<<';

/** Text that may be a secret anywhere in a file: a URL with a password or a query, words that are used for credentials. */
const SUSPICIOUS = /:[^\s]*@|[?&=]|secret|token|passw|access.?key|LTAI|STS\./i;

/** Whether a text should not be shown, wherever it is in the file. */
export function mayBeSecret(text: string): boolean {
  return SUSPICIOUS.test(text);
}

/** The type of a value, with its text unless that is hidden. */
export function describeValue(value: unknown, isHidden: boolean): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'a map';
  const text = String(value);
  if (text === '') return 'an empty text';
  if (isHidden || mayBeSecret(text)) return `a text of ${plural([...text].length, 'character')}`;
  return typeof value === 'string' ? quoted(text) : text;
}

/** A text in quotes; of more than 60 characters only the beginning, with its length. */
export function quoted(text: string): string {
  const characters = [...text.slice(0, 2 * MAX_SHOWN_LENGTH + 2)];
  if (characters.length <= MAX_SHOWN_LENGTH) return inQuotes(text);
  const beginning = JSON.stringify(characters.slice(0, MAX_SHOWN_LENGTH).join(''));
  return `${escapeInvisible(beginning)}… (${[...text].length} characters)`;
}

/** A path such as `instances[0].tags[2]`; `document` for the top of the file. */
export function formatPath(path: Path, { showsKey }: Redaction): string {
  if (path.length === 0) return 'document';
  return path.reduce<string>((text, step, depth) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    const key = showsKey(step, path.slice(0, depth)) ? step : `(a key of ${plural([...step].length, 'character')})`;
    return text === '' ? key : `${text}.${key}`;
  }, '');
}

/** Whether a word is short and plain, like a key. */
export function looksLikeKey(key: string): boolean {
  return key === MERGE_KEY || (key.length <= MAX_KEY_LENGTH && /^\.?[a-z_-]+$/i.test(key));
}

/** ` (did you mean …?)` when a known word is close to the mistyped one, else an empty text. */
export function hint(word: string, known: readonly string[]): string {
  const meant = nearest(word, known);
  return meant === undefined ? '' : ` (did you mean ${meant}?)`;
}

/** The known word that a mistyped one probably means. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (word.length > MAX_KEY_LENGTH) return undefined;
  const plain = (text: string) => text.toLowerCase().replaceAll(/[-_ ]/g, '');
  const ranked = known
    .map((candidate) => ({ candidate, distance: leven(plain(word), plain(candidate)) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best && best.distance <= Math.ceil(best.candidate.length / 4) ? best.candidate : undefined;
}

/** `1 character`, `2 characters`. */
function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
