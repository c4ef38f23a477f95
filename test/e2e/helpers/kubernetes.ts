// Kubernetes' resources as kubectl and helm render them, and what the published types and schemas say of them. No cluster is asked.
import { realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import type { ExecutionContext } from 'ava';
import { parseAllDocuments } from 'yaml';
import { commandOf } from '../kubernetes-tools.ts';
import { temporaryDirectory } from './exporter.ts';
import { ROOT, run } from './program.ts';

export type Resource = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
};

type Model = new (resource: Resource) => { validate(): void };

/** Whose resources are in a package of their own. */
const PACKAGES: Readonly<Record<string, string>> = {
  'monitoring.coreos.com': '@kubernetes-models/prometheus-operator',
};

/** What `kubectl apply --kustomize` would send. */
export function render(directory: string): readonly Resource[] {
  const { status, stdout, stderr } = run(commandOf('kubectl'), ['kustomize', directory]);
  if (status !== 0) throw new Error(`kubectl kustomize ${directory}: ${stderr}`);
  return parseAllDocuments(stdout).map((document) => document.toJS() as Resource);
}

/** A folder for kustomize with the base and a component. */
export function overlayWith(t: ExecutionContext, component: string): string {
  const directory = temporaryDirectory(t);
  const pathTo = (folder: string) => relative(realpathSync(directory), join(ROOT, 'deploy/kubernetes', folder));
  const overlay = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    resources: [pathTo('base')],
    components: [pathTo(`components/${component}`)],
  };
  writeFileSync(join(directory, 'kustomization.yaml'), JSON.stringify(overlay));
  return directory;
}

/** The chart. */
export const CHART = 'deploy/helm/acr-scan-exporter';

/** What `helm install acr` with these flags would send; throws an error with helm's message if it refuses. */
export function renderChart(flags: readonly string[], chart = CHART): readonly Resource[] {
  const { status, stdout, stderr } = run(commandOf('helm'), ['template', 'acr', chart, ...flags]);
  // Helm reports the links to the rules and dashboards, which are elsewhere in the checkout.
  if (status !== 0) throw new Error(stderr.replace(/^.*symbolic link in path.*\n/gm, ''));
  return parseAllDocuments(stdout).flatMap((document) =>
    document.contents === null ? [] : [document.toJS() as Resource],
  );
}

/** The resource of this kind and, where there are several, of this name. */
export function find<Type>(resources: readonly Resource[], kind: string, name = ''): Type {
  const found = resources.filter((each) => each.kind === kind && each.metadata.name.includes(name));
  if (found.length !== 1) throw new Error(`expected one ${kind} ${name}, found ${found.length}`);
  return found[0] as Type;
}

/** What the schemas find wrong: types, required fields, patterns. They let unknown fields pass. */
export function schemaFindings(resources: readonly Resource[]): readonly string[] {
  const require = createRequire(import.meta.url);
  return resources.flatMap((resource) => {
    const { [resource.kind]: model }: Record<string, Model> = require(moduleOf(resource));
    try {
      if (model === undefined) throw new Error('no such kind');
      new model(resource).validate();
      return [];
    } catch (error) {
      return [`${resource.kind} ${resource.metadata.name}: ${(error as Error).message}`];
    }
  });
}

/** What the compiler finds wrong with the resources as literals of their types: unknown fields above all. */
export function typeFindings(t: ExecutionContext, resources: readonly Resource[]): readonly string[] {
  const directory = temporaryDirectory(t);
  symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
  const literals = resources.map(
    (resource, index) => `import type { I${resource.kind} as Type${index} } from '${moduleOf(resource)}';
export const resource${index}: Type${index}${resource.kind === 'ScrapeConfig' ? ' & ScrapeConfigFields' : ''} = ${JSON.stringify(resource, null, 1)};`,
  );
  const more = `import type { ScrapeConfigFields } from '${join(ROOT, 'test/e2e/helpers/scrape-config.ts')}';`;
  writeFileSync(join(directory, 'resources.ts'), [more, ...literals].join('\n'));
  const options = {
    strict: true,
    noEmit: true,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
    module: 'preserve',
    target: 'es2023',
    types: [],
  };
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions: options }));
  const { stdout } = run(join(ROOT, 'node_modules/.bin/tsc'), ['--project', directory]);
  return stdout.split('\n').filter((line) => line.includes('error TS'));
}

function moduleOf({ apiVersion, kind }: Resource): string {
  const [group = ''] = apiVersion.split('/');
  return `${PACKAGES[group] ?? 'kubernetes-models'}/${apiVersion}/${kind}`;
}
