// A small strict reader of exposition text, independent of what writes it: for tests that ask what a page says.

/** One series with its value, labels as they were before escaping. */
export type Sample = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
};
export type ParsedFamily = { readonly help: string; readonly type: string; readonly samples: readonly Sample[] };
export type ParsedPage = {
  readonly families: ReadonlyMap<string, ParsedFamily>;
  /** The value of one series, or undefined; the order of labels does not matter. */
  readonly value: (name: string, labels?: Readonly<Record<string, string>>) => number | undefined;
};

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/s;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/gsy;
const NUMBER = /^(?:[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?|\+Inf|-Inf|NaN)$/;

/**
 * Reads a page and throws at the first thing that is not right: metadata that is missing, repeated or not in front of its samples,
 * a family in two places, a series twice, a line that is none.
 */
export function parsePage(text: string, format: 'text' | 'openmetrics' = 'text'): ParsedPage {
  const lines = text.split('\n');
  if (lines.pop() !== '') throw new Error('the page does not end with a newline');
  if (format === 'openmetrics' && lines.pop() !== '# EOF') throw new Error('the page does not end with # EOF');
  const families = new Map<string, { help: string; type: string; samples: Sample[] }>();
  const values = new Map<string, number>();
  let open = '';
  for (let line = 0; line < lines.length; line++) {
    const text = lines[line] ?? '';
    const help = /^# HELP (\S+) (.+)$/s.exec(text);
    if (help) {
      const [, name = '', words = ''] = help;
      const type = new RegExp(`^# TYPE ${name} (gauge|counter|histogram)$`).exec(lines[++line] ?? '')?.[1];
      if (!type) throw new Error(`line ${line + 1}: expected the type of ${name}`);
      if (families.has(name)) throw new Error(`line ${line + 1}: ${name} is there twice`);
      families.set(name, { help: words, type, samples: [] });
      open = name;
      continue;
    }
    const sample = parseSample(text, line + 1);
    const family = families.get(open);
    if (!family || !namesOf(open, family.type, format).includes(sample.name)) {
      throw new Error(`line ${line + 1}: ${sample.name} is not in its family, but in ${open}`);
    }
    const key = seriesKey(sample.name, sample.labels);
    if (values.has(key)) throw new Error(`line ${line + 1}: the series ${key} is there twice`);
    values.set(key, sample.value);
    family.samples.push(sample);
  }
  return { families, value: (name, labels = {}) => values.get(seriesKey(name, labels)) };
}

function parseSample(line: string, number: number): Sample {
  const [, name, labelText = '', value] = SAMPLE.exec(line) ?? [];
  if (!name || !value) throw new Error(`line ${number}: expected a sample, found ${JSON.stringify(line)}`);
  if (!NUMBER.test(value)) throw new Error(`line ${number}: expected a number, found ${value}`);
  const labels: Record<string, string> = {};
  let end = 0;
  for (const match of labelText.matchAll(LABEL)) {
    const [whole, label = '', text = ''] = match;
    if (label in labels) throw new Error(`line ${number}: the label ${label} is there twice`);
    labels[label] = text.replace(/\\(.)/gs, (_, character: string) => (character === 'n' ? '\n' : character));
    end = match.index + whole.length;
  }
  if (end !== labelText.length) throw new Error(`line ${number}: expected labels, found ${JSON.stringify(labelText)}`);
  return { name, labels, value: Number(value.replace('Inf', 'Infinity')) };
}

function namesOf(family: string, type: string, format: 'text' | 'openmetrics'): readonly string[] {
  if (type === 'histogram') return [`${family}_bucket`, `${family}_sum`, `${family}_count`];
  if (type === 'counter' && format === 'openmetrics') return [`${family}_total`];
  return [family];
}

function seriesKey(name: string, labels: Readonly<Record<string, string>>): string {
  return JSON.stringify([name, Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))]);
}
