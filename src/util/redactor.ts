// Keeps secrets out of all output: code that reads a secret adds it here, and code that shows a text redacts it first.

export const REDACTED = '[redacted]';

/** Shorter values are parts of ordinary words. Real access key secrets have 30 characters, tokens have hundreds. */
const MIN_SECRET_LENGTH = 4;

/** The number of secrets that are remembered. The oldest ones are forgotten first: after this many rotations they are no longer valid. */
const MAX_SECRETS = 256;

/** Replaces the added secrets in texts, also percent-encoded ones and those that are escaped for JSON. */
export class Redactor {
  readonly #forms = new Map<string, readonly string[]>();

  /** Adds a secret. One that is added again is not forgotten so soon. */
  add(secret: string): void {
    if (secret.length < MIN_SECRET_LENGTH) return;
    const forms = this.#forms.get(secret) ?? formsOf(secret);
    this.#forms.delete(secret);
    this.#forms.set(secret, forms);
    const oldest = this.#forms.keys().next();
    if (this.#forms.size > MAX_SECRETS && !oldest.done) this.#forms.delete(oldest.value);
  }

  /** The text with `[redacted]` in place of every secret. */
  redact(text: string): string {
    let shown = text;
    for (const forms of this.#forms.values()) {
      for (const form of forms) if (shown.includes(form)) shown = shown.replaceAll(form, REDACTED);
    }
    return shown;
  }
}

/**
 * The forms of a secret in URLs, in form bodies (where a string to sign is encoded twice) and in JSON, which may be quoted in JSON again, as a
 * message is in a line of the log. Longest first.
 */
function formsOf(secret: string): readonly string[] {
  const percent = encodeRfc3986(secret);
  const json = escapeForJson(secret);
  const all = [
    secret,
    encodeURIComponent(secret),
    percent,
    encodeRfc3986(percent),
    json,
    escapeForJson(json),
    escapeForJson(escapeForJson(json)),
  ];
  return [...new Set(all)].sort((a, b) => b.length - a.length);
}

/** The text between the quotes of a JSON string. */
function escapeForJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

/** Percent-encodes all but the unreserved characters of RFC 3986, as in the signatures of Alibaba Cloud. */
function encodeRfc3986(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}
