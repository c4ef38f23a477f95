// How a message shows what was found in the file: short, harmless to a terminal, and never a secret.
import leven from 'leven';
import { escapeInvisible } from '../invisible.ts';
import type { Path } from './problem.ts';

const LONGEST_SHOWN = 60;
const LONGEST_KEY = 32;
/** Takes the keys of another map into this one, in YAML 1.1. */
export const MERGE_KEY = '<<';

/** Texts that may hold a secret wherever they stand: a user's password in a URL, a parameter, words around credentials. */
const SUSPICIOUS = /:[^\s]*@|[?&=]|secret|token|passw|access.?key|LTAI|STS\./i;

/** Whether a text is better not shown, wherever it stands. */
export function mayBeSecret(text: string): boolean {
  return SUSPICIOUS.test(text);
}

/** A value by its kind, and by its text unless `hidden`. */
export function describeValue(value: unknown, hidden: boolean): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'a map';
  const text = String(value);
  if (text === '') return 'an empty text';
  return hidden || mayBeSecret(text) ? `a text of ${lengthOf(text)}` : quoted(text);
}

/** A text in quotes; beyond 60 characters its beginning and its length. */
export function quoted(text: string): string {
  const characters = [...text.slice(0, 2 * LONGEST_SHOWN + 2)];
  if (characters.length <= LONGEST_SHOWN) return escapeInvisible(JSON.stringify(text));
  const beginning = JSON.stringify(characters.slice(0, LONGEST_SHOWN).join(''));
  return `${escapeInvisible(beginning)}… (${[...text].length} characters)`;
}

/** What may not be shown of a file: values may be secrets, and so may keys, for they may be misplaced values. */
export type Discretion = {
  /** Whether what stands at or under a path may be a secret. */
  readonly hidesValue: (path: Path) => boolean;
  /** Whether a key of the map at a path is harmless; usually {@link looksLikeKey} says so. */
  readonly showsKey: (key: string, map: Path) => boolean;
};

/** A path as people write it: `instances[0].tags[2]`; the top of the file is `document`. */
export function formatPath(path: Path, { showsKey }: Discretion): string {
  if (path.length === 0) return 'document';
  return path.reduce<string>((text, step, depth) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    const key = showsKey(step, path.slice(0, depth)) ? step : `(a key of ${lengthOf(step)})`;
    return text === '' ? key : `${text}.${key}`;
  }, '');
}

/** Whether a word is as short and plain as keys are. */
export function looksLikeKey(key: string): boolean {
  return key === MERGE_KEY || (key.length <= LONGEST_KEY && /^\.?[a-z_-]+$/i.test(key));
}

function lengthOf(text: string): string {
  return plural([...text].length, 'character');
}

/** The words ` (did you mean …?)` when a mistyped word is near enough to a known one, else nothing. */
export function hint(word: string, known: readonly string[]): string {
  const meant = nearest(word, known);
  return meant === undefined ? '' : ` (did you mean ${meant}?)`;
}

/** The known word that a mistyped one means, if one is near enough. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (word.length > LONGEST_KEY) return undefined;
  const plain = (text: string) => text.toLowerCase().replaceAll(/[-_ ]/g, '');
  const ranked = known
    .map((candidate) => ({ candidate, distance: leven(plain(word), plain(candidate)) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best && best.distance <= Math.ceil(best.candidate.length / 4) ? best.candidate : undefined;
}

/** `1 character`, `2 characters`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
