// All watched tags by status, and the vulnerabilities that were found.
import { countText, statusText } from './texts.ts';
import { addressOf, EVERYTHING, type SectionProps } from './view.ts';
import { VulnerabilitySummary } from './vulnerabilities.tsx';

const BAR_WIDTH = 1_000;

export function StatusSummary({ overview, view }: Omit<SectionProps, 'problems'>) {
  const entries = Object.entries(overview.totals);
  const sum = entries.reduce((total, [, count]) => total + count, 0);
  return (
    <section class="summary" aria-labelledby="tags-heading" data-live="status">
      <h2 id="tags-heading">{countText(sum, 'watched tag')}</h2>
      <ul class="totals">
        {entries.map(([status, count]) => {
          const chosen = view.statuses[0] === status && view.repository === '';
          const href = addressOf(chosen ? EVERYTHING : { ...EVERYTHING, statuses: [status] });
          return (
            <li key={status}>
              <a
                href={href}
                class={`total ${count === 0 ? 'quiet' : `status-${status}`}`}
                aria-current={chosen ? 'true' : undefined}
              >
                <span class="dot" aria-hidden="true" />
                <span class="count">{count.toLocaleString('en-US')}</span> {statusText(status)}
              </a>
            </li>
          );
        })}
      </ul>
      <StatusBar entries={entries} sum={sum} />
      <VulnerabilitySummary overview={overview} view={view} />
    </section>
  );
}

type StatusBarProps = { readonly entries: readonly (readonly [string, number])[]; readonly sum: number };

/** Hidden from screen readers, since the list above it has the same numbers. */
function StatusBar({ entries, sum }: StatusBarProps) {
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
