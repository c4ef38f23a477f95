// The page with the licences of the production dependencies.
import type { ProductionPackage } from './lockfile.ts';

/** The path of the page, which is in the package. */
export const LICENCES_FILE = 'THIRD-PARTY-LICENSES.md';

/** Licences that only require attribution. */
const PERMITTED = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'ISC', 'MIT'];

/** Other names that packages use instead of an SPDX identifier. */
const OTHER_NAMES: Readonly<Record<string, string>> = { 'Apache License 2.0': 'Apache-2.0' };

/** The mistakes in the licences and in the page that lists them. */
export function licenceProblems(packages: readonly ProductionPackage[], page: string): readonly string[] {
  const strange = packages.filter(({ licence }) => !PERMITTED.includes(identifierOf(licence)));
  const problems = strange.map(
    ({ name, licence }) => `${name}: expected one of ${PERMITTED.join(', ')}, found ${licence}`,
  );
  if (page !== licencesPage(packages))
    problems.push(`${LICENCES_FILE}: expected the packages of package-lock.json, found others: npm run licences`);
  return problems;
}

/** The page. */
export function licencesPage(packages: readonly ProductionPackage[]): string {
  const rows = packages.map(({ name, version, licence }) => `| ${name} | ${version} | ${identifierOf(licence)} |`);
  return `# Licences of third parties

What is installed together with acr-scan-exporter; each package brings the text of its licence. Written by \`npm run licences\`.

| package | version | licence |
| --- | --- | --- |
${[...new Set(rows)].join('\n')}
`;
}

function identifierOf(licence: string): string {
  return OTHER_NAMES[licence] ?? licence;
}
