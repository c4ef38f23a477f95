// The rules for Prometheus: held to their template, to the families that exist and to the runbook.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { parse } from 'yaml';
import { scaleDurations } from '../scripts/rules/copy.ts';
import { allFamilies } from '../src/metrics/self-families.ts';

type Rule = {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
};

/** Names of recorded series. */
const RECORDED = /\b(?:\w+:)?acr_\w+:\w+/g;

const ROOT = new URL('..', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, ROOT), 'utf8');
const shipped = read('config/prometheus/rules.yml');
const rulesOf = (text: string) =>
  (parse(text) as { groups: readonly { rules: readonly Rule[] }[] }).groups.flatMap((group) => group.rules);
const rules = rulesOf(shipped);
const alerts = rules.filter(({ alert }) => alert !== undefined);
const names = [...new Set(alerts.map(({ alert = '' }) => alert))];

/** Runs `npm run rules` without npm. */
function generate(...flags: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [`--import=${import.meta.resolve('tsx')}`, fileURLToPath(new URL('scripts/rules.ts', ROOT)), ...flags],
    { encoding: 'utf8', timeout: 60_000 },
  );
  return { status, stdout, stderr };
}

test('without flags the rules are printed as they are', (t) => {
  t.deepEqual(generate(), { status: 0, stdout: shipped, stderr: '' });
});

test('a copy with a time scale differs in durations alone, and in every one', (t) => {
  const { status, stdout, stderr } = generate('--time-scale=0.02');
  t.deepEqual({ status, stderr }, { status: 0, stderr: '' });
  const withoutNumbers = (text: string) => text.replace(/\b(\d+(ms|s|m|h|d))+\b|\b\d+(\.\d+)?\b/g, '#');
  t.is(withoutNumbers(stdout), withoutNumbers(shipped));
  const scaled = rulesOf(stdout);
  const named = (name: string) => scaled.find(({ alert }) => alert === name);
  t.is(named('AcrScanStuck')?.for, '36s');
  t.regex(named('AcrScanStuck')?.annotations?.summary ?? '', /more than 36s\.$/);
  t.regex(named('AcrScanResultsStale')?.expr ?? '', /> 72 # seconds$/m);
  t.regex(named('AcrDiscoveryFailing')?.expr ?? '', /\[18s\] offset 18s\).*\n.*time\(\) - 18 # seconds$/m);
  const durations = /\[.*?\]|\b(?:for|offset):? \d\w*|\d+\)* # seconds/g;
  const before = shipped.match(durations) ?? [];
  const after = stdout.match(durations) ?? [];
  t.true(before.length > 40);
  t.deepEqual(
    before.filter((duration, index) => duration === after[index]),
    [],
  );
});

test('a number of seconds says so, or the time scale would miss it', (t) => {
  const unmarked = rules.flatMap(({ alert, record, expr }) =>
    expr.split('\n').flatMap((line) => (/[<>-]=? *\d{2,}\)*$/.test(line) ? `${alert ?? record}: ${line}` : [])),
  );
  t.deepEqual(unmarked, []);
});

test('durations are scaled to whole milliseconds, and comments stay', (t) => {
  t.is(
    scaleDurations('# 5m\nfor: 5m\n  x[1d] > 600) # seconds\n', 0.001),
    '# 5m\nfor: 300ms\n  x[1m26s400ms] > 0.6) # seconds\n',
  );
  t.is(scaleDurations('for: 10ms\n', 0.001), 'for: 1ms\n');
});

test('the threshold of AcrHighSeverityVulnerabilities can be another one, and nothing else changes', (t) => {
  const { stdout } = generate('--high-severity-threshold=10');
  const lines = stdout.split('\n');
  const changed = shipped.split('\n').flatMap((line, index) => (line === lines[index] ? [] : [[line, lines[index]]]));
  t.is(changed.length, 1);
  const [[before = '', after = ''] = []] = changed;
  t.regex(before, /acr_scan_vulnerabilities\{severity="high"\}.* > 0$/);
  t.is(after, before.replace(/0$/, '10'));
  t.is(generate('--high-severity-threshold=0').stdout, shipped);
  t.regex(generate('--high-severity-threshold=10', '--time-scale=0.5').stdout, /severity="high"\}\[30m\]\)\) > 10$/m);
});

