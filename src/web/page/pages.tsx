// The links to the other pages of a table, and a field to jump to one of them.
import { countText } from './texts.ts';
import { addressOf, parametersOf, ROWS_PER_PAGE, type View } from './view.ts';

type PagesProps = { readonly total: number; readonly view: View };

export function Pages({ total, view }: PagesProps) {
  const last = Math.max(1, Math.ceil(total / ROWS_PER_PAGE));
  if (last === 1 && view.page === 1) return null;
  const to = (page: number) => addressOf({ ...view, page });
  return (
    <nav class="pages" aria-label="Pages of the table">
      {view.page > 1 ? (
        <a href={to(Math.min(view.page - 1, last))} rel="prev">
          Previous
        </a>
      ) : (
        <span class="quiet">Previous</span>
      )}
      <form method="get" action="./#targets">
        {[...parametersOf({ ...view, page: 1 })].map(([name, value]) => (
          <input key={name} type="hidden" name={name} value={value} />
        ))}
        <label>
          Page <input type="number" name="page" min="1" max={last} value={view.page} required /> of {last}
        </label>
        <button type="submit">Go</button>
      </form>
      {view.page < last ? (
        <a href={to(view.page + 1)} rel="next">
          Next
        </a>
      ) : (
        <span class="quiet">Next</span>
      )}
    </nav>
  );
}

type FoundProps = {
  readonly total: number;
  readonly rows: number;
  readonly view: View;
  readonly noun: readonly [string, string];
};

/** Which rows of how many are shown. */
export function Found({ total, rows, view, noun: [one, many] }: FoundProps) {
  const first = (view.page - 1) * ROWS_PER_PAGE + 1;
  const all = countText(total, one, many);
  const range = `${first.toLocaleString('en-US')} to ${(first + rows - 1).toLocaleString('en-US')} of ${all}`;
  return (
    <p class="found" role="status">
      {total === 0 ? `No ${one} matches.` : rows === 0 ? `There are only ${all}.` : range}
    </p>
  );
}
