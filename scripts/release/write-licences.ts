// `npm run licences`: writes the page with the licences of third parties.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LICENCES_FILE, licencesPage } from './licences.ts';
import { productionPackages } from './lockfile.ts';
import { ROOT } from './npm.ts';

const lockfile = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
writeFileSync(join(ROOT, LICENCES_FILE), licencesPage(productionPackages(lockfile)));
