// How the discovery of each instance stands: what it found, when it last saw everything, and what keeps it from that.
import type { DiscoveryRow, Overview } from '../overview.ts';
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
  readonly row: DiscoveryRow;
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

function Trouble({ row }: { readonly row: DiscoveryRow }) {
  if (row.lastError === undefined) return null;
  return isPartial(row) ? <span class="mark warn">incomplete</span> : <span class="mark bad">failing</span>;
}

/** Whether the last pass succeeded, but for a repository that there is no right to list. */
function isPartial({ lastSuccessMs, lastError }: DiscoveryRow): boolean {
  return lastError !== undefined && lastSuccessMs !== undefined && lastSuccessMs >= lastError.timeMs;
}
