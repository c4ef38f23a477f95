// The events of each instance: whether they stand in for polls, the last one, and what the feed says.

import type { EventsStatus } from '../../model/exporter-status.ts';
import type { PollError } from '../../model/scan.ts';
import { ErrorText } from './error-text.tsx';
import { Fact } from './fact.tsx';
import { RelativeTime } from './time.tsx';
import type { SectionProps } from './view.ts';

/** Empty without events. */
export function Events({ overview: { events, nowMs } }: Pick<SectionProps, 'overview'>) {
  if (events.length === 0) return null;
  return (
    <section aria-labelledby="events-heading">
      <h2 id="events-heading">Events</h2>
      <ul class="quota">
        {events.map((row) => (
          <Instance key={row.instanceId} row={row} nowMs={nowMs} />
        ))}
      </ul>
    </section>
  );
}

function Instance({ row, nowMs }: { readonly row: EventsStatus; readonly nowMs: number }) {
  const { instanceId, healthy, webhook, feed, lastEventMs, missed } = row;
  const channels = [...(feed === undefined ? [] : ['feed']), ...(webhook ? ['webhook'] : [])];
  const past = (ms: number | undefined) => (ms === undefined ? 'not yet' : <RelativeTime ms={ms} nowMs={nowMs} />);
  return (
    <li>
      <h3>
        <bdi>{instanceId}</bdi> {healthy ? null : <span class="mark warn">polled as without events</span>}
      </h3>
      <dl>
        <Fact name="Channels">{channels.join(', ')}</Fact>
        <Fact name="Last event">{past(lastEventMs)}</Fact>
        <Fact name="Missed">{missed.toLocaleString('en-US')}</Fact>
        {feed === undefined ? null : <Fact name="Feed answered">{past(feed.lastSuccessMs)}</Fact>}
      </dl>
      {feed?.hasRule === false ? (
        <p class="note">The instance has no event rule, so its event center has no new records.</p>
      ) : null}
      <Failure what="Failed" error={feed?.lastError} nowMs={nowMs} />
      <Failure what="Event rules not listed" error={feed?.rulesError} nowMs={nowMs} />
    </li>
  );
}

type FailureProps = { readonly what: string; readonly error: PollError | undefined; readonly nowMs: number };

function Failure({ what, error, nowMs }: FailureProps) {
  if (error === undefined) return null;
  return (
    <p class="note">
      {what} <RelativeTime ms={error.timeMs} nowMs={nowMs} />: <ErrorText error={error} />
    </p>
  );
}
