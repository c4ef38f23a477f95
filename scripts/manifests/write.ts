// `npm run manifests`: writes the generated files of deploy/. With --not-in-git only those that are not in git, as `npm run build` does.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { composeFiles, prometheusRule } from './generate.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const inGit = process.argv.includes('--not-in-git') ? [] : composeFiles(root);

for (const { path, text } of [prometheusRule(root), ...inGit]) {
  writeFileSync(join(root, path), text);
  process.stdout.write(`${path}\n`);
}
