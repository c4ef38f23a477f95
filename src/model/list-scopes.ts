// Chooses the lists of repositories that discovery requests: the lists of namespaces or single names if no rule has a pattern for namespaces,
// else the list of the instance. Narrower lists need fewer permissions and fewer requests.

/** The names in a rule of discovery; `*` stands for any characters, `?` for any one. */
export type NamePatterns = { readonly namespaces: readonly string[]; readonly repositories: readonly string[] };

/** A list of repositories: of a whole instance, of a namespace, or of one name in it. */
export type ListScope = { readonly namespace?: string; readonly name?: string };

const WILDCARD = /[*?]/;
const WHOLE_INSTANCE: readonly ListScope[] = [{}];

/** The lists that contain all repositories that a rule may match. They do not overlap. */
export function listScopes(rules: readonly NamePatterns[]): readonly ListScope[] {
  if (rules.some(({ namespaces }) => namespaces.some(isPattern))) return WHOLE_INSTANCE;
  const patterns = new Map<string, Set<string>>();
  for (const { namespaces, repositories } of rules) {
    for (const namespace of namespaces) {
      patterns.set(namespace, new Set([...(patterns.get(namespace) ?? []), ...repositories]));
    }
  }
  return [...patterns].flatMap(([namespace, names]): ListScope[] =>
    [...names].some(isPattern) ? [{ namespace }] : [...names].map((name) => ({ namespace, name })),
  );
}

function isPattern(name: string): boolean {
  return WILDCARD.test(name);
}
