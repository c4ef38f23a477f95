// How a message shows what was found in the file: short, harmless to a terminal, and never a secret.
import leven from 'leven';
import { CREDENTIAL_KEYS } from './credentials-schema.ts';
import { escapeInvisible, type Path } from './problem.ts';

const LONGEST_SHOWN = 60;
const LONGEST_KEY = 32;
const ALL_CREDENTIAL_KEYS = [...new Set([...CREDENTIAL_KEYS.values()].flat())];

/** Texts that may hold a secret wherever they stand: a user's password in a URL, a parameter, words around credentials. */
const SUSPICIOUS = /:[^\s]*@|[?&=]|secret|token|passw|access.?key|LTAI|STS\./i;

/** A value by its kind, and by its text unless `hidden`. */
export function describeValue(value: unknown, hidden: boolean): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'a map';
  const text = String(value);
  if (text === '') return 'an empty text';
  return hidden || SUSPICIOUS.test(text) ? `a text of ${plural([...text].length, 'character')}` : quoted(text);
}

/** A text in quotes; beyond 60 characters its beginning and its length. */
export function quoted(text: string): string {
  const characters = [...text.slice(0, 2 * LONGEST_SHOWN + 2)];
  if (characters.length <= LONGEST_SHOWN) return escapeInvisible(JSON.stringify(text));
  const beginning = JSON.stringify(characters.slice(0, LONGEST_SHOWN).join(''));
  return `${escapeInvisible(beginning)}… (${[...text].length} characters)`;
}

/** Whether what stands at or under a path belongs to credentials. */
export function isConfidential(path: Path): boolean {
  return path.includes('credentials');
}

/** A path as people write it: `instances[0].tags[2]`; the top of the file is `document`. */
export function formatPath(path: Path): string {
  if (path.length === 0) return 'document';
  return path.reduce<string>((text, step, depth) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    const key = shownKey(step, isConfidential(path.slice(0, depth)));
    return text === '' ? key : `${text}.${key}`;
  }, '');
}

/** A key when it looks like one, and in credentials when a known one is near; else its length, for it may be a misplaced value. */
function shownKey(key: string, confidential: boolean): string {
  const looksLikeKey = key.length <= LONGEST_KEY && /^[a-z_-]+$/i.test(key);
  const isHarmless = confidential ? nearest(key, ALL_CREDENTIAL_KEYS) !== undefined : looksLikeKey;
  return isHarmless ? key : `(a key of ${plural([...key].length, 'character')})`;
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
