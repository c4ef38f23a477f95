// The bill of materials of the production dependencies, which npm writes in CycloneDX.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Lockfile, type PackageJson, type ProductionPackage, withoutDevelopment } from './lockfile.ts';
import { npm } from './npm.ts';

/** The path of the file. It belongs to a release, and is not in git. */
export const SBOM_FILE = 'sbom.cdx.json';

type Component = { readonly name: string; readonly group?: string; readonly version: string };

/** The parts that are read here. */
export type Sbom = {
  readonly bomFormat: string;
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
};

/**
 * Has npm make it from the lockfile. Not with --omit=dev: that leaves out what development needs too. And npm takes the directory's name for
 * the package's.
 */
export function createSbom(manifest: PackageJson, lockfile: Lockfile): Sbom {
  const temporary = mkdtempSync(join(tmpdir(), 'acr-scan-exporter-sbom-'));
  try {
    const directory = join(temporary, manifest.name);
    mkdirSync(directory);
    const production = withoutDevelopment(manifest, lockfile);
    writeFileSync(join(directory, 'package.json'), JSON.stringify(production.manifest));
    writeFileSync(join(directory, 'package-lock.json'), JSON.stringify(production.lockfile));
    return JSON.parse(
      npm(['sbom', '--sbom-format=cyclonedx', '--sbom-type=application', '--package-lock-only'], directory),
    );
  } finally {
    rmSync(temporary, { recursive: true });
  }
}

/** The mistakes in a bill of materials of this package with these dependencies. */
export function sbomProblems(
  { bomFormat, metadata, components }: Sbom,
  own: { readonly name: string; readonly version: string },
  packages: readonly ProductionPackage[],
): readonly string[] {
  const label = ({ name, version }: { readonly name: string; readonly version: string }) => `${name}@${version}`;
  const listed = new Set(components.map(label));
  const expected = new Set(packages.map(label));
  return [
    ...(bomFormat === 'CycloneDX' ? [] : [`bomFormat: expected CycloneDX, found ${bomFormat}`]),
    ...(label(metadata.component) === label(own)
      ? []
      : [`expected it of ${label(own)}, found ${label(metadata.component)}`]),
    ...[...expected].filter((each) => !listed.has(each)).map((each) => `${each}: missing`),
    ...[...listed].filter((each) => !expected.has(each)).map((each) => `${each}: not installed with the program`),
  ];
}
