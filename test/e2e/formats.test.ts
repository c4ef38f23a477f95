// Other people's readers of the two formats: they accept every page, and read the same in both.
import test from 'ava';
import { type ExporterSetup, startExporter, untilAllPolled } from './helpers/exporter.ts';
import { assertPromtoolIsSilent, type ReadFamily, readWithPython, scrape } from './helpers/scrape.ts';

const NASTY_NAMES = [
  'quote"quote',
  "apostrophe's",
  'back\\slash',
  'ends in a backslash\\',
  'not a line break: \\n',
  'line\nbreak',
  'carriage\r\nreturn',
  '\\"',
  'tab\tand  spaces ',
  'comma,brace}equals="',
  '# HELP acr_scan_tags no',
  '# EOF',
  'null byte \u0000 and bell \u0007',
  'next line \u0085, line separator \u2028',
  '🦊 family 👩‍👩‍👧‍👦, Ünïcödé, 镜像, עברית',
  'é'.repeat(255),
  '🦊'.repeat(127),
  'x'.repeat(255),
];

const STATUSES = ['SCANNING', 'RETRYING', 'COMPLETE', 'FAILED', 'A status "nobody"\nknows'];

const nasty: ExporterSetup = {
  repositories: NASTY_NAMES.map((name) => ({
    namespace: name,
    name,
    tags: Object.fromEntries(NASTY_NAMES.map((tag, index) => [tag, STATUSES[index % STATUSES.length] ?? ''])),
  })),
  faults: [{ tag: NASTY_NAMES[0] ?? '', error: { code: 'An error "code"\nof no kind' } }],
};
const NASTY_TAGS = NASTY_NAMES.length ** 2;

/** What does not move between two scrapes that nothing happens between: the process itself does. */
function still(families: readonly ReadFamily[]): readonly ReadFamily[] {
  return families.filter(({ name }) => name.startsWith('acr_'));
}

function seriesOf(families: readonly ReadFamily[]): ReadonlySet<string> {
  const samples = still(families).flatMap((family) => family.samples);
  return new Set(
    samples.map(({ name, labels, value }) => JSON.stringify([name, Object.entries(labels).sort(), value])),
  );
}

/** The first of those that only `these` have: all of them would be an unreadable message. */
function onlyIn(these: ReadonlySet<string>, others: ReadonlySet<string>): readonly string[] {
  return [...these].filter((each) => !others.has(each)).slice(0, 5);
}

test('a page before the first answer is accepted in both formats', async (t) => {
  const { metricsUrl } = await startExporter(t, { ...nasty, faults: [{ hang: 'before_head' }] });
  const text = await scrape(metricsUrl, 'text');
  assertPromtoolIsSilent(t, text);
  const series = readWithPython(text, 'text').flatMap(({ samples }) => samples);
  t.is(
    series.filter(({ name, labels }) => name === 'acr_scan_tag_status' && labels.status === 'unknown').length,
    NASTY_TAGS,
  );
  t.deepEqual(
    series.filter(({ name }) => name === 'acr_scan_tag_poll_success'),
    [],
  );
  readWithPython(await scrape(metricsUrl, 'openmetrics'), 'openmetrics');
});

test('a page with names of every kind is accepted in both formats, and says the same in both', async (t) => {
  const exporter = await startExporter(t, nasty);
  await untilAllPolled(exporter, NASTY_TAGS);
  const text = await scrape(exporter.metricsUrl, 'text');
  assertPromtoolIsSilent(t, text);
  const fromText = readWithPython(text, 'text');
  const fromOpenMetrics = readWithPython(await scrape(exporter.metricsUrl, 'openmetrics'), 'openmetrics');
  const [textSeries, openMetricsSeries] = [seriesOf(fromText), seriesOf(fromOpenMetrics)];
  t.deepEqual(onlyIn(textSeries, openMetricsSeries), []);
  t.deepEqual(onlyIn(openMetricsSeries, textSeries), []);
  t.true(textSeries.size > NASTY_TAGS * 4, `${textSeries.size} series`);
  const outline = (families: readonly ReadFamily[]) =>
    still(families).map(({ name, type, help }) => [name, type, help]);
  t.deepEqual(outline(fromOpenMetrics), outline(fromText));
});

test('names arrive as they were configured', async (t) => {
  const exporter = await startExporter(t, nasty);
  await untilAllPolled(exporter, NASTY_TAGS);
  const expected = nasty.repositories.flatMap(({ namespace, name, tags }) =>
    Object.keys(tags).map((tag) => [namespace, name, tag].join('/')),
  );
  for (const format of ['text', 'openmetrics'] as const) {
    const families = readWithPython(await scrape(exporter.metricsUrl, format), format);
    const status = families.find(({ name }) => name === 'acr_scan_tag_status')?.samples ?? [];
    const read = status.map(({ labels }) => [labels.repo_namespace, labels.repo_name, labels.tag].join('/'));
    t.deepEqual(read.sort(), [...expected].sort(), format);
  }
});
