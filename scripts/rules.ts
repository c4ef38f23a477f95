// `npm run -s rules`: prints config/prometheus/rules.yml with shorter durations, to test the alerts, or with another threshold or other links.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { RUNBOOK_URL, replaceHighSeverityThreshold, replaceRunbook, scaleDurations } from './rules/copy.ts';

const RULES = new URL('../config/prometheus/rules.yml', import.meta.url);
/** In rules.yml: any vulnerability is one too many. */
const HIGH_SEVERITY_THRESHOLD = '0';
const USAGE = `Usage: npm run -s rules -- [--time-scale=NUMBER] [--high-severity-threshold=NUMBER] [--runbook-url=URL] [--output=FILE]

  --time-scale=NUMBER               multiplies every duration: 0.02 makes 36s of 30m
  --high-severity-threshold=NUMBER  AcrHighSeverityVulnerabilities fires for repositories with more than this, default ${HIGH_SEVERITY_THRESHOLD}
  --runbook-url=URL                 where the alerts link to, instead of ${RUNBOOK_URL}
  --output=FILE                     default: standard output
`;

process.exitCode = main();

function main(): number {
  let flags: ReturnType<typeof readFlags>;
  try {
    flags = readFlags();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    return 2;
  }
  const { help, timeScale, highSeverityThreshold, runbookUrl, output } = flags;
  if (help) {
    process.stdout.write(USAGE);
    return 0;
  }
  // The threshold is beside a duration.
  const withThreshold = replaceHighSeverityThreshold(readFileSync(RULES, 'utf8'), highSeverityThreshold);
  const rules = replaceRunbook(scaleDurations(withThreshold, timeScale), runbookUrl);
  if (output === undefined) process.stdout.write(rules);
  else writeFileSync(output, rules);
  return 0;
}

function readFlags() {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', default: false },
      'high-severity-threshold': { type: 'string', default: HIGH_SEVERITY_THRESHOLD },
      output: { type: 'string' },
      'runbook-url': { type: 'string', default: RUNBOOK_URL },
      'time-scale': { type: 'string', default: '1' },
    },
  });
  const timeScale = Number(values['time-scale']);
  if (!(timeScale > 0 && timeScale <= 1))
    throw new Error(`--time-scale: expected a number above 0 and at most 1, found ${values['time-scale']}`);
  const threshold = values['high-severity-threshold'];
  if (!/^\d{1,9}$/.test(threshold))
    throw new Error(`--high-severity-threshold: expected a whole number, found ${threshold}`);
  return {
    help: values.help,
    output: values.output,
    runbookUrl: values['runbook-url'],
    highSeverityThreshold: Number(threshold),
    timeScale,
  };
}
