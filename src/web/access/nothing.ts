// YAML has words for nothing: in a web configuration they count as a key with nothing behind it, as in the toolkit.
import type { Path } from '../../util/yaml/problem.ts';
import type { YamlTree } from '../../util/yaml/yaml.ts';

const WORDS = ['~', 'null', 'Null', 'NULL'];

/** The tree of a text with null for each such word. In quotes, or behind an alias, it stays text: a mistake must not let everybody in. */
export function withNothing(tree: YamlTree, text: string): YamlTree {
  return { ...tree, value: cleared(tree.value, []) };

  function cleared(value: unknown, path: Path): unknown {
    if (typeof value === 'string') {
      return WORDS.includes(value) && text.startsWith(value, tree.locate(path).offset) ? null : value;
    }
    if (Array.isArray(value)) return value.map((item, index) => cleared(item, [...path, index]));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, cleared(inner, [...path, key])]));
  }
}
