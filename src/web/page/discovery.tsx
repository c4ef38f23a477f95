// How the discovery of each instance stands: what it found, when it last saw everything, and what keeps it from that.

import type { DiscoveryStatus } from '../../model/status.ts';
import type { Overview } from '../overview.ts';
import { ErrorText } from './error-text.tsx';
import { Fact } from './fact.tsx';
import { RelativeTime } from './time.tsx';
import { addressOf, type View } from './view.ts';

type DiscoveryProps = { readonly overview: Overview; readonly view: View };

/** Nothing where nothing is discovered. */
export function Discovery({ overview: { discovery, maxTags, nowMs }, view }: DiscoveryProps) {
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

/** What each rule takes, where one takes nothing or there are several. */
function Rules({ rules }: { readonly rules: NonNullable<DiscoveryStatus['rules']> }) {
  if (rules.length <= 1 && rules.every(takesTags)) return null;
  return (
    <ul class="note">
      {rules.map((rule, index) => (
        <li key={String(index)}>
          Rule {index + 1}: {amount(rule.repositories, 'repository', 'repositories')},{' '}
          {amount(rule.tags, 'tag', 'tags')} {takesTags(rule) ? null : <span class="mark warn">matches nothing</span>}
        </li>
      ))}
    </ul>
  );
}

function takesTags({ tags }: { readonly tags: number }): boolean {
  return tags > 0;
}

function amount(count: number, one: string, many: string): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;
}

function Trouble({ row }: { readonly row: DiscoveryStatus }) {
  if (row.lastError === undefined) return null;
  return isPartial(row) ? <span class="mark warn">incomplete</span> : <span class="mark bad">failing</span>;
}

/** Whether the last pass succeeded, but for a repository that there is no right to list. */
function isPartial({ lastSuccessMs, lastError }: DiscoveryStatus): boolean {
  return lastError !== undefined && lastSuccessMs !== undefined && lastSuccessMs >= lastError.timeMs;
}
