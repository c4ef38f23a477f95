// `npm run test:e2e`: sees to it that what the tests need is there, then runs all of them. None is skipped.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { install, mayInstall, missingPackages, otherSources, packageVersions } from './needs.ts';

process.exitCode = main();

function main(): number {
  if (missingPackages().length > 0 && mayInstall()) install(missingPackages());
  const missing = missingPackages();
  if (missing.length > 0) {
    const hints = otherSources().map((hint) => ` (${hint})`);
    process.stderr.write(`test:e2e: missing, install with: apt-get install ${missing.join(' ')}${hints.join('')}\n`);
    return 1;
  }
  process.stdout.write(`test:e2e: against ${packageVersions().join(', ')}\n`);
  const cwd = fileURLToPath(new URL('../..', import.meta.url));
  const args = ['--config', 'ava.e2e.config.js', ...process.argv.slice(2)];
  const { status } = spawnSync('node_modules/.bin/ava', args, { cwd, stdio: 'inherit' });
  process.stdout.write(status === 0 ? 'test:e2e: all passed\n' : 'test:e2e: FAILED\n');
  return status ?? 1;
}
