// Texts from the other side, made fit to be shown: without secrets, on one line, not too long.
import type { Redactor } from '../util/redactor.ts';

export const LONGEST_MESSAGE = 300;

/**
 * The text without announced secrets and control characters, with single spaces, cut to `longest` UTF-16 units. Secrets
 * go before the cut, which could leave a part of one that is no longer recognised.
 */
export function shownText(text: string, redactor: Redactor, longest: number = LONGEST_MESSAGE): string {
  const line = oneLine(text, redactor);
  return line.length <= longest ? line : `${cutAt(line, longest - 1)}…`;
}

/** The same, cut in the middle: of a message whose cause stands at its end. */
export function shownEnds(text: string, redactor: Redactor, longest: number = LONGEST_MESSAGE): string {
  const line = oneLine(text, redactor);
  if (line.length <= longest) return line;
  const half = Math.floor((longest - 1) / 2);
  return `${cutAt(line, half)}…${line.slice(-half).replace(/^[\udc00-\udfff]/, '')}`;
}

function oneLine(text: string, redactor: Redactor): string {
  return redactor
    .redact(text)
    .replace(/[\p{C}\p{Z}]+/gu, ' ')
    .trim();
}

/** Never between the two halves of a character. */
function cutAt(line: string, length: number): string {
  return line.slice(0, length).replace(/[\ud800-\udbff]$/, '');
}
