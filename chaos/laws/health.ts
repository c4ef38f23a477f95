// The exporter answers.
import { overlap, type RunRecord } from '../record.ts';
import { type Finding, Findings, type Judged, type Law } from './law.ts';
import { time } from './tags.ts';

export const healthLaw: Law = {
  name: 'health',
  sentence: '/-/healthy is answered with 200 within a second',
  check: (record, judged) => answers(record, judged, '/-/healthy', 1_000),
};

export const scrapeLaw: Law = {
  name: 'scrapes',
  sentence: 'every scrape is answered with 200 within 5 s',
  check: (record, judged) => answers(record, judged, '/metrics', 5_000),
};

export const endLaw: Law = {
  name: 'end',
  sentence: 'after SIGTERM the process ends with status 0 within 10 s',
  check: ({ ends, pauses }, judged) => {
    const findings = new Findings(judged);
    for (const { sentAt, tookMs, status } of ends) {
      const isLate = tookMs - overlap(pauses, sentAt, sentAt + tookMs) > 10_000;
      findings.note(
        sentAt + tookMs,
        status !== 0 || isLate ? `status ${status ?? 'none'} after ${tookMs} ms` : undefined,
      );
    }
    return findings;
  },
};

/** Times in which the process was stopped on purpose do not count. */
function answers({ probes, pauses }: RunRecord, judged: Judged | undefined, path: string, withinMs: number): Finding {
  const findings = new Findings(judged);
  for (const { path: asked, sentAt, tookMs, ok } of probes) {
    if (asked !== path) continue;
    const waitedMs = tookMs - overlap(pauses, sentAt, sentAt + tookMs);
    // It was given up while the process stood still.
    if (!ok && tookMs > withinMs && waitedMs <= withinMs) continue;
    const isLate = waitedMs > withinMs;
    const request = `to the request at ${time(sentAt)}, after ${Math.round(tookMs)} ms`;
    findings.note(sentAt + tookMs, !ok ? `no good answer ${request}` : isLate ? `a late answer ${request}` : undefined);
  }
  return findings;
}
