// Run by `npm run schema`: writes config/acr-scan-exporter.schema.json, beside src/ and dist/ alike.
import { writeFileSync } from 'node:fs';
import { jsonSchemaText } from './json-schema.ts';

writeFileSync(new URL('../../config/acr-scan-exporter.schema.json', import.meta.url), jsonSchemaText());
