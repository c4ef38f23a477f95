// Prints the results of a part of the benchmark as a Markdown table.
import type { BenchResult, Row } from './part.ts';

export function formatResult({ title, rows, notes }: BenchResult): string {
  return [`## ${title}`, '', ...formatTable(rows), '', ...notes.map((note) => `- ${note}`), ''].join('\n');
}

function formatTable(rows: readonly Row[]): string[] {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cells = [columns, ...rows.map((row) => columns.map((column) => String(row[column] ?? '')))];
  const widths = columns.map((_, index) => Math.max(...cells.map((row) => (row[index] ?? '').length)));
  const lines = cells.map(
    (row, line) => `| ${row.map((cell, index) => pad(cell, widths[index] ?? 0, line === 0)).join(' | ')} |`,
  );
  lines.splice(1, 0, `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`);
  return lines;
}

/** Aligns numbers to the right and words to the left. */
function pad(cell: string, width: number, heading: boolean): string {
  return !heading && /^[\d.,]+( |$)/.test(cell) ? cell.padStart(width) : cell.padEnd(width);
}
