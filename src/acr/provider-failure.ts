// Why `@alicloud/credentials` found nothing, without what it quotes: its messages hold answers and files, secrets included.
import type { Redactor } from '../util/redactor.ts';
import { shownText } from './shown-text.ts';

/** Where a message begins to quote what it could not use. */
const QUOTATION =
  /,? ?\b(?:message|result) ?[:=]|(?<=\b(?:fail|failed|err|output|command|OIDC|token)) ?[:=]|["{<\r\n]|(?:GET|PUT|POST) https?:/i;

/** An error of a provider in words for people: what it was doing, how the network failed, the code of an answer. */
export function describeProviderFailure(error: unknown, redactor: Redactor): string {
  const text = error instanceof Error ? error.message : String(error);
  const reason = text.split(QUOTATION, 1)[0]?.trim() ?? '';
  const code = /"Code"\s*:\s*"([\w.-]{1,64})"/.exec(text)?.[1] ?? '';
  const words = [reason, code === '' ? '' : `(${code})`].filter((part) => part !== '').join(' ');
  return shownText(words === '' ? 'no reason given' : words, redactor);
}
