// The exporter answers.
import { overlap, type RunRecord } from '../record.ts';
import { type Finding, Findings, type Law } from './law.ts';

export const healthLaw: Law = {
  name: 'health',
  sentence: '/-/healthy is answered with 200 within a second',
  check: (record) => answers(record, '/-/healthy', 1_000),
};

export const scrapeLaw: Law = {
  name: 'scrapes',
  sentence: 'every scrape is answered with 200 within 5 s',
  check: (record) => answers(record, '/metrics', 5_000),
};

export const endLaw: Law = {
  name: 'end',
  sentence: 'after SIGTERM the process ends with status 0 within 10 s',
  check: ({ ends, pauses }) => {
    const findings = new Findings();
    for (const { sentAt, tookMs, status } of ends) {
      const isLate = tookMs - overlap(pauses, sentAt, sentAt + tookMs) > 10_000;
      findings.note(sentAt, status !== 0 || isLate ? `status ${status ?? 'none'} after ${tookMs} ms` : undefined);
    }
    return findings;
  },
};

/** Times in which the process was stopped on purpose do not count. */
function answers({ probes, pauses }: RunRecord, path: string, withinMs: number): Finding {
  const findings = new Findings();
  for (const { path: asked, sentAt, tookMs, ok } of probes) {
    if (asked !== path) continue;
    const isLate = tookMs - overlap(pauses, sentAt, sentAt + tookMs) > withinMs;
    const tookText = `after ${Math.round(tookMs)} ms`;
    findings.note(sentAt, !ok ? `no good answer ${tookText}` : isLate ? `answered ${tookText}` : undefined);
  }
  return findings;
}
