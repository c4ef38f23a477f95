// Makes texts from outside safe for messages and labels: without secrets, on one line, not too long.
import { REDACTED, Redactor } from '../util/redactor.ts';

const MAX_MESSAGE_LENGTH = 300;

/**
 * The text without known secrets and control characters, with single spaces, cut to `longest` UTF-16 units. Secrets are removed before the cut,
 * because a part of a secret would not be recognised.
 */
export function messageText(text: string, redactor: Redactor, longest: number = MAX_MESSAGE_LENGTH): string {
  const line = oneLine(text, redactor);
  return line.length <= longest ? line : `${cutAt(line, longest - 1)}…`;
}

/** The same, cut in the middle, for a message with its cause at the end. */
export function messageTextEnds(text: string, redactor: Redactor, longest: number = MAX_MESSAGE_LENGTH): string {
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

/** Never cuts between the two halves of a character. */
function cutAt(line: string, length: number): string {
  return line.slice(0, length).replace(/[\ud800-\udbff]$/, '');
}

/** The headers that a request was sent with, by their names in lower case. */
export type SentHeaders = Readonly<Record<string, unknown>>;

/** Shorter texts need no search: a nonce has 36 characters, a signature 64. Nearly all texts in an answer are shorter. */
const MIN_SECRET_LENGTH = 16;

/** Any signature, token or nonce that a message quotes by name. */
const QUOTED = /\b((?:signature|securitytoken|signaturenonce)["']?\s*[=:]\s*["']?)[\w%+/=.~-]{8,}/gi;

/** The message of a wrong signature quotes the string to sign, with the security token or a part of it. */
const STRING_TO_SIGN = /(string ?to ?sign is)\b.*$/is;

/** The text without the secrets of a request that an answer may repeat: authorization, signature, nonce and security token. */
export function withoutSentSecrets(text: string, sent: SentHeaders): string {
  if (text.length < MIN_SECRET_LENGTH) return text;
  const secrets = new Redactor();
  const authorization = textOf(sent.authorization);
  const signature = /Signature=([^,\s]+)/.exec(authorization)?.[1] ?? '';
  const values = [
    authorization,
    signature,
    textOf(sent['x-acs-security-token']),
    textOf(sent['x-acs-signature-nonce']),
  ];
  // Most texts are too short for most secrets, and to add one takes time.
  for (const value of values) if (value.length <= text.length) secrets.add(value);
  return secrets.redact(text.replace(STRING_TO_SIGN, '$1 [left out]')).replace(QUOTED, `$1${REDACTED}`);
}

function textOf(header: unknown): string {
  return typeof header === 'string' ? header : '';
}
