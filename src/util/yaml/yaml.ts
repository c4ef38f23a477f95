// Reads YAML so that every scalar is text and every value knows its place: syntax here, plain values in plain-values.ts.
import { Composer, type CST, type Document, isScalar, Lexer, LineCounter, type ParsedNode, Parser } from 'yaml';
import { EarlyItems } from './early-items.ts';
import type { Discretion } from './found.ts';
import { PlainValues } from './plain-values.ts';
import type { Path } from './problem.ts';
import { Report } from './report.ts';
import { explainYamlError } from './yaml-errors.ts';

/** Deeper than any configuration; the parser's composer and its regular expressions overflow the stack far beyond. */
const DEEPEST = 32;
/** 100,000 tags with digests and scan tasks take 2.7 million. */
const MOST_LEXEMES = 4_000_000;

const COMPOSING = { schema: 'failsafe', prettyErrors: false, uniqueKeys: false, resolveKnownTags: false } as const;

/** A file's content as maps, lists, texts and nulls, with the place of each. */
export type YamlTree = {
  readonly value: unknown;
  /** The offset of the value at a path, or of its key, or of the nearest container when there is none; and whether it spans lines. */
  locate(path: Path, part?: 'key' | 'value'): Place;
};

/** Where something starts in the text. */
export type Place = { readonly offset: number; readonly isMultiline: boolean };

/**
 * The tree of a text, or undefined when it is not YAML of the kind that is understood; mistakes go to `report`.
 *
 * @param batch after so many words and marks the items of lists that are complete are composed; makes no difference but of memory
 */
export function readYaml(
  text: string,
  discretion: Discretion,
  batch = 4096,
): { tree: YamlTree | undefined; report: Report } {
  const lines = new LineCounter();
  const report = new Report(lines, discretion);
  const document = parseDocument({ text, lines, report, batch });
  return { tree: document && report.isEmpty ? plainTree(document, text, report) : undefined, report };
}

type Parsing = { readonly text: string; readonly lines: LineCounter; readonly report: Report; readonly batch: number };

function parseDocument(parsing: Parsing): Document.Parsed | undefined {
  const { text, report } = parsing;
  const early = new EarlyItems(COMPOSING);
  const tokens = parseTokens(parsing, early);
  if (!report.isEmpty) return undefined;
  const documents = [...new Composer<ParsedNode>(COMPOSING).compose(tokens, true, text.length)];
  for (const { code, message, pos } of [...early.errors, ...documents.flatMap(({ errors }) => errors)]) {
    report.add(pos[0], 'YAML', ...explainYamlError(code, message));
  }
  // A `---` at the end, or at the beginning beside another one, separates nothing.
  const [document = documents[0], second] = documents.filter(({ contents }) => !isBlank(contents));
  if (second) report.add(second.range[0], 'YAML', 'one document', 'another one that starts here');
  if (document) early.restore(document.contents);
  return document;
}

/** Stops where a file nests too deep, or would take more memory than a process may have by default. */
function parseTokens({ text, lines, report, batch }: Parsing, early: EarlyItems): CST.Token[] {
  const parser = new Parser(lines.addNewLine);
  const tokens: CST.Token[] = [];
  lines.addNewLine(0);
  let lexemes = 0;
  for (const lexeme of new Lexer().lex(text)) {
    const { offset } = parser;
    tokens.push(...parser.next(lexeme));
    lexemes += 1;
    // The stack holds the document, the open collections and the scalar in the innermost one.
    if (parser.stack.length > DEEPEST + 2) report.add(offset, 'YAML', `at most ${DEEPEST} levels of nesting`, 'more');
    if (lexemes > MOST_LEXEMES) report.add(offset, 'YAML', `at most ${MOST_LEXEMES} words and marks`, 'more');
    if (!report.isEmpty) return [];
    // Directives may say what tags in the document mean.
    if (lexemes % batch === 0 && !tokens.some(({ type }) => type === 'directive')) early.take(parser.stack);
  }
  tokens.push(...parser.end());
  return tokens;
}

function isBlank(node: ParsedNode | null): boolean {
  return node === null || (isScalar(node) && node.type === 'PLAIN' && node.source === '');
}

function plainTree(document: Document.Parsed, text: string, report: Report): YamlTree | undefined {
  const values = new PlainValues(report);
  const root = document.contents;
  const value = root ? values.convert(root) : null;
  if (values.isAbandoned) return undefined;
  return {
    value,
    locate: (path, part = 'value') => {
      const [start, end] = values.rangeOf(value, path, part);
      return { offset: start, isMultiline: text.slice(start, end).includes('\n') };
    },
  };
}
