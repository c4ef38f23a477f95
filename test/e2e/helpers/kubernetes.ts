// Kubernetes' resources as kubectl renders them, and what the published types and schemas say of them. No cluster is asked.
import { symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { parseAllDocuments } from 'yaml';
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
  const { status, stdout, stderr } = run('kubectl', ['kustomize', directory]);
  if (status !== 0) throw new Error(`kubectl kustomize ${directory}: ${stderr}`);
  return parseAllDocuments(stdout).map((document) => document.toJS() as Resource);
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
export const resource${index}: Type${index} = ${JSON.stringify(resource, null, 1)};`,
  );
  writeFileSync(join(directory, 'resources.ts'), literals.join('\n'));
  const options = { strict: true, noEmit: true, skipLibCheck: true, module: 'preserve', target: 'es2023', types: [] };
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions: options }));
  const { stdout } = run(join(ROOT, 'node_modules/.bin/tsc'), ['--project', directory]);
  return stdout.split('\n').filter((line) => line.includes('error TS'));
}

function moduleOf({ apiVersion, kind }: Resource): string {
  const [group = ''] = apiVersion.split('/');
  return `${PACKAGES[group] ?? 'kubernetes-models'}/${apiVersion}/${kind}`;
}
