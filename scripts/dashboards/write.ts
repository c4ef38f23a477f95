// `npm run dashboards`: writes the dashboards in grafana/.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateDashboards } from './generate.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

for (const { path, text } of generateDashboards()) {
  writeFileSync(join(root, path), text);
  process.stdout.write(`${path}\n`);
}
