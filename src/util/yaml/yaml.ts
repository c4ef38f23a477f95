// Reads YAML so that every scalar is text and every value knows its place: syntax here, plain values in plain-values.ts.
import { Composer, type CST, type Document, Lexer, LineCounter, type ParsedNode, Parser } from 'yaml';
import type { Discretion } from './found.ts';
import { PlainValues } from './plain-values.ts';
import type { Path } from './problem.ts';
import { Report } from './report.ts';
import { explainYamlError } from './yaml-errors.ts';

/** Deeper than any configuration; the parser's composer and its regular expressions overflow the stack far beyond. */
const DEEPEST = 32;
/** 100,000 tags with digests and scan tasks take 2.7 million. */
const MOST_LEXEMES = 4_000_000;

/** A file's content as maps, lists, texts and nulls, with the place of each. */
export type YamlTree = {
  readonly value: unknown;
  /** The offset of the value at a path, or of its key, or of the nearest container when there is none; and whether it spans lines. */
  locate(path: Path, part?: 'key' | 'value'): Place;
};

/** Where something starts in the text. */
export type Place = { readonly offset: number; readonly isMultiline: boolean };

/** The tree of a text, or undefined when it is not YAML of the kind that is understood; mistakes go to `report`. */
export function readYaml(text: string, discretion: Discretion): { tree: YamlTree | undefined; report: Report } {
  const lines = new LineCounter();
  const report = new Report(lines, discretion);
  const tokens = parseTokens(text, lines, report);
  if (!report.isEmpty) return { tree: undefined, report };
  const options = { schema: 'failsafe', prettyErrors: false, uniqueKeys: false, resolveKnownTags: false } as const;
  const documents = [...new Composer<ParsedNode>(options).compose(tokens, true, text.length)];
  for (const { code, message, pos } of documents.flatMap(({ errors }) => errors)) {
    report.add(pos[0], 'YAML', ...explainYamlError(code, message));
  }
  const [document, second] = documents;
  if (second) report.add(second.range[0], 'YAML', 'one document', 'another one that starts here');
  return { tree: document && report.isEmpty ? plainTree(document, text, report) : undefined, report };
}

/** Stops where a file nests too deep, or would take more memory than a process may have by default. */
function parseTokens(text: string, lines: LineCounter, report: Report): CST.Token[] {
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
  }
  tokens.push(...parser.end());
  return tokens;
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
