// The discovery of each instance: number of tags, last success, rules and errors.

import type { DiscoveryStatus } from '../../model/exporter-status.ts';
import { ErrorText } from './error-text.tsx';
import { Fact } from './fact.tsx';
import { countText } from './texts.ts';
import { RelativeTime } from './time.tsx';
import { addressOf, type SectionProps, type View } from './view.ts';

/** Empty without discovery. */
export function Discovery({ overview: { discovery, maxTags, nowMs }, view }: SectionProps) {
  if (discovery.length === 0) return null;
  return (
    <section aria-labelledby="discovery-heading">
      <h2 id="discovery-heading">Discovery</h2>
      <ul class="quota">
        {discovery.map((row) => (
          <Instance key={row.instanceId} row={row} view={view} maxTags={maxTags} nowMs={nowMs} />
        ))}
      </ul>
    </section>
  );
}

type InstanceProps = {
  readonly row: DiscoveryStatus;
  readonly view: View;
  readonly maxTags: number;
  readonly nowMs: number;
};

function Instance({ row, view, maxTags, nowMs }: InstanceProps) {
  const { instanceId, tags, truncated, lastSuccessMs, lastError } = row;
  const href = addressOf({ ...view, sources: ['discovered'], text: instanceId, page: 1 });
  return (
    <li>
      <h3>
        <bdi>{instanceId}</bdi> <Trouble row={row} /> {truncated ? <span class="mark warn">truncated</span> : null}
      </h3>
      <dl>
        <Fact name="Tags found">
          <a href={href}>{tags.toLocaleString('en-US')}</a>
        </Fact>
        <Fact name="Last success">
          {lastSuccessMs === undefined ? 'not yet' : <RelativeTime ms={lastSuccessMs} nowMs={nowMs} />}
        </Fact>
      </dl>
      <Rules rules={row.rules ?? []} />
      {truncated ? (
        <p class="note">
          More were found than max_tags allows ({maxTags.toLocaleString('en-US')}): the newest are watched.
        </p>
      ) : null}
      {lastError === undefined ? null : (
        <p class="note">
          {isPartial(row) ? 'Not listed' : 'Failed'} <RelativeTime ms={lastError.timeMs} nowMs={nowMs} />:{' '}
          <ErrorText error={lastError} />
        </p>
      )}
    </li>
  );
}

/** The matches of each rule, shown if there are several rules or one without a match. */
function Rules({ rules }: { readonly rules: NonNullable<DiscoveryStatus['rules']> }) {
  if (rules.length <= 1 && rules.every(matchesTags)) return null;
  return (
    <ul class="note">
      {rules.map((rule, index) => (
        <li key={String(index)}>
          Rule {index + 1}: {countText(rule.repositories, 'repository', 'repositories')}, {countText(rule.tags, 'tag')}{' '}
          {matchesTags(rule) ? null : <span class="mark warn">matches nothing</span>}
        </li>
      ))}
    </ul>
  );
}

function matchesTags({ tags }: { readonly tags: number }): boolean {
  return tags > 0;
}

function Trouble({ row }: { readonly row: DiscoveryStatus }) {
  if (row.lastError === undefined) return null;
  return isPartial(row) ? <span class="mark warn">incomplete</span> : <span class="mark bad">failing</span>;
}

/** Whether the last run succeeded except for repositories that it is not allowed to list. */
function isPartial({ lastSuccessMs, lastError }: DiscoveryStatus): boolean {
  return lastError !== undefined && lastSuccessMs !== undefined && lastSuccessMs >= lastError.timeMs;
}
