// The exporter answers.
import { overlap } from '../record.ts';
import { Findings, type Law } from './law.ts';

const WITHIN_MS = 1_000;

export const healthLaw: Law = {
  name: 'health',
  sentence: '/-/healthy is answered with 200 within a second',
  check: ({ probes, pauses }) => {
    const findings = new Findings();
    for (const { sentAt, tookMs, ok } of probes) {
      const paused = overlap(pauses, sentAt, sentAt + tookMs);
      const isLate = tookMs - paused > WITHIN_MS;
      const isRefused = !ok && paused === 0;
      findings.note(
        sentAt,
        isLate || isRefused ? `answered ${ok ? 'well' : 'badly'} after ${Math.round(tookMs)} ms` : undefined,
      );
    }
    return findings;
  },
};
