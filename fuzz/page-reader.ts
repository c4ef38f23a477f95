// Reads a page of metrics character by character, as the formats describe it. It shares nothing with the code that writes the page.

export type Labels = Readonly<Record<string, string>>;
export type Sample = { readonly name: string; readonly labels: Labels; readonly value: string };

/** The samples of a page, in either text format. Throws what is wrong with it: no sample may be there twice. */
export function readPage(text: string, isOpenMetrics: boolean): Sample[] {
  if (!text.endsWith(isOpenMetrics ? '\n# EOF\n' : '\n')) throw new Error(`a page that ends with ${text.slice(-40)}`);
  const lines = text.split('\n').slice(0, -1);
  const samples = lines.filter((line) => !line.startsWith('#') && line !== '').map(readSample);
  const seen = new Set<string>();
  for (const { name, labels } of samples) {
    const key = JSON.stringify([name, Object.entries(labels).sort()]);
    if (seen.has(key)) throw new Error(`a series twice: ${key}`);
    seen.add(key);
  }
  return samples;
}

function readSample(line: string): Sample {
  const [name = ''] = /^[a-zA-Z_:][a-zA-Z0-9_:]*/.exec(line) ?? [];
  const { labels, end } =
    line.charAt(name.length) === '{' ? readLabels(line, name.length + 1) : { labels: {}, end: name.length };
  const value = line.slice(end);
  if (name === '' || !/^ -?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|\+?Inf|NaN)$/.test(value))
    throw new Error(`no sample: ${line}`);
  return { name, labels, value: value.slice(1) };
}

function readLabels(line: string, from: number): { readonly labels: Labels; readonly end: number } {
  const labels: Record<string, string> = {};
  let at = from;
  while (line.charAt(at) !== '}') {
    const [start = '', label = ''] = /^([a-zA-Z_][a-zA-Z0-9_]*)="/.exec(line.slice(at, at + 100)) ?? [];
    if (start === '' || label in labels) throw new Error(`no label at ${at}: ${line}`);
    const { value, end } = readValue(line, at + start.length);
    labels[label] = value;
    at = line.charAt(end) === ',' ? end + 1 : end;
    if (at === end && line.charAt(end) !== '}') throw new Error(`no end of the labels at ${end}: ${line}`);
  }
  return { labels, end: at + 1 };
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', '"': '"', '\\': '\\' };

/** From after the opening quote; `end` is after the closing one. */
function readValue(line: string, from: number): { readonly value: string; readonly end: number } {
  let value = '';
  for (let at = from; at < line.length; at++) {
    const character = line.charAt(at);
    if (character === '"') return { value, end: at + 1 };
    if (character !== '\\') {
      value += character;
      continue;
    }
    at += 1;
    const meant = ESCAPES[line.charAt(at)];
    if (meant === undefined) throw new Error(`no escape at ${at}: ${line}`);
    value += meant;
  }
  throw new Error(`a value without an end: ${line}`);
}
