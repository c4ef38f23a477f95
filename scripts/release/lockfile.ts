// Checks that package-lock.json matches package.json, has all packages for all platforms, and only refers to the registry of npm.
import { isDeepStrictEqual } from 'node:util';

const REGISTRY = 'https://registry.npmjs.org/';
/** The parts of package.json that npm copies to the first entry of the lockfile. */
const REPEATED = ['name', 'version', 'dependencies', 'devDependencies', 'peerDependencies', 'engines', 'bin'] as const;

type Names = Readonly<Record<string, string>>;

/** The parts of package.json that are read here. */
export type PackageJson = {
  readonly name: string;
  readonly version: string;
  readonly dependencies: Names;
  readonly devDependencies: Names;
  readonly peerDependencies?: Names;
  readonly engines?: Names;
  readonly bin: Names;
};

/** The parts of a package in the lockfile that are read here. */
export type LockedPackage = {
  readonly version: string;
  readonly license?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly peer?: boolean;
  readonly optional?: boolean;
  readonly optionalDependencies?: Names;
};

export type Lockfile = {
  readonly lockfileVersion: number;
  readonly packages: Readonly<Record<string, LockedPackage>>;
};

/** A package that is installed with the program. */
export type ProductionPackage = { readonly name: string; readonly version: string; readonly licence: string };

/** The mistakes in the lockfile. */
export function lockfileProblems(manifest: PackageJson, { packages }: Lockfile): readonly string[] {
  const { '': own, ...others } = packages;
  const differing = REPEATED.filter(
    (key) => !isDeepStrictEqual(manifest[key], (own as Partial<PackageJson> | undefined)?.[key]),
  );
  return [
    ...differing.map((key) => `${key}: expected as in package.json, found something else`),
    ...Object.entries(others).flatMap(([path, locked]) => packageProblems(path, locked, packages)),
  ];
}

/** The production packages, by name. */
export function productionPackages(lockfile: Lockfile): readonly ProductionPackage[] {
  return Object.entries(productionEntries(lockfile))
    .map(([path, { version, license }]) => ({ name: nameOf(path), version, licence: license ?? 'unknown' }))
    .sort((one, other) => (labelOf(one) < labelOf(other) ? -1 : 1));
}

/** package.json and package-lock.json without the packages for development. */
export function withoutDevelopment(manifest: PackageJson, lockfile: Lockfile) {
  const { devDependencies: _, ...production } = manifest;
  return {
    manifest: production,
    lockfile: { ...lockfile, packages: { '': production, ...productionEntries(lockfile) } },
  };
}

function productionEntries({ packages }: Lockfile): Lockfile['packages'] {
  const isProduction = ([path, { dev, peer }]: [string, LockedPackage]) => path !== '' && !dev && !peer;
  return Object.fromEntries(Object.entries(packages).filter(isProduction));
}

function packageProblems(path: string, locked: LockedPackage, packages: Lockfile['packages']): readonly string[] {
  const { resolved, integrity, optional, optionalDependencies = {} } = locked;
  const problems: string[] = [];
  if (resolved !== undefined && !resolved.startsWith(REGISTRY))
    problems.push(`${path}: expected to come from ${REGISTRY}, found another place`);
  // Packages for other platforms may have been added by hand: npm only writes the checksums of packages that it could install.
  if (integrity === undefined && !optional) problems.push(`${path}: expected a checksum, found none`);
  // npm removes packages for other platforms when it rewrites the file: then they cannot be installed there.
  for (const name of Object.keys(optionalDependencies))
    if (!isLocked(name, path, packages)) problems.push(`${path}: expected its optional package ${name}, found none`);
  return problems;
}

/** Whether Node.js finds a package from another one. */
function isLocked(name: string, from: string, packages: Lockfile['packages']): boolean {
  const places = from
    .split('/node_modules/')
    .map((_, index, parts) => parts.slice(0, index + 1).join('/node_modules/'));
  return ['', ...places].some((place) => Object.hasOwn(packages, `${place}${place && '/'}node_modules/${name}`));
}

function labelOf({ name, version }: ProductionPackage): string {
  return `${name}@${version}`;
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
}
