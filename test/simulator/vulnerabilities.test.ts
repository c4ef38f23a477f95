// What scans find: the numbers of GetRepoTagScanSummary.
import test from 'ava';
import type { ScenarioInput } from '../../src/simulator/scenario.ts';
import { createSimulator } from '../../src/simulator/simulator.ts';
import { json, send, start } from './clients.ts';
import { ManualClock } from './manual-clock.ts';

const NONE = { high: 0, medium: 0, low: 0, unknown: 0 };
const COMPLETE = { count: 1_000, name: 'v{n}', status: 'COMPLETE' };

/** A scenario with these tags in one repository. */
function scenarioOf(tags: readonly unknown[], scan: ScenarioInput['scan'] = {}): ScenarioInput {
  const repositories = [{ namespace: 'shop', name: 'api', id: 'crr-1', tags }];
  return { scan, instances: [{ id: 'cri-1', repositories }] } as ScenarioInput;
}

/** What the scans of 1,000 images found. */
function findingsOf(scan: ScenarioInput['scan'], seed = 1) {
  const simulator = createSimulator({ scenario: scenarioOf([COMPLETE], scan), seed });
  return simulator.state().map(({ vulnerabilities }) => vulnerabilities ?? NONE);
}

test('numbers are drawn from the whole range of each severity, both ends included', (t) => {
  const found = findingsOf({
    vulnerabilities: { high: { min: 2, max: 4 }, medium: 7, low: { min: 0, max: 1 }, unknown: 0 },
  });
  const seen = (severity: keyof typeof NONE) => [...new Set(found.map((findings) => findings[severity]))].sort();
  t.deepEqual([seen('high'), seen('medium'), seen('low'), seen('unknown')], [[2, 3, 4], [7], [0, 1], [0]]);
  const usual = findingsOf({});
  const most = (severity: keyof typeof NONE) => Math.max(...usual.map((findings) => findings[severity]));
  t.deepEqual([most('high'), most('medium'), most('low'), most('unknown')], [5, 20, 60, 2]);
});

test('a share of the images is clean', (t) => {
  const isClean = ({ high, medium, low, unknown }: typeof NONE) => high + medium + low + unknown === 0;
  const some = { high: { min: 1, max: 9 } };
  const share = findingsOf({ vulnerabilities: { ...some, clean_share: 0.4 } }).filter(isClean).length / 1_000;
  t.true(Math.abs(share - 0.4) < 0.05, String(share));
  t.is(findingsOf({ vulnerabilities: some }).filter(isClean).length, 0);
});

test('the same digest has the same numbers under every tag and in every re-scan, others with another seed', (t) => {
  const clock = new ManualClock();
  const tags = ['a', 'b'].map((tag) => ({ tag, digest: '67bf' }));
  const scan = { duration: '10s', retry_share: 0, failure_share: 0, scanned_share: 0, rescan_interval: '1m' };
  const numbers = (seed: number) => {
    const simulator = createSimulator({ scenario: scenarioOf(tags, scan), seed, clock });
    clock.advance(20_000);
    const first = simulator.state().map(({ vulnerabilities }) => vulnerabilities);
    clock.advance(70_000);
    return [...first, ...simulator.state().map(({ vulnerabilities }) => vulnerabilities)];
  };
  const [first, ...others] = numbers(1);
  t.truthy(first);
  t.deepEqual(others, [first, first, first]);
  t.notDeepEqual(numbers(2)[0], first);
});

test('a tag has the numbers that are written for it, with each of its images', async (t) => {
  const clock = new ManualClock();
  const vulnerabilities = { high: '3', medium: 2 };
  const scan = { duration: '10s', retry_share: 0, failure_share: 0, scanned_share: 1 };
  const { simulator, address } = await start(t, {
    scenario: scenarioOf([{ tag: 'v1', vulnerabilities, repushed: ['1m'] }], scan),
    clock,
  });
  const summary = async () => {
    const asked = { InstanceId: 'cri-1', RepoId: 'crr-1', Tag: 'v1' };
    const body = json(await send(address, 'GetRepoTagScanSummary', asked, { date: new Date(clock.now()) }));
    return ['HighSeverity', 'MediumSeverity', 'LowSeverity', 'UnknownSeverity', 'TotalSeverity'].map(
      (key) => body[key],
    );
  };
  const truth = () => simulator.state()[0]?.vulnerabilities;
  t.deepEqual([await summary(), truth()], [[3, 2, 0, 0, 5], { high: 3, medium: 2, low: 0, unknown: 0 }]);
  clock.advance(60_000);
  t.deepEqual([await summary(), truth()], [[0, 0, 0, 0, 0], null], 'a scan runs');
  clock.advance(10_000);
  t.deepEqual(await summary(), [3, 2, 0, 0, 5]);
  simulator.setStatus('cri-1', 'crr-1', 'v1', 'FAILED');
  t.deepEqual([await summary(), truth()], [[0, 0, 0, 0, 0], null], 'a scan failed');
});

test('the summary of the API says what the truth says', async (t) => {
  const { simulator, address } = await start(t, { scenario: scenarioOf([{ ...COMPLETE, count: 20 }]) });
  for (const { tag, vulnerabilities } of simulator.state()) {
    const asked = { InstanceId: 'cri-1', RepoId: 'crr-1', Tag: tag };
    const body = json(await send(address, 'GetRepoTagScanSummary', asked));
    const { high = 0, medium = 0, low = 0, unknown = 0 } = vulnerabilities ?? {};
    t.like(body, { HighSeverity: high, MediumSeverity: medium, LowSeverity: low, UnknownSeverity: unknown });
    t.is(body.TotalSeverity, high + medium + low + unknown);
  }
});
