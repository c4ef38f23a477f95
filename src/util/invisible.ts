// Characters that cannot be seen, or that change how others are: shown as escapes wherever a text goes to a terminal.

/** Writes control characters, line separators and marks that change the direction of text as `\uXXXX`. */
export function escapeInvisible(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Surrogate}\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** A text in quotes on one line, as messages show what was found. */
export function inQuotes(text: string): string {
  return escapeInvisible(JSON.stringify(text));
}
