// Refuses what YAML allows and no configuration needs: tags, keys that are not texts, repeated keys, and too many aliases.
import { type Alias, isAlias, isMap, isScalar, type ParsedNode, type YAMLMap, type YAMLSeq } from 'yaml';
import type { ProblemList } from './problems.ts';

/** The number of values that all aliases together may stand for: enough for some instances with the same list of tags, too few for a bomb. */
const MAX_ALIASED_VALUES = 100_000;
/** Aliases can nest deeper than the text does. */
const MAX_ALIASED_DEPTH = 64;

const KNOWN_TAGS = ['!', 'tag:yaml.org,2002:str', 'tag:yaml.org,2002:map', 'tag:yaml.org,2002:seq'];

/** The number of values in a node, with itself and with followed aliases, and the number of levels of collections. */
type Extent = { readonly values: number; readonly depth: number };
type Anchored = { readonly node: ParsedNode; extent: Extent | undefined };

const SCALAR: Extent = { values: 1, depth: 0 };

/** The check of one document. It removes the entries with an invalid key from their maps. */
export class NodeCheck {
  readonly #problems: ProblemList;
  /** The last node with each anchor. It has no extent while it is being checked itself. */
  readonly #anchors = new Map<string, Anchored>();
  readonly #targets = new Map<Alias.Parsed, ParsedNode>();
  readonly #path: (string | number)[] = [];
  #aliasedValues = 0;

  constructor(problems: ProblemList) {
    this.#problems = problems;
  }

  /** The nodes that the aliases stand for; an alias that stands for nothing is not among them. */
  get targets(): ReadonlyMap<Alias.Parsed, ParsedNode> {
    return this.#targets;
  }

  /** Checks a node and all nodes below it. Throws a `ConfigError` when aliases stand for more than a configuration needs. */
  check(node: ParsedNode | null): Extent {
    if (node === null) return SCALAR;
    if (isAlias(node)) return this.#follow(node);
    if (node.tag !== undefined && !KNOWN_TAGS.includes(node.tag)) {
      this.#add(node, 'a value without a YAML tag such as !!binary', 'one with a tag');
    }
    if (node.anchor === undefined) return this.#checkContent(node);
    const anchored: Anchored = { node, extent: undefined };
    this.#anchors.set(node.anchor, anchored);
    anchored.extent = this.#checkContent(node);
    return anchored.extent;
  }

  #checkContent(node: Exclude<ParsedNode, Alias.Parsed>): Extent {
    if (isScalar(node)) return SCALAR;
    return isMap(node) ? this.#checkMap(node) : this.#checkList(node);
  }

  #checkList({ items }: YAMLSeq.Parsed): Extent {
    let values = 1;
    let depth = 0;
    for (const [index, item] of items.entries()) {
      const extent = this.#checkBelow(index, item);
      values += extent.values;
      depth = Math.max(depth, extent.depth);
    }
    return { values, depth: depth + 1 };
  }

  #checkMap(map: YAMLMap.Parsed): Extent {
    const offsets = new Map<string, number>();
    let values = 1;
    let depth = 0;
    map.items = map.items.filter(({ key: keyNode, value }) => {
      values += this.check(keyNode).values;
      const key = this.#keyOf(keyNode);
      if (key === undefined) return false;
      const first = offsets.get(key);
      if (first !== undefined) {
        const found = `it again (first at line ${this.#problems.lineOf(first)})`;
        this.#problems.add(keyNode.range[0], [...this.#path, key], 'each key once', found);
        return false;
      }
      offsets.set(key, keyNode.range[0]);
      const extent = this.#checkBelow(key, value);
      values += extent.values;
      depth = Math.max(depth, extent.depth);
      return true;
    });
    return { values, depth: depth + 1 };
  }

  #checkBelow(step: string | number, node: ParsedNode | null): Extent {
    this.#path.push(step);
    const extent = this.check(node);
    this.#path.pop();
    return extent;
  }

  #keyOf(node: ParsedNode): string | undefined {
    const key = isAlias(node) ? this.#targets.get(node) : node;
    const isNothing = key === undefined || isBlank(key);
    if (!isNothing && isScalar(key)) return String(key.value);
    this.#add(node, 'a text as the key', isNothing ? 'nothing' : 'a collection');
    return undefined;
  }

  #follow(alias: Alias.Parsed): Extent {
    const { node, extent } = this.#anchors.get(alias.source) ?? {};
    if (node === undefined || extent === undefined) {
      const found = node
        ? 'one to a value that contains it'
        : 'one to an anchor that does not exist (quote a pattern that begins with *)';
      this.#add(alias, 'an alias to an earlier value', found);
      return SCALAR;
    }
    this.#targets.set(alias, node);
    this.#aliasedValues += extent.values;
    if (this.#aliasedValues > MAX_ALIASED_VALUES) {
      throw this.#refusal(alias, `aliases that stand for at most ${MAX_ALIASED_VALUES} values`);
    }
    if (this.#path.length + extent.depth > MAX_ALIASED_DEPTH) {
      throw this.#refusal(alias, `at most ${MAX_ALIASED_DEPTH} levels of nesting`);
    }
    return extent;
  }

  #refusal(alias: Alias.Parsed, expected: string) {
    this.#problems.add(alias.range[0], 'YAML', expected, 'more');
    return this.#problems.toError();
  }

  #add(node: ParsedNode, expected: string, found: string): void {
    this.#problems.add(node.range[0], this.#path, expected, found);
  }
}

/** Whether the file has no value at the place of the node. */
export function isBlank(node: ParsedNode): boolean {
  return isScalar(node) && node.type === 'PLAIN' && node.source === '';
}
