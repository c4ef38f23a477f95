// `npm run manifests`: writes the generated files of deploy/.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateManifests } from './generate.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

for (const { path, text } of generateManifests(root)) {
  writeFileSync(join(root, path), text);
  process.stdout.write(`${path}\n`);
}