test('the links can lead elsewhere', (t) => {
  const { stdout } = generate('--runbook-url=https://wiki.example.com/acr');
  t.is(stdout.match(/runbook_url: https:\/\/wiki\.example\.com\/acr#acr/g)?.length, alerts.length);
});

test('a flag that does not exist or does not fit is a usage error', (t) => {
  for (const flag of [
    '--time-scale=0',
    '--time-scale=2',
    '--time-scale=fast',
    '--scale=1',
    '--high-severity-threshold=-1',
    '--high-severity-threshold=many',
    'rules.yml',
  ]) {
    const { status, stderr } = generate(flag);
    t.is(status, 2, flag);
    t.regex(stderr, /^Usage: /m);
  }
});

test('every alert says how serious it is, what is the matter and where to read on', (t) => {
  for (const { alert = '', labels, annotations } of alerts) {
    t.regex(labels?.severity ?? '', /^(critical|warning)$/, alert);
    t.deepEqual(Object.keys(annotations ?? {}), ['summary', 'description', 'runbook_url'], alert);
    t.true(annotations?.runbook_url?.endsWith(`/docs/runbook.md#${alert.toLowerCase()}`), alert);
    t.regex(annotations?.summary ?? '', /[.}]$/, alert);
  }
});

test('the rules are short enough to be read on call: few series are recorded, and an expression has six lines at most', (t) => {
  const records = rules.flatMap(({ record }) => record ?? []);
  t.true(records.length <= 5, records.join());
  for (const { alert, record, expr } of rules) t.true(expr.trim().split('\n').length <= 6, alert ?? record);
  for (const record of records) t.regex(record, /^([a-z_]+:)?acr_[a-z_]+:[a-z]+$/);
});

test('a comment stands above every rule', (t) => {
  const lines = shipped.split('\n');
  const bare = lines.filter(
    (line, index) => /^ {6}- (alert|record):/.test(line) && !/^ {6}# /.test(lines[index - 1] ?? ''),
  );
  t.deepEqual(bare, []);
});

for (const file of ['rules.yml', 'rules_test.yml']) {
  test(`${file} uses only families that exist`, (t) => {
    const known = new Set(
      allFamilies().flatMap(({ name, type }) => (type === 'histogram' ? [name, `${name}_bucket`] : [name])),
    );
    const text = read(`config/prometheus/${file}`).replace(/^\s*#.*$/gm, '');
    const used = text.replace(RECORDED, '').match(/\bacr_\w+/g) ?? [];
    t.true(used.length > 20);
    t.deepEqual([...new Set(used.filter((name) => !known.has(name)))], []);
    const records = new Set(rules.flatMap(({ record }) => record ?? []));
    t.deepEqual(
      (text.match(RECORDED) ?? []).filter((name) => !records.has(name)),
      [],
    );
  });
}

test('docs/metrics.md has every series that is recorded, and no other', (t) => {
  const [, section = ''] = read('docs/metrics.md').split('## Recording rules');
  const documented = [...section.matchAll(/^\| `([\w:]+:\w+)` /gm)].map(([, name]) => name);
  t.deepEqual(documented.sort(), [...new Set(rules.flatMap(({ record }) => record ?? []))].sort());
});

test('rules_test.yml tests every alert and the text of each', (t) => {
  const tested = parse(read('config/prometheus/rules_test.yml'), { maxAliasCount: -1 }) as {
    tests: readonly {
      promql_expr_test?: readonly { exp_samples: readonly { labels: string }[] }[];
      alert_rule_test?: readonly { alertname: string; exp_alerts: readonly unknown[] }[];
    }[];
  };
  const withText = tested.tests
    .flatMap((each) => each.alert_rule_test ?? [])
    .filter(({ exp_alerts }) => exp_alerts.length > 0)
    .map(({ alertname }) => alertname);
  const fired = JSON.stringify(tested.tests.flatMap((each) => each.promql_expr_test ?? []));
  for (const name of names) {
    t.true(withText.includes(name), name);
    t.true(fired.includes(`alertname=\\"${name}\\"`), name);
  }
});

test('the runbook has a section for every alert and no other, each with the same parts', (t) => {
  const [, ...sections] = read('docs/runbook.md').split(/^## (?=Acr)/m);
  t.deepEqual(sections.map((section) => section.split('\n')[0]).sort(), [...names].sort());
  for (const section of sections) {
    const parts = [...section.matchAll(/^\*\*(.+?)\*\*/gm)].map(([, part]) => part);
    t.deepEqual(parts, ['Meaning.', 'Impact.', 'Diagnosis.', 'What to do.'], section.split('\n')[0]);
  }
});

test('the table at the top of the runbook has every alert and no other', (t) => {
  const [intro = ''] = read('docs/runbook.md').split(/^## /m, 1);
  const listed = [...intro.matchAll(/^\| \[(Acr\w+)\]/gm)].map(([, name = '']) => name);
  t.deepEqual(listed.sort(), [...names].sort());
});

test('alertmanager.yml names only alerts that exist, and labels that they have', (t) => {
  const { inhibit_rules: inhibitions } = parse(read('config/alertmanager/alertmanager.yml')) as {
    inhibit_rules: readonly Readonly<Record<'source_matchers' | 'target_matchers' | 'equal', readonly string[]>>[];
  };
  const named = JSON.stringify(inhibitions).match(/Acr[A-Z]\w+/g) ?? [];
  t.deepEqual(
    named.filter((name) => !names.includes(name)),
    [],
  );
  const labelsIn = (name: string) =>
    alerts
      .filter(({ alert }) => alert === name)
      .map(({ expr }) => expr)
      .join('\n');
  for (const { source_matchers: sources, target_matchers: targets, equal } of inhibitions) {
    for (const name of `${sources} ${targets}`.match(/Acr[A-Z]\w+/g) ?? []) {
      const from: readonly string[] = labelsIn(name).match(RECORDED) ?? [];
      const text = [
        labelsIn(name),
        ...rules.filter(({ record }) => from.includes(record ?? '')).map(({ expr }) => expr),
      ].join();
      for (const label of equal) t.true(text.includes(label), `${name}: ${label}`);
    }
  }
});
