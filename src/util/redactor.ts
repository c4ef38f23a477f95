// Keeps secrets out of everything that is shown: who reads a secret announces it here, who shows a text passes it through.

export const REDACTED = '[redacted]';

/** Shorter values would blank out ordinary words; real access key secrets have 30 characters, tokens hundreds. */
const SHORTEST_SECRET = 4;

/** How many announced secrets are remembered. Rotated ones are forgotten oldest first, long after they stopped working. */
const MOST_SECRETS = 256;

/** Replaces announced secrets in texts, also where they were percent-encoded or escaped for JSON on their way. */
export class Redactor {
  readonly #forms = new Map<string, readonly string[]>();

  /** Announces a secret; announcing it again keeps it from being forgotten. */
  add(secret: string): void {
    if (secret.length < SHORTEST_SECRET) return;
    const forms = this.#forms.get(secret) ?? writings(secret);
    this.#forms.delete(secret);
    this.#forms.set(secret, forms);
    const oldest = this.#forms.keys().next();
    if (this.#forms.size > MOST_SECRETS && !oldest.done) this.#forms.delete(oldest.value);
  }

  /** The text with every announced secret replaced by `[redacted]`. */
  redact(text: string): string {
    let shown = text;
    for (const forms of this.#forms.values()) {
      for (const form of forms) if (shown.includes(form)) shown = shown.replaceAll(form, REDACTED);
    }
    return shown;
  }
}

/**
 * The ways a secret is written in URLs, in form bodies (where a string to sign is encoded twice) and in JSON, which may be quoted in JSON
 * again, as a message is in a line of the log; longest first.
 */
function writings(secret: string): readonly string[] {
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

/** As between the quotes of a text in JSON. */
function escapeForJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

/** Percent-encodes all but the unreserved characters of RFC 3986, as Alibaba Cloud's signatures do. */
function encodeRfc3986(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}
