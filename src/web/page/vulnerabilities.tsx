// Vulnerabilities by severity, of one tag and of all tags together.

import { SEVERITIES, type Vulnerabilities } from '../../model/scan.ts';
import type { TargetRow } from '../overview.ts';
import { addressOf, EVERYTHING, type SectionProps } from './view.ts';

/** The totals. Each severity links to the tags that have such vulnerabilities. Empty if no tag is asked for its vulnerabilities. */
export function VulnerabilitySummary({ overview, view }: Omit<SectionProps, 'problems'>) {
  const { wantedTags, knownTags, found } = overview.vulnerabilities;
  if (wantedTags === 0) return null;
  return (
    <div class="vulnerabilities">
      <h3>Vulnerabilities</h3>
      <ul class="totals">
        {SEVERITIES.map((severity) => {
          const chosen = view.severities[0] === severity && view.repository === '';
          const href = addressOf(chosen ? EVERYTHING : { ...EVERYTHING, severities: [severity] });
          return (
            <li key={severity}>
              <a
                href={href}
                class={`total ${found[severity] === 0 ? 'quiet' : `severity-${severity}`}`}
                aria-current={chosen ? 'true' : undefined}
              >
                <span class="count">{found[severity].toLocaleString('en-US')}</span> {severity}
              </a>
            </li>
          );
        })}
      </ul>
      <p class="quiet known">
        known of {knownTags.toLocaleString('en-US')} of {wantedTags.toLocaleString('en-US')} tags
      </p>
    </div>
  );
}

/** The numbers of a tag, or why there are none. The error itself is in the column of errors. */
export function FoundOfTag({ row }: { readonly row: TargetRow }) {
  const { wantsVulnerabilities, vulnerabilities, vulnerabilitiesError, status } = row;
  if (!wantsVulnerabilities) return <span class="quiet">not asked for</span>;
  const failed = vulnerabilitiesError !== undefined;
  if (vulnerabilities !== undefined) {
    return (
      <>
        <Counts found={vulnerabilities} />
        {status === 'complete' ? null : <span class="quiet"> of the scan before</span>}
        {failed ? <span class="bad"> asking again failed</span> : null}
      </>
    );
  }
  if (failed) return <span class="bad">not known</span>;
  return <span class="quiet">{status === 'complete' ? 'not asked yet' : 'no complete scan'}</span>;
}

function Counts({ found }: { readonly found: Vulnerabilities }) {
  const present = SEVERITIES.filter((severity) => found[severity] > 0);
  if (present.length === 0) return <span class="ok">none</span>;
  return (
    <ul class="findings">
      {present.map((severity) => (
        <li key={severity} class={`severity-${severity}`}>
          {found[severity].toLocaleString('en-US')} {severity}
        </li>
      ))}
    </ul>
  );
}
