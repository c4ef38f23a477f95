// Finds patterns of discovery rules that look like regular expressions: they are allowed, but match nothing.
import { patternHint } from '../util/pattern-hints.ts';
import type { Config } from './config.ts';

/** One warning for each such pattern, with its place. */
export function patternWarnings({ instances }: Config): string[] {
  return instances.flatMap(({ id, discover }) =>
    discover.flatMap((rule, index) =>
      Object.entries({
        namespaces: rule.namespaces,
        repositories: rule.repositories,
        exclude_repositories: rule.excludeRepositories,
        tags: rule.tags,
        exclude_tags: rule.excludeTags,
      }).flatMap(([key, patterns]) =>
        patterns.flatMap((pattern) => {
          const hint = patternHint(pattern);
          return hint === undefined ? [] : [`${id}: discover rule ${index + 1}: ${key}: ${hint}`];
        }),
      ),
    ),
  );
}
