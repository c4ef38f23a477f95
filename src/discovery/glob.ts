// Patterns of names: `*` stands for any number of characters, `?` for one. A regular expression may take exponential time; this matcher
// reads the text once for each piece of the pattern.

export type Matcher = (text: string) => boolean;

/** Whether a text matches one of the patterns. */
export function anyOf(patterns: readonly string[]): Matcher {
  const matchers = patterns.map(glob);
  return (text) => matchers.some((matches) => matches(text));
}

/** Whether the whole text matches a pattern. Case counts. */
export function glob(pattern: string): Matcher {
  const [head = [], ...rest] = pattern.split('*').map((piece) => [...piece]);
  const tail = rest.pop();
  const middle = rest.filter((piece) => piece.length > 0);
  const shortest = [head, tail ?? [], ...middle].reduce((sum, piece) => sum + piece.length, 0);
  return (text) => {
    const characters = [...text];
    if (tail === undefined) return characters.length === head.length && fitsAt(head, characters, 0);
    const end = characters.length - tail.length;
    if (characters.length < shortest || !fitsAt(head, characters, 0) || !fitsAt(tail, characters, end)) return false;
    let from = head.length;
    for (const piece of middle) {
      // The first match is the best: it leaves most of the text to the next pieces.
      while (from + piece.length <= end && !fitsAt(piece, characters, from)) from += 1;
      from += piece.length;
      if (from > end) return false;
    }
    return true;
  };
}

function fitsAt(piece: readonly string[], characters: readonly string[], from: number): boolean {
  return piece.every((expected, index) => expected === '?' || expected === characters[from + index]);
}
