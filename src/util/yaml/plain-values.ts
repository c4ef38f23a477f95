// Turns parsed YAML into maps, lists and texts, follows aliases within bounds, and remembers where each value stood.
import { isAlias, isMap, isScalar, type Pair, type ParsedNode, type YAMLMap, type YAMLSeq } from 'yaml';
import type { Path } from './problem.ts';
import type { Report } from './report.ts';

/** Values that aliases may stand for, all told: a list of tags shared by some instances, but no bomb. */
const MOST_ALIASED = 100_000;
/** Aliases can nest deeper than the text does. */
const DEEPEST = 64;

const KNOWN_TAGS = ['!', 'tag:yaml.org,2002:str', 'tag:yaml.org,2002:map', 'tag:yaml.org,2002:seq'];

type Collection = YAMLMap.Parsed | YAMLSeq.Parsed;
type Entry = Pair<ParsedNode, ParsedNode | null>;
/** Offsets in the text, the end excluded. */
type Range = readonly [start: number, end: number, ...unknown[]];

/** The conversion of one document. Mistakes go to the report, with what is wrong left out of the value. */
export class PlainValues {
  readonly #report: Report;
  readonly #anchors = new Map<string, ParsedNode>();
  readonly #sources = new WeakMap<object, Collection>();
  readonly #entries = new WeakMap<Collection, ReadonlyMap<string, Entry>>();
  /** Collections that are being converted: an alias to one of them refers to itself. */
  readonly #open = new Set<ParsedNode>();
  #aliased = 0;
  #aliasDepth = 0;
  #isAbandoned = false;

  constructor(report: Report) {
    this.#report = report;
  }

  /** Whether the conversion stopped half-way: its value means nothing. */
  get isAbandoned(): boolean {
    return this.#isAbandoned;
  }

  /** A map, a list, a text, or null where the file says nothing. */
  convert(node: ParsedNode | null, path: Path = []): unknown {
    if (node === null || this.#isAbandoned) return null;
    if (isAlias(node)) return this.#follow(node, path);
    if (this.#aliasDepth > 0) this.#aliased += 1;
    else if (node.anchor !== undefined) this.#anchors.set(node.anchor, node);
    if (this.#aliased > MOST_ALIASED) {
      return this.#abandon(node, `aliases that stand for at most ${MOST_ALIASED} values`, 'more');
    }
    if (node.tag !== undefined && !KNOWN_TAGS.includes(node.tag)) {
      this.#add(node.range[0], path, 'a value without a YAML tag such as !!binary', 'one with a tag');
    }
    if (isScalar(node)) return node.type === 'PLAIN' && node.source === '' ? null : String(node.value);
    if (this.#open.size > DEEPEST) return this.#abandon(node, `at most ${DEEPEST} levels of nesting`, 'more');
    this.#open.add(node);
    const value = isMap(node)
      ? this.#map(node, path)
      : node.items.map((item, index) => this.convert(item, [...path, index]));
    this.#open.delete(node);
    this.#sources.set(value, node);
    return value;
  }

  /** Where the value at `path` under `value` stands, or its key; where the path ends early, its last container. */
  rangeOf(value: unknown, path: Path, part: 'key' | 'value'): Range {
    let container = value;
    let range: Range = [0, 0];
    for (const [depth, step] of [...path, undefined].entries()) {
      const source = typeof container === 'object' && container !== null ? this.#sources.get(container) : undefined;
      if (depth === 0 && source) range = source.range;
      if (!source || step === undefined) break;
      const entry = isMap(source) ? this.#entriesOf(source).get(String(step)) : undefined;
      const child = isMap(source) ? entry?.value : source.items[Number(step)];
      if (!child) break;
      range = entry && part === 'key' && depth === path.length - 1 ? entry.key.range : child.range;
      container = Reflect.get(Object(container), step);
    }
    return range;
  }

  #map(node: YAMLMap.Parsed, path: Path): Record<string, unknown> {
    const value: Record<string, unknown> = {};
    const offsets = new Map<string, number>();
    for (const { key: keyNode, value: valueNode } of node.items) {
      const key = this.#key(keyNode, path);
      if (key === undefined) continue;
      const first = offsets.get(key);
      const inner = [...path, key];
      if (first === undefined) {
        offsets.set(key, keyNode.range[0]);
        setOwn(value, key, this.convert(valueNode, inner));
      } else {
        const found = `it again (first at line ${this.#report.lineOf(first)})`;
        this.#add(keyNode.range[0], inner, 'each key once', found);
      }
    }
    return value;
  }

  #key(node: ParsedNode, path: Path): string | undefined {
    const key = this.convert(node, path);
    if (typeof key === 'string') return key;
    if (!this.#isAbandoned)
      this.#add(node.range[0], path, 'a text as the key', key === null ? 'nothing' : 'a collection');
    return undefined;
  }

  #follow(alias: ParsedNode & { source: string }, path: Path): unknown {
    const target = this.#anchors.get(alias.source);
    if (!target || this.#open.has(target)) {
      const found = target
        ? 'one to a value that contains it'
        : 'one to an anchor that does not exist (quote a pattern that begins with *)';
      this.#add(alias.range[0], path, 'an alias to an earlier value', found);
      return null;
    }
    this.#aliasDepth += 1;
    const value = this.convert(target, path);
    this.#aliasDepth -= 1;
    return value;
  }

  #entriesOf(map: YAMLMap.Parsed): ReadonlyMap<string, Entry> {
    let entries = this.#entries.get(map);
    if (!entries) {
      // Of a key that stands twice the first counts.
      const pairs = map.items.toReversed();
      entries = new Map(pairs.map((pair) => [String(isScalar(pair.key) ? pair.key.value : undefined), pair]));
      this.#entries.set(map, entries);
    }
    return entries;
  }

  /** What is wrong in an aliased value was reported where it stands. */
  #add(offset: number, path: Path, expected: string, found: string): void {
    if (this.#aliasDepth === 0) this.#report.add(offset, path, expected, found);
  }

  #abandon(node: ParsedNode, expected: string, found: string): null {
    if (!this.#isAbandoned) this.#report.add(node.range[0], 'YAML', expected, found);
    this.#isAbandoned = true;
    return null;
  }
}

/** Assigning to `__proto__` would set the prototype. */
function setOwn(map: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== '__proto__') map[key] = value;
  else Object.defineProperty(map, key, { value, enumerable: true, writable: true, configurable: true });
}
