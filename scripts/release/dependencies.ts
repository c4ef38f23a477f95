// Whether `dependencies` holds what the program loads, and nothing that only its development needs.

type Names = Readonly<Record<string, string>>;

/**
 * What is wrong with the dependencies.
 *
 * @param programs the compiled files' text
 */
export function dependencyProblems(
  { dependencies, devDependencies }: { readonly dependencies: Names; readonly devDependencies: Names },
  programs: readonly string[],
): readonly string[] {
  const names = Object.keys(dependencies);
  return [
    ...names.filter((name) => Object.hasOwn(devDependencies, name)).map((name) => `${name}: also in devDependencies`),
    ...names
      .filter((name) => !programs.some((text) => loads(text, name)))
      .map((name) => `${name}: expected to be loaded by the program, found nowhere in dist/`),
  ];
}

function loads(text: string, name: string): boolean {
  return ["'", '"'].some((quote) => text.includes(`${quote}${name}${quote}`) || text.includes(`${quote}${name}/`));
}
