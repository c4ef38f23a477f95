import { existsSync, readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import { parse } from 'yaml';
import { parseCloudEvents } from '../src/events/cloud-event.ts';
import { FLAGS, type FlagSpecification, helpText, variableOf } from '../src/flags.ts';
import { allFamilies } from '../src/metrics/self-families.ts';

function read(path: string): string {
  return readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
}

/** The rows of all tables in a page whose first cell is code: its cells, without the backquotes around the first. */
function rows(markdown: string): string[][] {
  return markdown
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim().replaceAll('\\|', '|')),
    );
}

test('docs/metrics.md has every family with its type and labels, and no other', (t) => {
  const documented = rows(read('docs/metrics.md'))
    .filter(([, type]) => type !== undefined && ['gauge', 'counter', 'histogram'].includes(type))
    .map(([name = '', type, labels = '']) => ({
      name: name.replaceAll('`', ''),
      type,
      labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label),
    }));
  const byName = (one: { name: string }, other: { name: string }) => (one.name < other.name ? -1 : 1);
  t.deepEqual(
    documented.sort(byName) as unknown,
    allFamilies()
      .map((family) => ({ ...family, labels: [...family.labels] }))
      .sort(byName),
  );
});

test('of the two documented scrapes each family is in exactly one, with all that rules and dashboards use, and both are one job', (t) => {
  const [, jobs = ''] = /```yaml\n(scrape_configs:[\s\S]*?)```/.exec(read('docs/metrics.md')) ?? [];
  const { scrape_configs: scrapes } = parse(jobs);
  const names = scrapes.map((scrape: { params: Record<string, string[]> }) => scrape.params['name[]']);
  const [sums, tags]: readonly string[][] = names;
  const isOfTags = (name: string) => name.startsWith('acr_scan_tag_');
  const families = allFamilies().map(({ name }) => name);
  const own = (name: string) => /^(process|nodejs)_/.test(name);
  t.deepEqual(tags?.toSorted(), families.filter(isOfTags).toSorted());
  t.deepEqual(sums?.filter((name) => !own(name)).toSorted(), families.filter((name) => !isOfTags(name)).toSorted());
  const files = ['config/prometheus/rules.yml', ...readdirSync('grafana').map((name) => `grafana/${name}`)];
  const used = files
    .filter((path) => /\.(yml|json)$/.test(path))
    .flatMap((path) => read(path).match(/\b(process|nodejs)_[a-z0-9_]+/g) ?? []);
  t.deepEqual([...new Set(used)].toSorted(), sums?.filter(own).toSorted());
  const [first, second] = scrapes;
  const [{ labels, targets }] = second.static_configs;
  t.deepEqual(labels, { job: first.job_name, part: 'tags' });
  t.deepEqual(targets, first.static_configs[0].targets);
});

test('the README has every flag with its default and environment variable, and no other', (t) => {
  const documented = rows(read('README.md')).filter(([flag]) => flag?.startsWith('`--'));
  const flags = documented.map(([flag = '']) => flag.replaceAll('`', '').replace(/^--/, '').replace(/=.*/, ''));
  t.deepEqual(flags.sort(), Object.keys(FLAGS).sort());
  for (const [flag = '', fallback] of documented) {
    const name = flag.replaceAll('`', '').replace(/^--/, '').replace(/=.*/, '');
    const specification = Object.entries<FlagSpecification>(FLAGS).find(([each]) => each === name)?.[1];
    if (specification?.default !== undefined) t.is(fallback, `\`${specification.default}\``, flag);
  }
});

test('the help text has every flag, and its environment variable unless it is for the command line alone', (t) => {
  for (const [name, { commandLineOnly }] of Object.entries<FlagSpecification>(FLAGS)) {
    t.true(helpText().includes(`--${name}`), name);
    t.is(helpText().includes(`Environment: ${variableOf(name)}\n`), commandLineOnly === undefined, name);
  }
});

test('example queries use only families that exist', (t) => {
  const known = new Set(
    allFamilies().flatMap(({ name, type }) => (type === 'histogram' ? [name, `${name}_bucket`] : [name])),
  );
  const pages = read('docs/metrics.md') + read('docs/runbook.md');
  const used = [...pages.matchAll(/```promql\n([\s\S]*?)```/g)].flatMap(
    // The name of a recording rule has the family's in its middle: test/rules.test.ts knows those.
    ([, query = '']) => query.match(/(?<![\w:])acr_\w+(?!\w*:)/g) ?? [],
  );
  t.true(used.length > 5);
  t.deepEqual(
    used.filter((name) => !known.has(name)),
    [],
  );
});

