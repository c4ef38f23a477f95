// Hints for name patterns, which have only `*` and `?`: a pattern that looks like a regular expression matches nothing.
import { inQuotes } from './invisible-characters.ts';

/** Characters that regular expressions often have and names in a registry never have. */
const SPECIAL = /[\\^$()[\]{}|+]/;

/** The advice for a pattern that looks like a regular expression; undefined for any other pattern. */
export function patternHint(pattern: string): string | undefined {
  const isDotted = pattern.startsWith('.*') || pattern.includes('.+');
  if (!isDotted && !SPECIAL.test(pattern)) return undefined;
  const advice = 'patterns are not regular expressions: * stands for any characters or none, ? for any one';
  return `${inQuotes(pattern)} looks like a regular expression, and ${advice}`;
}
