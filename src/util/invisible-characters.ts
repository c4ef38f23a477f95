// Escapes for characters that are invisible or change the direction of others, in text that goes to a terminal.

/** Writes control characters, line separators and marks that change the direction of text as `\uXXXX`. */
export function escapeInvisible(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Surrogate}\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** A text in quotes on one line, as messages show it. */
export function inQuotes(text: string): string {
  return escapeInvisible(JSON.stringify(text));
}
