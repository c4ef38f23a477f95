// YAML has words for nothing: in a web configuration they count as a key with nothing behind it, as in the toolkit.
import type { Path } from '../../util/yaml/descriptions.ts';
import type { YamlDocument } from '../../util/yaml/document.ts';

const NULL_WORDS = ['~', 'null', 'Null', 'NULL'];

/** Puts null in the place of each such word. In quotes, or behind an alias, the word stays text: a mistake must not let everybody in. */
export function clearNullWords(document: YamlDocument): void {
  document.value = cleared(document.value, []);

  function cleared(value: unknown, path: Path): unknown {
    if (typeof value === 'string') {
      const isPlain = NULL_WORDS.includes(value) && document.text.startsWith(value, document.locate(path).offset);
      return isPlain ? null : value;
    }
    if (Array.isArray(value)) return value.map((item, index) => cleared(item, [...path, index]));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, cleared(inner, [...path, key])]));
  }
}
