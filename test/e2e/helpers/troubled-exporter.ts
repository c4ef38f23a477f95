// An exporter with something wrong wherever something can be wrong, so that each part of the page has something to show.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { ScenarioInput } from '../../../src/simulator/scenario.ts';
import { createSimulator } from '../../../src/simulator/simulator.ts';
import { LISTENING, type RunningExporter, temporaryDirectory, untilAllPolled } from './exporter.ts';
import { Program } from './program.ts';
import { until } from './until.ts';

const KEY = { access_key_id: 'acr-simulator', access_key_secret: 'acr-simulator-secret' };
const HOUR = '1h';
/** With the tags of the other repositories more than fit on a page of the table. */
const WELL_TAGS = 105;
/** Repositories with a problem each: with the others more than the first screen shows. */
const TROUBLED = 7;
/** Those, seven of shop/api, and the one with refused credentials. */
export const TAGS = WELL_TAGS + 2 * TROUBLED + 7 + 1;

/** A tag whose scan was running and has failed. */
export const CHANGED = { repository: 'shop/api', tag: 'changed', view: './?repository=shop%2Fapi&tag=changed' };

function repository(namespace: string, name: string, statuses: Readonly<Record<string, string>>) {
  const tags = Object.entries(statuses).map(([tag, status]) => ({ tag, status }));
  return { namespace, name, id: `crr-${namespace}-${name}`, tags };
}

const SCENARIO: ScenarioInput = {
  keys: [KEY],
  instances: [
    {
      id: 'cri-shop',
      repositories: [
        repository('shop', 'api', {
          [CHANGED.tag]: 'SCANNING',
          found: 'COMPLETE',
          refused: 'COMPLETE',
          retrying: 'RETRYING',
          never: 'NOT_SCANNED',
          odd: 'ODD',
          private: 'COMPLETE',
        }),
        repository(
          'shop',
          'well',
          Object.fromEntries(Array.from({ length: WELL_TAGS }, (_, n) => [`v${n}`, 'COMPLETE'])),
        ),
        ...Array.from({ length: TROUBLED }, (_, n) =>
          repository('team', `service-${n}`, { v1: 'FAILED', v2: 'NOT_SCANNED' }),
        ),
      ],
    },
    { id: 'cri-pay', repositories: [repository('pay', 'api', { v1: 'COMPLETE' })] },
  ],
  // Of each severity there is something.
  scan: { vulnerabilities: { high: 3, medium: 2, low: 1, unknown: 1 } },
  faults: [
    { operation: 'GetRepoTagScanStatus', tag: 'private', error: { code: 'NoPrivilege' } },
    { operation: 'GetRepoTagScanSummary', tag: 'refused', error: { code: 'SystemError' } },
  ],
};

function configOf(simulator: string) {
  const instance = { region: 'cn-hangzhou', endpoint: `http://${simulator}` };
  return {
    credentials: { type: 'access_key', ...KEY },
    rate_limit: { requests_per_second: 200, max_concurrent: 16 },
    // Only running scans are polled again.
    intervals: { scanning: '300ms', complete: HOUR, failed: HOUR, not_scanned: HOUR },
    backoff: { initial: HOUR, max: HOUR },
    discovery_interval: HOUR,
    instances: [
      {
        id: 'cri-shop',
        ...instance,
        discover: [{ namespaces: ['shop', 'team'] }, { namespaces: ['nothing'] }],
        // The instance has no event rule.
        events: { feed: '15s' },
      },
      {
        id: 'cri-pay',
        ...instance,
        credentials: { type: 'access_key', access_key_id: 'revoked', access_key_secret: 'revoked-secret' },
        repositories: [{ namespace: 'pay', name: 'api', tags: ['v1'] }],
      },
    ],
  };
}

/** Starts it, and waits until there is nothing more to come. */
export async function startTroubledExporter(t: ExecutionContext): Promise<RunningExporter> {
  const simulator = createSimulator({ scenario: SCENARIO });
  const { address } = await simulator.listen('127.0.0.1', 0);
  t.teardown(() => simulator.close());
  const config = join(temporaryDirectory(t), 'config.yml');
  writeFileSync(config, JSON.stringify(configOf(address)));
  const program = await Program.start(t, process.execPath, [
    'dist/bin.js',
    '--web.listen-address=127.0.0.1:0',
    `--config.file=${config}`,
  ]);
  const url = `http://${await program.outputMatch(LISTENING)}`;
  const exporter = { program, url, metricsUrl: `${url}/metrics` };
  await untilAllPolled(exporter, TAGS);
  simulator.setStatus('cri-shop', 'crr-shop-api', CHANGED.tag, 'FAILED');
  await until('the end of the scan', 10_000, async () => {
    const page = await fetch(new URL(CHANGED.view, url));
    return (await page.text()).includes('failed, since') || undefined;
  });
  return exporter;
}
