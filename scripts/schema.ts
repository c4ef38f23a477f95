// `npm run schema`: writes the JSON schemas of the configuration and of the simulator's scenarios, for editors.
import { writeFileSync } from 'node:fs';
import { configJsonSchema } from '../src/config/json-schema.ts';
import { scenarioJsonSchema } from '../src/simulator/scenario.ts';

for (const [path, text] of [
  ['config/acr-scan-exporter.schema.json', configJsonSchema()],
  ['docs/simulator-scenario.schema.json', scenarioJsonSchema()],
] as const) {
  writeFileSync(new URL(`../${path}`, import.meta.url), text);
  process.stdout.write(`${path}\n`);
}
