// `npm run test:e2e`: sees to it that what the tests need is there, then runs all of them. None is skipped.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { fetchTools, missingTools, toolVersions } from './kubernetes-tools.ts';
import { install, mayInstall, missingPackages, packageVersions } from './needs.ts';

process.exitCode = main();

function main(): number {
  if (missingPackages().length > 0 && mayInstall()) install(missingPackages());
  if (missingTools().length > 0) fetchTools();
  const packages = missingPackages();
  const tools = missingTools();
  if (packages.length > 0) complain(`missing, install with: apt-get install ${packages.join(' ')}`);
  if (tools.length > 0) complain(`missing: ${tools.join(', ')}`);
  if (packages.length + tools.length > 0) return 1;
  process.stdout.write(`test:e2e: against ${[...packageVersions(), ...toolVersions()].join(', ')}\n`);
  const args = process.argv.slice(2);
  const files = args.filter((arg) => arg.endsWith('.test.ts'));
  const options = args.filter((arg) => !files.includes(arg));
  const waiting = files.filter((file) => file.endsWith('.waiting.test.ts'));
  const others = files.filter((file) => !waiting.includes(file));
  const passed = [
    files.length > 0 && waiting.length === 0 ? true : ava('ava.waiting.config.js', [...options, ...waiting]),
    files.length > 0 && others.length === 0 ? true : ava('ava.e2e.config.js', [...options, ...others]),
  ].every(Boolean);
  process.stdout.write(passed ? 'test:e2e: all passed\n' : 'test:e2e: FAILED\n');
  return passed ? 0 : 1;
}

/** Whether all tests of a configuration, or of those files of it, passed. */
function ava(config: string, args: readonly string[]): boolean {
  const cwd = fileURLToPath(new URL('../..', import.meta.url));
  return spawnSync('node_modules/.bin/ava', ['--config', config, ...args], { cwd, stdio: 'inherit' }).status === 0;
}

function complain(text: string): void {
  process.stderr.write(`test:e2e: ${text}\n`);
}
