// Tells of rules that take nothing: a typo in one of them watches nothing, and nothing fails for it.

import type { RuleCount } from '../model/status.ts';
import type { Logger } from '../util/logger.ts';
import type { Rules } from './rules.ts';

/** What a pass over an instance took. */
export type PassYield = {
  /** How many repositories were listed. */
  readonly repositories: number;
  /** Of each rule. */
  readonly counts: readonly RuleCount[];
  /** Whether the tags of every repository that a rule takes were listed. */
  readonly isComplete: boolean;
};

/** Of one instance, for as long as its rules stay the same. */
export class RuleLog {
  readonly #instanceId: string;
  readonly #logger: Logger;
  /** Rules that were told to take nothing, by their index. */
  readonly #empty = new Set<number>();

  constructor(instanceId: string, logger: Logger) {
    this.#instanceId = instanceId;
    this.#logger = logger;
  }

  /** A pass has ended: a rule that began or ceased to take nothing is logged. */
  took(rules: Rules, { repositories: listed, counts, isComplete }: PassYield): void {
    for (const [index, { repositories, tags }] of counts.entries()) {
      const isEmpty = repositories === 0 || (tags === 0 && isComplete);
      if (isEmpty === this.#empty.has(index)) continue;
      const fields = {
        instance_id: this.#instanceId,
        rule: index + 1,
        repositories,
        listed_repositories: listed,
        tags,
      };
      if (isEmpty) {
        this.#empty.add(index);
        this.#logger.warn('a discovery rule matches nothing', { ...fields, hint: rules.hintFor(index) });
      } else if (tags > 0) {
        this.#empty.delete(index);
        this.#logger.info('a discovery rule matches again', fields);
      }
    }
  }
}
