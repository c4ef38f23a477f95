// Takes out of a text of the API what it gives back of the request: nothing is shown that signs, or that lets the request be sent again.
import { REDACTED, Redactor } from '../util/redactor.ts';

/** The headers that a request was sent with, by their names in lower case. */
export type SentHeaders = Readonly<Record<string, unknown>>;

/** No echo is shorter: a nonce has 36 characters, a signature 64. Nearly all texts in an answer are. */
const SHORTEST_ECHO = 16;

/** What follows the words in which a signature is quoted, whosever it is. */
const QUOTED = /\b((?:signature|securitytoken|signaturenonce)["']?\s*[=:]\s*["']?)[\w%+/=.~-]{8,}/gi;

/** The message of a wrong signature gives back the whole string that was to be signed, the security token included, maybe in part. */
const STRING_TO_SIGN = /(string ?to ?sign is)\b.*$/is;

/** The text without what it holds of these headers: the signature and what it stands in, the nonce, the security token. */
export function withoutEchoes(text: string, sent: SentHeaders): string {
  if (text.length < SHORTEST_ECHO) return text;
  const echoes = new Redactor();
  const authorization = textOf(sent.authorization);
  const signature = /Signature=([^,\s]+)/.exec(authorization)?.[1] ?? '';
  const values = [
    authorization,
    signature,
    textOf(sent['x-acs-security-token']),
    textOf(sent['x-acs-signature-nonce']),
  ];
  for (const value of values) echoes.add(value);
  return echoes.redact(text.replace(STRING_TO_SIGN, '$1 [left out]')).replace(QUOTED, `$1${REDACTED}`);
}

function textOf(header: unknown): string {
  return typeof header === 'string' ? header : '';
}
