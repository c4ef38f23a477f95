// The top of the page: tags by status, vulnerabilities, and the quota of each set of credentials.

import type { SchedulerStatus } from '../../model/exporter-status.ts';
import { Fact } from './fact.tsx';
import { countText, rateText, spanText, statusText } from './texts.ts';
import { addressOf, type SectionProps } from './view.ts';
import { VulnerabilitySummary } from './vulnerabilities.tsx';

const BAR_WIDTH = 1_000;

export function StatusSummary({ overview, view }: SectionProps) {
  const entries = Object.entries(overview.totals);
  const sum = entries.reduce((total, [, count]) => total + count, 0);
  return (
    <section aria-labelledby="tags-heading" data-live="status">
      <h2 id="tags-heading">{countText(sum, 'watched tag')}</h2>
      <StatusBar entries={entries} sum={sum} />
      <ul class="totals">
        {entries.map(([status, count]) => {
          const chosen = view.statuses.length === 1 && view.statuses[0] === status;
          const href = addressOf({ ...view, statuses: chosen ? [] : [status], page: 1 });
          return (
            <li key={status}>
              <a href={href} class={`total status-${status}`} aria-current={chosen ? 'true' : undefined}>
                <span class="dot" aria-hidden="true" />
                <span class="count">{count.toLocaleString('en-US')}</span> {statusText(status)}
              </a>
            </li>
          );
        })}
      </ul>
      <VulnerabilitySummary overview={overview} view={view} />
    </section>
  );
}

/** Hidden from screen readers, since the list under it has the same numbers. */
function StatusBar({
  entries,
  sum,
}: {
  readonly entries: readonly (readonly [string, number])[];
  readonly sum: number;
}) {
  let x = 0;
  const parts = entries.map(([status, count]) => {
    const width = sum === 0 ? 0 : (count / sum) * BAR_WIDTH;
    const part = <rect key={status} class={`fill-${status}`} x={x} width={width} y="0" height="10" />;
    x += width;
    return part;
  });
  return (
    <svg class="bar" viewBox={`0 0 ${BAR_WIDTH} 10`} preserveAspectRatio="none" aria-hidden="true">
      {parts}
    </svg>
  );
}

export function Quota({ rows }: { readonly rows: readonly SchedulerStatus[] }) {
  return (
    <section aria-labelledby="quota-heading" data-live="quota">
      <h2 id="quota-heading">Quota</h2>
      <ul class="quota">
        {rows.map((row) => (
          <li key={row.credentials}>
            <h3>
              <bdi>{row.credentials}</bdi> <PauseMark row={row} />
            </h3>
            <dl>
              <Fact name="Signed as">
                {row.inUse === undefined ? 'no credentials' : <Identity inUse={row.inUse} />}
              </Fact>
              <Fact name="Requests a second">
                {rateText(row.rate.current)} of {rateText(row.rate.configured)}
              </Fact>
              <Fact name="Under way">{String(row.inFlight)}</Fact>
              <Fact name="Due, urgent">{backlogText(row.due.urgent, row.oldestDueSeconds.urgent)}</Fact>
              <Fact name="Due, background">{backlogText(row.due.background, row.oldestDueSeconds.background)}</Fact>
            </dl>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Identity({
  inUse: { provider, identity, renewalFails },
}: {
  readonly inUse: NonNullable<SchedulerStatus['inUse']>;
}) {
  return (
    <>
      <bdi>{identity}</bdi> ({provider}){renewalFails && <span class="mark warn">cannot be renewed</span>}
    </>
  );
}

function PauseMark({ row: { paused, rate } }: { readonly row: SchedulerStatus }) {
  if (paused.refused) return <span class="mark bad">paused: credentials refused</span>;
  if (paused.throttled) return <span class="mark bad">paused: throttled</span>;
  if (rate.current < rate.configured) return <span class="mark warn">slowed down: throttled</span>;
  return null;
}

function backlogText(due: number, oldestSeconds: number): string {
  if (due === 0) return 'none';
  return `${due.toLocaleString('en-US')}, the oldest for ${spanText(oldestSeconds * 1_000)}`;
}
