// What a PromQL expression is made of, as Prometheus' own grammar for editors reads it.
import { parser } from '@prometheus-io/lezer-promql';

type SyntaxNode = ReturnType<typeof parser.parse>['topNode'];

export type Selector = {
  readonly name: string;
  readonly matchers: readonly { readonly label: string; readonly operator: string; readonly value: string }[];
  /** The functions and aggregations that it stands in, from the inside. */
  readonly within: readonly string[];
};

export type Expression = {
  /** Where it does not parse. */
  readonly problems: readonly string[];
  readonly selectors: readonly Selector[];
  /** Labels after `by`, `on`, `ignoring`, `group_left` and the like. */
  readonly grouping: readonly string[];
  /** Labels that `label_replace` and `label_join` make. */
  readonly made: readonly string[];
  /** Calls of functions with the text between their parentheses. */
  readonly calls: readonly { readonly name: string; readonly body: string }[];
};

/** Reads an expression without variables outside of strings. */
export function readExpression(text: string): Expression {
  const problems: string[] = [];
  const selectors: Selector[] = [];
  const grouping: string[] = [];
  const calls: { name: string; body: string }[] = [];
  const source = (node: SyntaxNode) => text.slice(node.from, node.to);
  parser.parse(text).iterate({
    enter: ({ node }) => {
      if (node.type.isError) problems.push(text.slice(node.from, node.from + 30) || 'its end');
      if (node.name === 'VectorSelector') selectors.push(selectorAt(node, source));
      if (node.name === 'GroupingLabels') grouping.push(...(source(node).match(/\w+/g) ?? []));
      if (node.name === 'FunctionCall') calls.push(callAt(node, source));
    },
  });
  return { problems, selectors, grouping, calls, made: calls.flatMap(labelMade) };
}

function selectorAt(node: SyntaxNode, source: (node: SyntaxNode) => string): Selector {
  const [name = '', ...others] = node.getChildren('Identifier').map(source);
  if (others.length > 0) throw new Error(`expected one name in ${source(node)}`);
  const matchers = node.getChildren('LabelMatchers').flatMap((list) =>
    list.getChildren('UnquotedLabelMatcher').map((matcher) => {
      const [, label = '', operator = '', value = ''] = /^(\w+)\s*(=~|!~|!=|=)\s*"(.*)"$/s.exec(source(matcher)) ?? [];
      return { label, operator, value };
    }),
  );
  const within: string[] = [];
  for (let above = node.parent; above !== null; above = above.parent) {
    if (above.name === 'FunctionCall' || above.name === 'AggregateExpr')
      within.push(above.firstChild ? source(above.firstChild) : '');
  }
  return { name, matchers, within };
}

function callAt(node: SyntaxNode, source: (node: SyntaxNode) => string): { name: string; body: string } {
  const name = node.firstChild === null ? '' : source(node.firstChild);
  return { name, body: source(node).slice(name.length).trim().slice(1, -1) };
}

function labelMade({ name, body }: { readonly name: string; readonly body: string }): string[] {
  if (name === 'label_replace') return [/"(\w+)",\s*"[^"]*",\s*"[^"]*",\s*"[^"]*"\s*$/.exec(body)?.[1] ?? ''];
  if (name === 'label_join') return [/"(\w+)"(?:,\s*"[^"]*")+\s*$/.exec(body)?.[1] ?? ''];
  return [];
}
