// The exporter frees the memory that it took during a storm.
import type { Rest } from '../record.ts';
import { Findings, type Law } from './law.ts';

/** Four times what a process with this configuration holds at its start; the longest storms take less than half of it. */
const MAX_RESIDENT_BYTES = 256 * 1024 ** 2;
/** Some 25 belong to the process and its listener; the others are connections to the API and of scrapers, which are few in a calm. */
const MAX_OPEN_FILES = 96;

export const memoryLaw: Law = {
  name: 'memory',
  sentence: 'after each storm the process uses at most 256 MiB and 96 open files, however long it has run',
  check: ({ calms }, judged) => {
    const findings = new Findings(judged);
    for (const { to, rest } of calms) if (rest !== undefined) findings.note(to, excess(rest));
    return findings;
  },
};

/** A page without these families, as in the calm that ended before a scrape, says nothing: NaN exceeds no bound. */
function excess({ residentBytes, openFiles }: Rest): string | undefined {
  if (residentBytes > MAX_RESIDENT_BYTES)
    return `${Math.round(residentBytes / 1024 ** 2)} MiB are resident after the storm`;
  return openFiles > MAX_OPEN_FILES ? `${openFiles} files are open after the storm` : undefined;
}
