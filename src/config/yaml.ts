// Reads YAML so that every scalar is text and every value knows its place: syntax here, plain values in plain-values.ts.

import type { CST } from 'yaml';
import { Composer, type Document, LineCounter, type ParsedNode, Parser } from 'yaml';
import { PlainValues } from './plain-values.ts';
import type { Path } from './problem.ts';
import { Report } from './report.ts';
import { explainYamlError } from './yaml-errors.ts';

/** Deeper than any configuration; the parser's composer and its regular expressions overflow the stack far beyond. */
export const DEEPEST = 32;

/** A file's content as maps, lists, texts and nulls, with the place of each. */
export type YamlTree = {
  readonly value: unknown;
  /** The offset of the value at a path, or of its key, or of the nearest container when there is none; and whether it spans lines. */
  locate(path: Path, part?: 'key' | 'value'): Place;
};

/** Where something starts in the text. */
export type Place = { readonly offset: number; readonly isMultiline: boolean };

/** The tree of a text, or undefined when it is not YAML of the kind that is understood; mistakes go to `report`. */
export function readYaml(text: string): { tree: YamlTree | undefined; report: Report } {
  const lines = new LineCounter();
  const report = new Report(lines);
  const tokens = [...new Parser(lines.addNewLine).parse(text)];
  const tooDeep = findTooDeep(tokens);
  if (tooDeep) {
    report.add(tooDeep.offset, 'YAML', `at most ${DEEPEST} levels of nesting`, 'more');
    return { tree: undefined, report };
  }
  const options = { schema: 'failsafe', prettyErrors: false, uniqueKeys: false, resolveKnownTags: false } as const;
  const documents = [...new Composer<ParsedNode>(options).compose(tokens, true, text.length)];
  for (const { code, message, pos } of documents.flatMap(({ errors }) => errors)) {
    report.add(pos[0], 'YAML', ...explainYamlError(code, message));
  }
  const [document, second] = documents;
  if (second) report.add(second.range[0], 'YAML', 'one document', 'another one that starts here');
  return { tree: document && report.isEmpty ? plainTree(document, text, report) : undefined, report };
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

/** The first token that lies too deep, level by level: recursion is what this protects from. */
function findTooDeep(tokens: readonly CST.Token[]): CST.Token | undefined {
  let level = tokens.flatMap((token) => (token.type === 'document' && token.value ? [token.value] : []));
  for (let depth = 1; level.length > 0; depth += 1) {
    if (depth > DEEPEST) return level[0];
    level = level.flatMap((token) =>
      ('items' in token ? token.items : []).flatMap(({ key, value }) => [key, value]).filter(isToken),
    );
  }
  return undefined;
}

function isToken(token: CST.Token | null | undefined): token is CST.Token {
  return token !== null && token !== undefined;
}