test('the rules of EventBridge in docs/events.md are JSON and mean the same events, and its test is an event', (t) => {
  const page = read('docs/events.md');
  const [pattern, rule] = [...page.matchAll(/```json\n([\s\S]*?)```/g)].map(([, json = '']) => JSON.parse(json));
  t.deepEqual(JSON.parse(rule.FilterPattern), pattern);
  const [terraform = ''] = /```terraform[\s\S]*?```/.exec(page) ?? [];
  for (const { ResourceKey: key } of rule.EventTargets[0].ParamList)
    t.true(terraform.includes(`resource_key = "${key}"`), key);
  for (const type of pattern.type) t.true(terraform.includes(`"${type}"`), type);
  const [, data = ''] = /--data '(\{[\s\S]*?\n {2}\})'/.exec(page) ?? [];
  const event = data.replace(`'"$(date +%s)"'`, '1').replace(/'"\$\(date -u [^)]*\)"'/, '2026-01-31T08:15:00Z');
  const { events, problems } = parseCloudEvents(event);
  t.deepEqual(problems, []);
  t.is(events.length, 1);
});

/** The address of a heading in its page, as GitHub makes it. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

test('links between the pages lead somewhere', (t) => {
  const pages = readdirSync(new URL('../docs', import.meta.url)).filter((name) => name.endsWith('.md'));
  for (const page of [
    'README.md',
    'README.zh-CN.md',
    'CONTRIBUTING.md',
    'CHANGELOG.md',
    ...pages.map((name) => `docs/${name}`),
  ]) {
    const prose = read(page).replaceAll(/```[\s\S]*?```/g, '');
    for (const [, link = ''] of prose.matchAll(/\]\((?!https?:)([^)]+)\)/g)) {
      const { pathname, hash } = new URL(link, `file:///${page}`);
      t.true(existsSync(new URL(`..${pathname}`, import.meta.url)), `${page}: ${link}`);
      if (hash === '') continue;
      const headings = [...read(pathname.slice(1)).matchAll(/^#+ (.+)$/gm)];
      t.true(
        headings.map(([, heading = '']) => anchorOf(heading)).includes(decodeURIComponent(hash.slice(1))),
        `${page}: ${link}`,
      );
    }
  }
});

/** What two languages of a page have in common: levels of headings, code without comments, links, and the first cells of tables of code. */
function structureOf(page: string) {
  const text = read(page);
  const prose = text.replaceAll(/```[\s\S]*?```/g, '');
  return {
    headings: [...prose.matchAll(/^#+(?= )/gm)].map(([level]) => level),
    code: [...text.matchAll(/```[\s\S]*?```/g)].map(([block]) => block.replaceAll(/ +# .*$/gm, '')),
    // The order of links within a sentence may differ.
    links: [...prose.matchAll(/\]\((?!#)([^)]+)\)/g)]
      .map(([, link = '']) => link)
      .filter((link) => !link.startsWith('README'))
      .sort(),
    items: prose.match(/^(?:- |\d+\. )/gm)?.length,
    rows: prose.match(/^\|/gm)?.length,
    codeCells: rows(text).map(([cell]) => cell),
    figures: [...prose.matchAll(/^\|.*\|$/gm)].map(([row]) => row.match(/\d+(?:[.,]\d+)*/g)?.sort() ?? []),
  };
}

test('the READMEs in English and Chinese have the same headings, code, links, tables and figures, and link to each other', (t) => {
  t.deepEqual(structureOf('README.zh-CN.md'), structureOf('README.md'));
  t.true(read('README.md').includes('[简体中文](README.zh-CN.md)'));
  t.true(read('README.zh-CN.md').includes('[English](README.md)'));
});

test('runbook URLs of alerts point at the repository that package.json names', (t) => {
  const { repository } = JSON.parse(read('package.json'));
  const base = repository.url.replace(/^git\+/, '').replace(/\.git$/, '');
  const urls = [...read('config/prometheus/rules.yml').matchAll(/runbook_url: (\S+)/g)].map(([, url = '']) => url);
  t.true(urls.length > 10);
  t.deepEqual(
    urls.filter((url) => !url.startsWith(`${base}/blob/main/docs/runbook.md#`)),
    [],
  );
});

test('docs/deployment.md has the versions of Node.js that CI tests, and those that Compose starts', (t) => {
  const [, section = ''] = /^## Tested versions\n([\s\S]*?)^## /m.exec(read('docs/deployment.md')) ?? [];
  const versions = Object.fromEntries(
    [...section.matchAll(/^\| ([^|]+) \| ([^|]+) \|/gm)].map(([, name, version]) => [name, version]),
  );
  const { jobs } = parse(read('.github/workflows/ci.yml'));
  t.is(versions['Node.js'], jobs.test.strategy.matrix.node.join(', '));
  t.is(`>=${versions['Node.js']?.split(', ')[0]}`, JSON.parse(read('package.json')).engines.node);
  t.true(
    section.includes(`the tests end to end with ${/node:(\d+)-bookworm/.exec(jobs['end-to-end'].container)?.[1]}.`),
  );
  const { services } = parse(read('compose.yml'));
  for (const name of ['Prometheus', 'Alertmanager', 'Grafana']) {
    const [, tag] = services[name.toLowerCase()].image.split(':');
    t.is(`${versions[`${name} of \`compose.yml\``]}`, tag.replace(/^v/, ''), name);
  }
  t.true(read('README.md').includes(`The rules are tested with Prometheus ${versions.Prometheus}, `));
});
