// Why there are no credentials, without what `@alicloud/credentials` quotes: its messages hold answers and files, secrets included.
import type { Redactor } from '../util/redactor.ts';
import { shownEnds } from './shown-text.ts';

/** Why a provider got nothing, in words that are free of secrets. */
export class ProviderFailure extends Error {
  override readonly name = 'ProviderFailure';
}

/** Where a message of the SDK begins to quote what it could not use. */
const QUOTATION =
  /,? ?\b(?:message|result) ?[:=]|(?<=\b(?:fail|failed|err|output|command|OIDC|token)) ?[:=]|["{<\r\n]|(?:GET|PUT|POST) https?:/i;

/** An error of a provider in words for people: what it was doing, how the network failed, the code of an answer. */
export function describeProviderFailure(error: unknown, redactor: Redactor): string {
  if (error instanceof ProviderFailure) return shownEnds(error.message, redactor);
  // The SDK takes answers apart without looking: `Cannot read properties of undefined` is no cause.
  if (error instanceof TypeError) return 'the SDK could not use the answer that it got';
  const text = error instanceof Error ? error.message : String(error);
  const reason = text.split(QUOTATION, 1)[0]?.trim() ?? '';
  const code = /"Code"\s*:\s*"([\w.-]{1,64})"/.exec(text)?.[1] ?? '';
  const words = [reason, code === '' ? '' : `(${code})`].filter((part) => part !== '').join(' ');
  return shownEnds(words === '' ? 'no reason given' : words, redactor);
}
