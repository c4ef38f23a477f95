// Reads YAML files: every scalar is text, every value has a place, and every problem is found at once.
import {
  type Alias,
  Composer,
  type CST,
  isAlias,
  isMap,
  isScalar,
  Lexer,
  LineCounter,
  type Pair,
  type ParsedNode,
  Parser,
  type YAMLMap,
} from 'yaml';
import { describeValue, type Path, type Redaction } from './descriptions.ts';
import { EarlyItems } from './early-items.ts';
import { isBlank, NodeCheck } from './node-check.ts';
import { ProblemList } from './problems.ts';
import { explainYamlError } from './yaml-errors.ts';

/** Deeper than any configuration. Far beyond it the parser's composer and its regular expressions overflow the stack. */
const MAX_DEPTH = 32;
/** 100,000 tags with digests and scan tasks have 2.7 million. A file with more might not fit into the memory of a process. */
const MAX_LEXEMES = 4_000_000;

const COMPOSING = { schema: 'failsafe', prettyErrors: false, uniqueKeys: false, resolveKnownTags: false } as const;

/** How a file is read. */
export type YamlFile = {
  /** Its name in problems. */
  readonly file: string;
  readonly redaction: Redaction;
  /** The complete items of lists are composed after this many lexemes. It affects only memory. */
  readonly batch?: number;
};

/** Where something starts in the text, and whether it spans lines. */
export type Place = { readonly offset: number; readonly isMultiline: boolean };

/**
 * The result of `load` for a YAML text. Throws a `ConfigError` with every problem: those of the syntax, or else those of the document and
 * those that `load` reports. `load` gives undefined only after it reported a problem.
 */
export function loadYaml<Loaded>(
  text: string,
  options: YamlFile,
  load: (document: YamlDocument) => Loaded | undefined,
): Loaded {
  const document = readYaml(text, options);
  const loaded = load(document);
  if (loaded === undefined || !document.problems.isEmpty) throw document.problems.toError();
  return loaded;
}

/** The document that a text holds. Throws a `ConfigError` when it is no YAML, or too much of it; other problems are in the document. */
export function readYaml(text: string, { file, redaction, batch = 4096 }: YamlFile): YamlDocument {
  const lines = new LineCounter();
  const problems = new ProblemList(file, lines, redaction);
  const contents = compose({ text, lines, problems, batch });
  if (!problems.isEmpty) throw problems.toError();
  const check = new NodeCheck(problems);
  check.check(contents);
  return new YamlDocument({ text, contents, targets: check.targets, problems, redaction });
}

type Targets = ReadonlyMap<Alias.Parsed, ParsedNode>;
type Entry = Pair<ParsedNode, ParsedNode | null>;
type Parts = {
  readonly text: string;
  readonly contents: ParsedNode | null;
  /** The nodes that aliases stand for; an alias that stands for nothing is not among them. */
  readonly targets: Targets;
  readonly problems: ProblemList;
  readonly redaction: Redaction;
};

/** A YAML file while it is checked: its value, the place of each part, and the problems found so far. */
export class YamlDocument {
  /** Maps, lists, texts and nulls. A check may change it. */
  value: unknown;
  readonly problems: ProblemList;
  readonly text: string;
  readonly #contents: ParsedNode | null;
  readonly #targets: Targets;
  readonly #redaction: Redaction;
  readonly #entries = new WeakMap<YAMLMap.Parsed, ReadonlyMap<string, Entry>>();

  constructor({ text, contents, targets, problems, redaction }: Parts) {
    this.text = text;
    this.problems = problems;
    this.#contents = contents;
    this.#targets = targets;
    this.#redaction = redaction;
    this.value = this.#valueOf(contents);
  }

