// Decides by the rules which repositories and tags of an instance are watched. Pure: the time is an argument.

import type { RuleCount } from '../model/exporter-status.ts';
import { type ListScope, listScopes } from '../model/list-scopes.ts';
import type { DiscoverRule } from '../model/settings.ts';
import type { FoundRepository, FoundTag } from '../model/target.ts';
import { patternHint } from '../util/pattern-hints.ts';
import type { MaybeYield } from '../util/yield-every.ts';
import { anyOf, type Matcher } from './glob.ts';
import { newestTags } from './newest-tags.ts';

export type ChoiceOptions = {
  /** Wall clock, milliseconds since the epoch. */
  readonly nowMs: number;
  /** Called after every tag, once for each rule. */
  readonly maybeYield: MaybeYield;
  /** For each rule; what the rules take is added. */
  readonly counts: readonly RuleCount[];
};

/** The rules of an instance. A tag is watched when any of them takes it. */
export class Rules {
  /** The lists to request: together they have every repository that a rule may take. */
  readonly scopes: readonly ListScope[];
  readonly #rules: readonly CompiledRule[];
  readonly #owns: (repository: FoundRepository) => boolean;

  /** @param owns whether this replica watches a repository; else another does */
  constructor(rules: readonly DiscoverRule[], owns: (repository: FoundRepository) => boolean = () => true) {
    this.#owns = owns;
    this.scopes = listScopes(rules);
    this.#rules = rules.map(compile);
  }

  /** New counts for each rule, all zero. */
  emptyCounts(): readonly RuleCount[] {
    return this.#rules.map(() => ({ repositories: 0, tags: 0 }));
  }

  /** Adds a repository to the counts of the rules that take it. */
  countRepository(repository: FoundRepository, counts: readonly RuleCount[]): void {
    for (const [index, { takesRepository }] of this.#rules.entries()) {
      const count = counts[index];
      if (count === undefined || !takesRepository(repository)) continue;
      if (this.#owns(repository)) count.repositories += 1;
      else count.elsewhere = (count.elsewhere ?? 0) + 1;
    }
  }

  /** A hint about a pattern of a rule, numbered from 0, that looks like a regular expression; undefined if none does. */
  hintFor(index: number): string | undefined {
    const rule = this.#rules[index];
    return rule?.patterns.map(patternHint).find((hint) => hint !== undefined);
  }

  /** Whether a rule takes the repository, and this replica owns it. */
  takesRepository(repository: FoundRepository): boolean {
    return this.#rules.some(({ takesRepository }) => takesRepository(repository)) && this.#owns(repository);
  }

  /** Whether to request the vulnerabilities of a repository's tags: the first rule that takes the repository decides. */
  wantsVulnerabilities(repository: FoundRepository): boolean {
    return this.#rules.find(({ takesRepository }) => takesRepository(repository))?.vulnerabilities ?? false;
  }

  /** Whether a rule takes a tag of a repository by its name. */
  takesTag(repository: FoundRepository, tag: string): boolean {
    return (
      this.#rules.some(({ takesRepository, takesTag }) => takesRepository(repository) && takesTag(tag)) &&
      this.#owns(repository)
    );
  }

  /** The tags of a repository that the rules take: none if another replica owns it by now. */
  async choose(
    repository: FoundRepository,
    tags: readonly FoundTag[],
    { nowMs, maybeYield, counts }: ChoiceOptions,
  ): Promise<ReadonlySet<FoundTag>> {
    const chosen = new Set<FoundTag>();
    if (!this.#owns(repository)) return chosen;
    for (const [index, { takesRepository, takesTag, newest, maxAgeMs }] of this.#rules.entries()) {
      if (!takesRepository(repository)) continue;
      const isYoung = ({ updatedMs }: FoundTag) => !Number.isFinite(updatedMs) || nowMs - updatedMs <= maxAgeMs;
      const named: FoundTag[] = [];
      for (const each of tags) {
        if (takesTag(each.tag)) named.push(each);
        await maybeYield();
      }
      const count = counts[index];
      if (count !== undefined) count.tags += named.length;
      const candidates = named.filter(isYoung);
      const taken = candidates.length > newest ? await newestTags(candidates, newest, maybeYield) : candidates;
      for (const each of taken) chosen.add(each);
    }
    return chosen;
  }
}

type CompiledRule = {
  readonly takesRepository: (repository: FoundRepository) => boolean;
  readonly takesTag: Matcher;
  readonly newest: number;
  readonly maxAgeMs: number;
  readonly vulnerabilities: boolean;
  readonly patterns: readonly string[];
};

function compile(rule: DiscoverRule): CompiledRule {
  const inNamespace = anyOf(rule.namespaces);
  const named = anyOf(rule.repositories);
  const excluded = anyOf(rule.excludeRepositories);
  const tagged = anyOf(rule.tags);
  const excludedTag = anyOf(rule.excludeTags);
  return {
    takesRepository: ({ namespace, name }) => inNamespace(namespace) && named(name) && !excluded(name),
    takesTag: (tag) => tagged(tag) && !excludedTag(tag),
    newest: rule.newest ?? Number.POSITIVE_INFINITY,
    maxAgeMs: rule.maxAgeMs ?? Number.POSITIVE_INFINITY,
    vulnerabilities: rule.vulnerabilities,
    patterns: [
      ...rule.namespaces,
      ...rule.repositories,
      ...rule.excludeRepositories,
      ...rule.tags,
      ...rule.excludeTags,
    ],
  };
}

/** What discovery looks for in an instance. */
export type DiscoverySettings = {
  readonly instanceId: string;
  /** The instance's registry domain; empty when not configured. */
  readonly domain: string;
  readonly rules: Rules;
};
