// Reads what was scraped, in both text formats. Written for the checker: it shares nothing with the code that writes them.

export type Exposition = {
  /** By series: the name with its labels as they stand in the text. */
  readonly samples: ReadonlyMap<string, number>;
  /** By family. */
  readonly types: ReadonlyMap<string, string>;
  /** What is wrong with the text: a series that is there twice, a line that is none, an end that is missing. */
  readonly mistakes: readonly string[];
};

export type Labels = Readonly<Record<string, string>>;

const SAMPLE = /^([a-zA-Z_:][\w:]*)(\{.*\})? (\S+)$/;
const LABELS = /^\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*"(?:,|(?=\})))*\}$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\.)*)"/g;

/** Most series are the same text in every scrape: one copy of each is kept, and its labels once they were read. */
const known = new Map<string, { readonly series: string; labels?: Labels }>();
/** Digests and ids change all the time: once so many were seen, they are collected anew. */
const MAX_KNOWN = 20_000;

export function parseExposition(text: string, isOpenMetrics: boolean): Exposition {
  const samples = new Map<string, number>();
  const types = new Map<string, string>();
  const mistakes: string[] = [];
  if (!text.endsWith(isOpenMetrics ? '\n# EOF\n' : '\n')) mistakes.push(`the text ends with ${text.slice(-40)}`);
  for (const line of text.split('\n')) {
    if (line.startsWith('#') || line === '') {
      const [, family, type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
      if (family === undefined || type === undefined) continue;
      if (types.has(family)) mistakes.push(`the type of ${family} is there twice`);
      types.set(family, type);
      continue;
    }
    const [, name, labels = '', value] = SAMPLE.exec(line) ?? [];
    if (name === undefined || value === undefined || (labels !== '' && !LABELS.test(labels))) {
      mistakes.push(`no sample: ${line.slice(0, 200)}`);
      continue;
    }
    const { series } = find(name + labels);
    if (samples.has(series)) mistakes.push(`twice: ${series}`);
    const number = Number(value.replace('Inf', 'Infinity'));
    if (Number.isNaN(number) && value !== 'NaN') mistakes.push(`no number: ${line.slice(0, 200)}`);
    samples.set(series, number);
  }
  return { samples, types, mistakes };
}

/** The labels of a series. */
export function readLabels(series: string): Labels {
  const entry = find(series);
  if (entry.labels !== undefined) return entry.labels;
  const pairs = [...series.matchAll(LABEL)].map(([, name = '', value = '']) => [
    name,
    value.replace(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character)),
  ]);
  const labels: Labels = Object.fromEntries(pairs);
  entry.labels = labels;
  return labels;
}

/** The samples of one name with their labels. */
export function* samplesOf({ samples }: Exposition, name: string): Generator<readonly [Labels, number]> {
  for (const [series, value] of samples) {
    if (series === name || series.startsWith(`${name}{`)) yield [readLabels(series), value];
  }
}

function find(series: string) {
  const before = known.get(series);
  if (before !== undefined) return before;
  if (known.size >= MAX_KNOWN) known.clear();
  const entry: { readonly series: string; labels?: Labels } = { series };
  known.set(series, entry);
  return entry;
}
