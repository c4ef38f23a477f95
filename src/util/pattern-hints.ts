// Patterns of names know `*` and `?` alone. A pattern with more in it was probably meant as a regular expression, and matches nothing.
import { inQuotes } from './invisible.ts';

/** What no name in a registry has, and a regular expression often has. */
const SPECIAL = /[\\^$()[\]{}|+]/;

/** What to write instead of a pattern that looks like a regular expression; undefined where it does not. */
export function patternHint(pattern: string): string | undefined {
  const isDotted = pattern.startsWith('.*') || pattern.includes('.+');
  if (!isDotted && !SPECIAL.test(pattern)) return undefined;
  const advice = 'patterns are no regular expressions: * stands for any characters or none, ? for any one';
  return `${inQuotes(pattern)} looks like a regular expression, and ${advice}`;
}
