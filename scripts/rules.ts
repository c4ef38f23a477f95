// `npm run rules`: writes config/prometheus/rules.yml from its template, or a copy with other durations or links.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { fillTemplate } from './rules/template.ts';

const DIRECTORY = new URL('../config/prometheus/', import.meta.url);
const USAGE = `Usage: npm run -s rules -- [--time-scale=NUMBER] [--runbook-url=URL] [--output=FILE]

  --time-scale=NUMBER  multiplies every duration: 0.02 makes 36s of 30m
  --runbook-url=URL    where the alerts link to, instead of the project's docs/runbook.md
  --output=FILE        default: config/prometheus/rules.yml; with one of the flags above, standard output
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
  const template = readFileSync(new URL('rules.template.yml', DIRECTORY), 'utf8');
  const pieces = runbookUrl === undefined ? {} : { runbook: runbookUrl };
  const rules = fillTemplate(template, { timeScale, pieces });
  const isShipped = timeScale === 1 && runbookUrl === undefined;
  const file = output ?? (isShipped ? new URL('rules.yml', DIRECTORY) : undefined);
  if (file === undefined) process.stdout.write(rules);
  else writeFileSync(file, rules);
  return 0;
}

function readFlags() {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', default: false },
      output: { type: 'string' },
      'runbook-url': { type: 'string' },
      'time-scale': { type: 'string', default: '1' },
    },
  });
  const timeScale = Number(values['time-scale']);
  if (!(timeScale > 0 && timeScale <= 1))
    throw new Error(`--time-scale: expected a number above 0 and at most 1, found ${values['time-scale']}`);
  return { help: values.help, output: values.output, runbookUrl: values['runbook-url'], timeScale };
}
