// Checks that `dependencies` has exactly the packages that the program loads.
import { isBuiltin } from 'node:module';
// This variant parses synchronously.
import { parse } from 'es-module-lexer/js';

type Names = Readonly<Record<string, string>>;

type Dependencies = {
  readonly dependencies: Names;
  readonly devDependencies: Names;
  readonly peerDependencies?: Names;
};

/**
 * The mistakes in the dependencies.
 *
 * @param programs the texts of the compiled files
 */
export function dependencyProblems(
  { dependencies, devDependencies, peerDependencies = {} }: Dependencies,
  programs: readonly string[],
): readonly string[] {
  const names = Object.keys(dependencies);
  const installed = new Set([...names, ...Object.keys(peerDependencies)]);
  const imported = new Set(programs.flatMap(importedPackages));
  return [
    ...names.filter((name) => Object.hasOwn(devDependencies, name)).map((name) => `${name}: also in devDependencies`),
    ...names
      .filter((name) => !imported.has(name) && !programs.some((text) => mentions(text, name)))
      .map((name) => `${name}: expected to be loaded by the program, found nowhere in dist/`),
    ...[...imported]
      .filter((name) => !installed.has(name))
      .map((name) => `${name}: imported by the program, expected in dependencies`),
  ];
}

/** The packages that a module imports. */
function importedPackages(text: string): readonly string[] {
  const [imports] = parse(text);
  return imports
    .flatMap((each) => (each.type === 'import-meta' ? [] : (each.specifier ?? [])))
    .filter((specifier) => /^[@\w]/.test(specifier) && !isBuiltin(specifier))
    .map((specifier) => /^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier);
}

/** Whether a text contains a name as a whole word: require() may get it from a constant. */
function mentions(text: string, name: string): boolean {
  return ["'", '"'].some((quote) => text.includes(`${quote}${name}${quote}`) || text.includes(`${quote}${name}/`));
}
