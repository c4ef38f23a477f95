// The commands on a configuration besides running it: check it, try it online, print its RAM policy.
import { loadSdk } from './acr/sdk.ts';
import { describeRoutes, uncheckedWarning, unusedProxyVariables } from './app/connection-report.ts';
import { checkOnline } from './app/online-check.ts';
import { missingSecretWarnings, presentIn } from './config/credential-files.ts';
import { loadConfigInWorker } from './config/load-in-worker.ts';
import { patternWarnings } from './config/pattern-warnings.ts';
import { formatPlan, planPolls } from './config/poll-plan.ts';
import { ramPolicies } from './config/ram-policy.ts';
import type { Options } from './flags.ts';
import { systemClock } from './util/clock.ts';
import { Redactor } from './util/redactor.ts';
import { loadTogether } from './util/yaml/problems.ts';
import { loadWebSettings } from './web/access/load.ts';

export type CommandSurroundings = {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** How much more memory the process may take, in bytes. */
  readonly freeMemory: () => number;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
};

const DONE = 0;
const FAILED = 1;

/** Prints the poll plan to stdout and warnings to stderr, and with `--config.check.online` tries everything once. Gives the exit status. */
export async function checkConfig(
  options: Options,
  { env, freeMemory, stdout, stderr }: CommandSurroundings,
): Promise<number> {
  const { configFile, webConfigFile } = options;
  const [config] = await loadTogether([
    () => loadConfigInWorker(configFile, freeMemory()),
    () => webConfigFile !== undefined && loadWebSettings(webConfigFile),
  ]);
  const plan = planPolls(config);
  const missing = await missingSecretWarnings(config, presentIn(env));
  stdout(formatPlan(plan));
  stdout(`\n${describeRoutes(config, env).join('\n')}\n`);
  stdout(`\n${configFile} is valid.\n`);
  const connection = [uncheckedWarning(config), unusedProxyVariables(config, env)].filter((each) => each !== undefined);
  for (const warning of [...missing, ...connection, ...patternWarnings(config), ...plan.warnings])
    stderr(`warning: ${warning}\n`);
  if (!options.configCheckOnline) return DONE;
  stdout('\n');
  let status = DONE;
  const redactor = new Redactor();
  const show = (text: string) => redactor.redact(text);
  for await (const { subject, problem } of checkOnline(config, {
    sdk: await loadSdk(),
    env,
    clock: systemClock,
    redactor,
  })) {
    if (problem === undefined) stdout(show(`ok      ${subject}\n`));
    else {
      stdout(show(`failed  ${subject}\n`));
      stderr(show(`${subject}: ${problem}\n`));
      status = FAILED;
    }
  }
  return status;
}

/** Prints one JSON document for each set of credentials to stdout. If there are several, stderr names their credentials. */
export async function printRamPolicy(
  { configFile }: Options,
  { freeMemory, stdout, stderr }: CommandSurroundings,
): Promise<number> {
  const config = await loadConfigInWorker(configFile, freeMemory());
  const policies = ramPolicies(config);
  for (const { id, repositories } of config.instances) {
    for (const { id: repoId } of repositories.filter(({ name }) => name === '')) {
      stderr(
        `warning: ${id} ${repoId} is given by id alone, so the policy covers the whole instance: give namespace and name too\n`,
      );
    }
  }
  for (const { credentials, document } of policies) {
    if (policies.length > 1) stderr(`policy for credentials ${credentials}:\n`);
    stdout(`${JSON.stringify(document, undefined, 2)}\n`);
  }
  return DONE;
}
