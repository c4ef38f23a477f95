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
  const cwd = fileURLToPath(new URL('../..', import.meta.url));
  const args = ['--config', 'ava.e2e.config.js', ...process.argv.slice(2)];
  const { status } = spawnSync('node_modules/.bin/ava', args, { cwd, stdio: 'inherit' });
  process.stdout.write(status === 0 ? 'test:e2e: all passed\n' : 'test:e2e: FAILED\n');
  return status ?? 1;
}

function complain(text: string): void {
  process.stderr.write(`test:e2e: ${text}\n`);
}
