// `npm run -s rules`: prints config/prometheus/rules.yml with shorter durations, to test the alerts, or with other links.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { RUNBOOK_URL, replaceRunbook, scaleDurations } from './rules/copy.ts';

const RULES = new URL('../config/prometheus/rules.yml', import.meta.url);
const USAGE = `Usage: npm run -s rules -- [--time-scale=NUMBER] [--runbook-url=URL] [--output=FILE]

  --time-scale=NUMBER  multiplies every duration: 0.02 makes 36s of 30m
  --runbook-url=URL    where the alerts link to, instead of ${RUNBOOK_URL}
  --output=FILE        default: standard output
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
  const { help, timeScale, runbookUrl, output } = flags;
  if (help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const rules = replaceRunbook(scaleDurations(readFileSync(RULES, 'utf8'), timeScale), runbookUrl);
  if (output === undefined) process.stdout.write(rules);
  else writeFileSync(output, rules);
  return 0;
}

function readFlags() {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', default: false },
      output: { type: 'string' },
      'runbook-url': { type: 'string', default: RUNBOOK_URL },
      'time-scale': { type: 'string', default: '1' },
    },
  });
  const timeScale = Number(values['time-scale']);
  if (!(timeScale > 0 && timeScale <= 1))
    throw new Error(`--time-scale: expected a number above 0 and at most 1, found ${values['time-scale']}`);
  return { help: values.help, output: values.output, runbookUrl: values['runbook-url'], timeScale };
}
