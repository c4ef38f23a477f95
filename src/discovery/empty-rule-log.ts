// Logs discovery rules that take nothing: a typo in a rule causes no error.

import { matchesNothing, type RuleCount } from '../model/exporter-status.ts';
import type { Logger } from '../util/logger.ts';
import type { Rules } from './rules.ts';

/** What the rules took in a run over an instance. */
export type RunCounts = {
  /** How many repositories were listed. */
  readonly repositories: number;
  /** For each rule, by its index. */
  readonly counts: readonly RuleCount[];
  /** Whether the tags of every repository that a rule takes were listed. */
  readonly isComplete: boolean;
};

/** The log of one instance while its rules stay the same. */
export class EmptyRuleLog {
  readonly #instanceId: string;
  readonly #logger: Logger;
  /** The indexes of the rules that were logged as empty. */
  readonly #empty = new Set<number>();

  constructor(instanceId: string, logger: Logger) {
    this.#instanceId = instanceId;
    this.#logger = logger;
  }

  /** Logs each rule that took nothing for the first time, or takes something again. Call it at the end of a run. */
  update(rules: Rules, { repositories: listed, counts, isComplete }: RunCounts): void {
    for (const [index, count] of counts.entries()) {
      const { repositories, tags } = count;
      const isEmpty = matchesNothing(count) && (repositories === 0 || isComplete);
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
