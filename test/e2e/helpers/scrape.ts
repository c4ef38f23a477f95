// What other people's programs say of a page: Prometheus' linter and the parsers of the Python client.
import type { ExecutionContext } from 'ava';
import { PYTHON } from '../needs.ts';
import { run } from './program.ts';

export type Format = 'text' | 'openmetrics';
/** A series as the Python client's parser read it. Its value and `le` are floats as Python writes them: each format has its own way. */
export type ReadSample = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: string;
};
export type ReadFamily = {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: readonly ReadSample[];
};

const ACCEPT: Readonly<Record<Format, string>> = {
  text: 'text/plain;version=0.0.4',
  openmetrics: 'application/openmetrics-text;version=1.0.0',
};

const READ_PAGE = `
import json, sys
from prometheus_client import parser as text
from prometheus_client.openmetrics import parser as openmetrics
read = {'text': text, 'openmetrics': openmetrics}[sys.argv[1]].text_string_to_metric_families
page = sys.stdin.buffer.read().decode('utf-8')
number = lambda value: repr(float(value))
labels = lambda sample: {k: number(v) if k == 'le' else v for k, v in sample.labels.items()}
print(json.dumps([{
    'name': family.name, 'type': family.type, 'help': family.documentation,
    'samples': [{'name': s.name, 'labels': labels(s), 'value': number(s.value)} for s in family.samples],
} for family in read(page)]))
`;

/** Fetches a page in one of the formats. */
export async function scrape(url: string, format: Format): Promise<string> {
  const response = await fetch(url, { headers: { accept: ACCEPT[format] } });
  return response.text();
}

/** Reads a page with the Python client: of OpenMetrics its parser is strict. Throws with its message when it does not accept the page. */
export function readWithPython(page: string, format: Format): readonly ReadFamily[] {
  const { status, stdout, stderr } = run(PYTHON, ['-c', READ_PAGE, format], { input: page });
  if (status !== 0) throw new Error(`the ${format} parser of the Python client: ${stderr}`);
  return JSON.parse(stdout) as readonly ReadFamily[];
}

/** Asserts that `promtool check metrics` has nothing to say of a page. */
export function assertPromtoolIsSilent(t: ExecutionContext, page: string): void {
  t.deepEqual(run('promtool', ['check', 'metrics'], { input: page }), { status: 0, stdout: '', stderr: '' });
}
