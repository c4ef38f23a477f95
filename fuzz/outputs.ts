// What may never be in anything that the exporter shows, whatever comes in.

/** Values that are planted where secrets are. Each has characters that are written otherwise in URLs, in JSON and in HTML. */
export const SECRETS = {
  accessKeySecret: 'vErY+sEcReT/"kEy"=<1>',
  securityToken: 'CAIS+t0ken/with=odd*chars&more\\',
  password: "pa55'word:of%20<scrapers>",
} as const;

function writings(secret: string): string[] {
  const percent = encodeURIComponent(secret).replace(
    /[!'()*]/g,
    (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  const json = JSON.stringify(secret).slice(1, -1);
  const html = secret.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
  // Where in a text that was encoded as a whole the secret stands decides how it is written: three ways, without what its neighbours change.
  const base64 = [0, 1, 2].map((before) => {
    const text = Buffer.from('x'.repeat(before) + secret).toString('base64');
    return text.slice(before === 0 ? 0 : 4, 4 * Math.floor((before + secret.length) / 3));
  });
  const hex = Buffer.from(secret).toString('hex');
  return [
    secret,
    encodeURIComponent(secret),
    percent,
    encodeURIComponent(percent),
    json,
    JSON.stringify(json).slice(1, -1),
    html,
    ...base64,
    ...base64.map((each) => each.replaceAll('+', '-').replaceAll('/', '_')),
    hex,
  ];
}

const LEAKS = [...new Set(Object.values(SECRETS).flatMap(writings))];

/** Throws when a text holds a planted secret, in any of the ways to write it. */
export function requireNoSecret(text: string, where: string): void {
  const leak = LEAKS.find((each) => text.includes(each));
  if (leak !== undefined) throw new Error(`${where} shows a secret as ${leak}: ${text.slice(0, 500)}`);
}

/** What only a program says, and never to a person. */
const INTERNAL = /\bundefined\b|\[object |\bNaN\b|\n\s+at |\bTypeError\b|\bRangeError\b|\bSyntaxError\b|node:internal/;

/**
 * Throws unless a message is one line that a person can read, without secrets and without what only a program says.
 *
 * @param given what the message may quote
 */
export function requireFitMessage(message: string, where: string, given = '', longest = 300): void {
  requireNoSecret(message, where);
  if (message === '' || message.length > longest) {
    throw new Error(`${where}: expected 1 to ${longest} characters, found ${message.length}: ${message.slice(0, 500)}`);
  }
  if (/[\p{Cc}\u2028\u2029]/u.test(message) || /\p{Surrogate}/u.test(message)) {
    throw new Error(`${where} has characters that cannot be shown: ${JSON.stringify(message)}`);
  }
  const [internal] = INTERNAL.exec(message) ?? [];
  if (internal !== undefined && !given.includes(internal)) throw new Error(`${where} says ${internal}: ${message}`);
}

/** Throws unless two values are the same, and says where they first differ. */
export function requireEqual(found: unknown, expected: unknown, what: string): void {
  const place = differenceAt(found, expected, '');
  if (place !== undefined) throw new Error(`${what}${place}`);
}

function differenceAt(found: unknown, expected: unknown, path: string): string | undefined {
  if (Object.is(found, expected)) return undefined;
  const difference = ` at ${path === '' ? 'the top' : path}: expected ${shown(expected)}, found ${shown(found)}`;
  if (typeof found !== 'object' || typeof expected !== 'object' || found === null || expected === null)
    return difference;
  const keys = new Set([...Object.keys(expected), ...Object.keys(found)]);
  if (Array.isArray(found) !== Array.isArray(expected)) return difference;
  for (const key of keys) {
    if (!Object.hasOwn(found, key) || !Object.hasOwn(expected, key)) return `${difference}, which differ in ${key}`;
    const inner = differenceAt(Reflect.get(found, key), Reflect.get(expected, key), `${path}.${key}`);
    if (inner !== undefined) return inner;
  }
  return undefined;
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).slice(0, 1_000);
}
