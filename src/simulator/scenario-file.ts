// A scenario file as text: from YAML to the plain value that the schema checks, and problems with their line and column.
import {
  type Document,
  isMap,
  isNode,
  isScalar,
  LineCounter,
  type Node,
  type ParsedNode,
  parseDocument,
  visit,
} from 'yaml';
import { escapeInvisible } from '../util/invisible.ts';
import { check, type Path, ScenarioError, writePath } from './problems.ts';
import { type ScenarioInput, scenarioSchema } from './scenario.ts';

/** A scenario, or its problems, each as `FILE:LINE:COLUMN: PATH: expected …, found …`. */
export type LoadedScenario =
  | { readonly scenario: ScenarioInput; readonly problems?: never }
  | { readonly scenario?: never; readonly problems: readonly string[] };

/** Reads the text of a scenario; `file` is its name in problems. Never throws. */
export function loadScenario(text: string, file: string): LoadedScenario {
  const lines = new LineCounter();
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${Math.max(line, 1)}:${Math.max(col, 1)}`;
  };
  // The failsafe schema leaves every scalar the text that it is in the file; pretty errors would show lines with secrets.
  const document = parseDocument(text, {
    schema: 'failsafe',
    prettyErrors: false,
    logLevel: 'error',
    lineCounter: lines,
  });
  if (document.errors.length > 0) {
    return {
      problems: document.errors.map(({ pos, code }) => `${place(pos[0])}: expected YAML, found ${inWords(code)}`),
    };
  }
  const oddKey = keyThatIsNoText(document);
  if (oddKey !== undefined) return { problems: [`${place(oddKey)}: expected a text as the key, found something else`] };
  try {
    const scenario: unknown = isEmpty(document.contents) ? {} : document.toJS({ maxAliasCount: 100 });
    check(scenarioSchema, scenario);
    return { scenario: scenario as ScenarioInput };
  } catch (error) {
    if (!(error instanceof ScenarioError))
      return { problems: [`${place(0)}: expected few YAML aliases, found too many`] };
    return {
      problems: error.problems.map(({ path, message }) =>
        escapeInvisible(
          [place(offsetOf(document.contents, path)), writePath(path), message].filter(Boolean).join(': '),
        ),
      ),
    };
  }
}

/** Where a list or a map is a key. To make texts of those takes minutes where some hundred lie in one another. */
function keyThatIsNoText(document: Document.Parsed): number | undefined {
  let offset: number | undefined;
  visit(document, {
    Pair: (_, { key }) => {
      if (key === null || isScalar(key)) return undefined;
      offset = isNode(key) ? (key.range?.[0] ?? 0) : 0;
      return visit.BREAK;
    },
  });
  return offset;
}

function isEmpty(contents: ParsedNode | null): boolean {
  return contents === null || (isScalar(contents) && (contents.value === '' || contents.value === null));
}

/** The parser's codes are words in capitals: `BAD_INDENT`. Its messages may quote the file. */
function inWords(code: string): string {
  return code.toLowerCase().replaceAll('_', ' ');
}

/** Where the value at `path` begins, or its key, or the nearest thing around it that exists. */
function offsetOf(contents: Node | null, path: Path): number {
  let node: unknown = contents;
  let offset = contents?.range?.[0] ?? 0;
  for (const part of path) {
    const child = childOf(node, part);
    if (!child) break;
    offset = child.offset;
    node = child.node;
  }
  return offset;
}

function childOf(node: unknown, part: string | number): { node: unknown; offset: number } | undefined {
  if (isMap<Node, Node>(node)) {
    const pair = node.items.find(({ key }) => isScalar(key) && key.value === String(part));
    return pair && { node: pair.value, offset: pair.key.range?.[0] ?? 0 };
  }
  if (typeof node !== 'object' || node === null || !('items' in node) || !Array.isArray(node.items)) return undefined;
  const item: Node | undefined = typeof part === 'number' ? node.items[part] : undefined;
  return item && { node: item, offset: item.range?.[0] ?? 0 };
}
