// What Prometheus' and Alertmanager's own tools say of the shipped rules, configurations and queries.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { temporaryDirectory } from './helpers/exporter.ts';
import { ROOT, run } from './helpers/program.ts';

const CHECKS: readonly (readonly [string, ...string[]])[] = [
  ['promtool', 'check', 'rules', '--lint=all', '--lint-fatal', 'config/prometheus/rules.yml'],
  ['promtool', 'test', 'rules', 'config/prometheus/rules_test.yml'],
  ['promtool', 'check', 'config', '--lint=all', '--lint-fatal', 'config/prometheus/prometheus.yml'],
  ['amtool', 'check-config', 'config/alertmanager/alertmanager.yml'],
];

for (const [command, ...args] of CHECKS) {
  test(`${command} ${args.join(' ')} finds nothing`, (t) => {
    const { status, stdout, stderr } = run(command, args);
    t.is(status, 0, stdout + stderr);
    t.regex(stdout, /SUCCESS/);
    t.is(stderr, '');
  });
}

test('Prometheus can read the rules at any time scale', (t) => {
  const file = join(temporaryDirectory(t), 'rules.yml');
  for (const timeScale of ['0.02', '0.5']) {
    const flags = [`--time-scale=${timeScale}`, `--output=${file}`];
    t.is(run('npm', ['run', '--silent', 'rules', '--', ...flags]).status, 0);
    const { status, stderr } = run('promtool', ['check', 'rules', file]);
    t.is(status, 0, stderr);
  }
});

test('with another threshold, AcrHighSeverityVulnerabilities fires above it and not at it', (t) => {
  const directory = temporaryDirectory(t);
  const rules = join(directory, 'rules.yml');
  const flags = ['--high-severity-threshold=10', `--output=${rules}`];
  t.is(run('npm', ['run', '--silent', 'rules', '--', ...flags]).status, 0);
  const labels = (name: string) => `{job="acr",instance="a:1",instance_id="cri-1",repo_name="${name}"`;
  const input_series = ['api', 'web'].flatMap((name) => [
    { series: `acr_scan_vulnerabilities${labels(name)},severity="high"}`, values: name === 'api' ? '11x30' : '10x30' },
    { series: `acr_scan_tags${labels(name)},status="complete"}`, values: '1x30' },
  ]);
  const expr = 'count by (alertname, repo_name) (ALERTS{alertstate="firing"})';
  const exp_samples = [{ labels: '{alertname="AcrHighSeverityVulnerabilities",repo_name="api"}', value: 1 }];
  const tests = [{ interval: '1m', input_series, promql_expr_test: [{ expr, eval_time: '5m', exp_samples }] }];
  const file = join(directory, 'rules_test.yml');
  // JSON is YAML.
  writeFileSync(file, JSON.stringify({ rule_files: [rules], evaluation_interval: '1m', tests }));
  const { status, stdout, stderr } = run('promtool', ['test', 'rules', file]);
  t.is(status, 0, stdout + stderr);
});

test('Prometheus can read every query of the documentation', (t) => {
  const blocks = (page: string) =>
    [...readFileSync(join(ROOT, page), 'utf8').matchAll(/```promql\n([\s\S]*?)```/g)].map(([, block = '']) =>
      block.trim(),
    );
  // The runbook has several in a block, each begins with a word at the beginning of a line.
  const queries = [
    ...blocks('docs/metrics.md'),
    ...blocks('docs/runbook.md').flatMap((block) => block.split(/\n(?=[\w(])/)),
  ];
  t.true(queries.length > 20);
  const file = join(temporaryDirectory(t), 'queries.yml');
  // JSON is YAML.
  const rules = queries.map((expr, index) => ({ record: `query:number_${index}:none`, expr }));
  writeFileSync(file, JSON.stringify({ groups: [{ name: 'queries', rules }] }));
  const { status, stderr } = run('promtool', ['check', 'rules', file]);
  t.is(status, 0, stderr);
});

test('Prometheus can read the scrape jobs of the documentation', (t) => {
  const text = readFileSync(join(ROOT, 'docs/metrics.md'), 'utf8');
  const [, jobs = ''] = /```yaml\n(scrape_configs:[\s\S]*?)```/.exec(text) ?? [];
  t.is(jobs.match(/job_name/g)?.length, 2);
  const file = join(temporaryDirectory(t), 'prometheus.yml');
  writeFileSync(file, jobs);
  const { status, stdout, stderr } = run('promtool', ['check', 'config', '--lint=all', '--lint-fatal', file]);
  t.is(status, 0, stdout + stderr);
});