  /** Reports a problem of the value at a path, or of its key. Without `found`, the message shows the value. */
  report(path: Path, expected: string, found?: string, part: 'key' | 'value' = 'value'): void {
    const { offset, isMultiline } = this.locate(path, part);
    this.problems.add(offset, path, expected, found ?? this.#describe(path, isMultiline));
  }

  /** The line, from 1, of the value at a path. */
  lineOf(path: Path): number {
    return this.problems.lineOf(this.locate(path).offset);
  }

  /** The place of the value at a path, or of its key. If the path does not exist, the place of the last existing container on it. */
  locate(path: Path, part: 'key' | 'value' = 'value'): Place {
    let [start, end] = this.#contents?.range ?? [0, 0];
    let container = this.#follow(this.#contents);
    for (const [depth, step] of path.entries()) {
      if (container === null || isScalar(container) || isAlias(container)) break;
      const entry = isMap(container) ? this.#entriesOf(container).get(String(step)) : undefined;
      const child = isMap(container) ? entry?.value : container.items[Number(step)];
      if (!child) break;
      [start, end] = entry && part === 'key' && depth === path.length - 1 ? entry.key.range : child.range;
      container = this.#follow(child);
    }
    return { offset: start, isMultiline: this.text.slice(start, end).includes('\n') };
  }

  #describe(path: Path, isMultiline: boolean): string {
    const value = valueAt(this.value, path);
    // A missing quote makes a text continue on the next lines.
    if (typeof value === 'string' && isMultiline) return 'a text of several lines';
    // A file that is only one text is more likely a secret than a configuration.
    return describeValue(value, path.length === 0 || this.#redaction.hidesValue(path));
  }

  #valueOf(node: ParsedNode | null): unknown {
    const plain = this.#follow(node);
    if (plain === null || isBlank(plain) || isAlias(plain)) return null;
    if (isScalar(plain)) return String(plain.value);
    if (!isMap(plain)) return plain.items.map((item) => this.#valueOf(item));
    // Unlike an assignment, this handles `__proto__` like any other key.
    return Object.fromEntries(plain.items.map(({ key, value }) => [this.#valueOf(key), this.#valueOf(value)]));
  }

  #follow(node: ParsedNode | null): ParsedNode | null {
    return node !== null && isAlias(node) ? (this.#targets.get(node) ?? null) : node;
  }

  #entriesOf(map: YAMLMap.Parsed): ReadonlyMap<string, Entry> {
    let entries = this.#entries.get(map);
    if (!entries) {
      entries = new Map(map.items.map((entry) => [String(this.#valueOf(entry.key)), entry]));
      this.#entries.set(map, entries);
    }
    return entries;
  }
}

/** The value at a path; undefined if there is none. */
export function valueAt(root: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, step) => (Object.hasOwn(Object(value), step) ? Reflect.get(Object(value), step) : undefined),
    root,
  );
}

type Composing = {
  readonly text: string;
  readonly lines: LineCounter;
  readonly problems: ProblemList;
  readonly batch: number;
};

/** The nodes of the only document in a text. Problems of the syntax are added to `problems`. */
function compose(composing: Composing): ParsedNode | null {
  const { text, problems } = composing;
  const early = new EarlyItems(COMPOSING);
  const tokens = parse(composing, early);
  if (!problems.isEmpty) return null;
  const documents = [...new Composer<ParsedNode>(COMPOSING).compose(tokens, true, text.length)];
  for (const { code, message, pos } of [...early.errors, ...documents.flatMap(({ errors }) => errors)]) {
    problems.add(pos[0], 'YAML', ...explainYamlError(code, message));
  }
  // A `---` at the end, or a second one at the beginning, separates nothing.
  const [document = documents[0], second] = documents.filter(({ contents }) => contents !== null && !isBlank(contents));
  if (second) problems.add(second.range[0], 'YAML', 'one document', 'another one that starts here');
  if (document) early.restore(document.contents);
  return document?.contents ?? null;
}

/** Stops at a file that is too large or nested too deep. */
function parse({ text, lines, problems, batch }: Composing, early: EarlyItems): CST.Token[] {
  const parser = new Parser(lines.addNewLine);
  const tokens: CST.Token[] = [];
  lines.addNewLine(0);
  let lexemes = 0;
  for (const lexeme of new Lexer().lex(text)) {
    const { offset } = parser;
    tokens.push(...parser.next(lexeme));
    lexemes += 1;
    // The stack holds the document, the open collections and the scalar in the innermost one.
    if (parser.stack.length > MAX_DEPTH + 2)
      problems.add(offset, 'YAML', `at most ${MAX_DEPTH} levels of nesting`, 'more');
    if (lexemes > MAX_LEXEMES) problems.add(offset, 'YAML', `at most ${MAX_LEXEMES} words and marks`, 'more');
    if (!problems.isEmpty) return [];
    // Directives may say what tags in the document mean.
    if (lexemes % batch === 0 && !tokens.some(({ type }) => type === 'directive')) early.take(parser.stack);
  }
  tokens.push(...parser.end());
  return tokens;
}
