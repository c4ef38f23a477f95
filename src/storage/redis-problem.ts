// What an error of Redis or of the connection means, for the log and the page: the cause, and what to do where that is known.

/** What differs between two errors of one cause: the next attempt, and whether a read or a write noticed. */
const VARYING = /^(read|write) (?=E[A-Z]+$)| Retrying from scratch after \d+ms\.?/g;

const ADVICE: readonly (readonly [problem: RegExp, advice: string])[] = [
  [/WRONGPASS|ERR invalid password/, 'check USER:PASSWORD in the URL of Redis'],
  [/NOAUTH/, 'Redis wants a password: add USER:PASSWORD@ to the URL of Redis'],
  [/unknown command|Error compiling script/, 'Redis 7 or newer is needed'],
  [/NOPERM|The user executing the script can't/, 'give the user of Redis the rights in docs/deployment.md'],
  [/altnames/, 'the host in the URL of Redis must be a name in its certificate'],
  [/certificate/, 'set NODE_EXTRA_CA_CERTS to a file with the certificate of its authority'],
  [
    /wrong version number|ETIMEDOUT/,
    'a firewall drops packets, or the URL begins with rediss:// and Redis has no TLS at this port',
  ],
  [/^ECONNRESET|^EPIPE/, 'does Redis want TLS? Then the URL begins with rediss://'],
  [/^All sentinels/, 'check the Sentinels and the name of the primary in the URL of Redis'],
];

/** The text of an error, with what to do about it in parentheses if that is known. Without secrets that are not in the error. */
export function describeRedisError(error: unknown): string {
  const message = causeOf(error).replaceAll(VARYING, '');
  const advice = ADVICE.find(([problem]) => problem.test(message))?.[1];
  return advice === undefined ? message : `${message} (${advice})`;
}

/** A cluster that cannot be asked says so, and has the error of one of its nodes. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if ('lastNodeError' in error && error.lastNodeError instanceof Error) return causeOf(error.lastNodeError);
  return error.message === '' ? 'no connection' : error.message;
}
