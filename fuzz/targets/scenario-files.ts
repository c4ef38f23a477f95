// Scenario files of the simulator.
import { readFileSync } from 'node:fs';
import { parseScenario } from '../../src/simulator/scenario.ts';
import { simulate } from '../../src/simulator/simulator.ts';
import { systemClock } from '../../src/util/clock.ts';
import { ConfigError } from '../../src/util/yaml/problems.ts';
import { SECRETS } from '../outputs.ts';
import { requireClearProblems } from '../problems.ts';
import { defineTarget } from '../target.ts';
import { type Tree, yamlNear } from '../yaml-texts.ts';

const TREES: readonly Tree[] = [
  {
    keys: [
      { access_key_id: 'demo', access_key_secret: SECRETS.accessKeySecret, security_token: SECRETS.securityToken },
    ],
    instances: [
      {
        id: 'cri-1',
        repositories: [
          {
            namespace: 'shop',
            name: 'api',
            id: 'crr-1',
            tags: [
              { tag: 'v1.0', timeline: [{ status: 'SCANNING', for: '25s' }, { status: 'COMPLETE' }] },
              { count: '17', name: 'v1.{n}', start: '3' },
              { tag: 'stuck', status: 'SCANNING' },
              'latest',
            ],
          },
        ],
      },
    ],
    scan: { duration: { min: '20s', max: '2m' }, retry_share: '0.1', failure_share: '0.1', rescan_interval: '1h' },
    latency: { min: '1ms', max: '20ms' },
    quota: { requests_per_second: '10', burst: '20', retry_after: '1s' },
    faults: [
      { operation: 'GetRepoTagScanStatus', share: '0.1', error: { code: 'SystemError' } },
      { first: '2', reset: 'mid_body' },
    ],
  },
];
const TEXTS = [readFileSync(new URL('../../config/demo-scenario.yml', import.meta.url), 'utf8')];

export const scenarioFiles = defineTarget({
  name: 'scenario-files',
  sentence: 'a scenario file gives a simulator, or problems that show no secret of its keys',
  share: 1,
  batch: 300,
  inputs: yamlNear(TREES, TEXTS),
  open: () => ({
    check: (text) => {
      let scenario: ReturnType<typeof parseScenario>;
      try {
        scenario = parseScenario(text, 'scenario.yml');
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        requireClearProblems(error, text);
        return 'problems';
      }
      const count = simulate(scenario, { seed: 1, clock: systemClock }).tagCount();
      return count === 0 ? 'a simulator without tags' : 'a simulator';
    },
  }),
});
