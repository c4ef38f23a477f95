// Builds dist/ from src/: removes the previous build, compiles, writes version and revision, and makes the programs executable.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
if (!existsSync(join(root, 'node_modules', 'typescript', 'package.json'))) {
  // Without this line npm would only show that a command failed. With NODE_ENV=production npm runs the build, but installs no packages for it.
  console.error(
    'The build needs TypeScript, which npm does not install with NODE_ENV=production or --omit=dev. Run npm ci --include=dev, and then npm prune --omit=dev to keep only what the exporter needs.',
  );
  process.exit(1);
}
const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');

rmSync(join(root, 'dist'), { recursive: true, force: true });
const { status } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
});
if (status !== 0) process.exit(status ?? 1);
cpSync(join(root, 'src/web/assets'), join(root, 'dist/web/assets'), { recursive: true });
for (const program of ['bin.js', 'simulator/bin.js']) chmodSync(join(root, 'dist', program), 0o755);

writeFileSync(join(root, 'dist', 'build-info.json'), JSON.stringify({ version: version(), revision: revision() }));

/** The version of the Dockerfile, for an image between two releases, else of package.json. */
function version() {
  return process.env.ACR_BUILD_VERSION || JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version;
}

/** The revision of the Dockerfile, else of git; empty if there is neither, as in an unpacked archive. */
function revision() {
  if (process.env.ACR_BUILD_REVISION) return process.env.ACR_BUILD_REVISION;
  const git = spawnSync('git', ['-C', root, 'rev-parse', '--short=12', 'HEAD'], { encoding: 'utf8' });
  return git.status === 0 ? git.stdout.trim() : '';
}
