// Texts from the other side, made fit to be shown: without secrets, on one line, not too long.
import type { Redactor } from '../util/redactor.ts';

export const LONGEST_MESSAGE = 300;

/**
 * The text without announced secrets and control characters, with single spaces, cut to `longest` UTF-16 units. Secrets
 * go before the cut, which could leave a part of one that is no longer recognised.
 */
export function shownText(text: string, redactor: Redactor, longest: number = LONGEST_MESSAGE): string {
  const line = redactor
    .redact(text)
    .replace(/[\p{C}\p{Z}]+/gu, ' ')
    .trim();
  return line.length <= longest ? line : `${line.slice(0, longest - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}
