// After the faults, everything is the truth.
import { Findings, type Law } from './law.ts';

export const calmLaw: Law = {
  name: 'calm',
  sentence: 'within 30 s after the faults end, everything shown is true, and every tag is polled within its interval',
  check: ({ calms }, judged) => {
    const findings = new Findings(judged);
    for (const { to, equalAt, differences } of calms) {
      findings.note(to, equalAt === Number.POSITIVE_INFINITY ? differences.slice(0, 10).join('; ') : undefined);
    }
    return findings;
  },
};
