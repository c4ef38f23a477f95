// A scan that ends is on /metrics within one scanning interval and a second.
import test from 'ava';
import { configurationFor, instanceAt, startExporter, startSimulator, tagLabels } from '../helpers/exporter.ts';
import { status, success } from '../helpers/tag-series.ts';

const INTERVAL_MS = 3_000;
const TAGS = Array.from({ length: 60 }, (_, n) => `v${n}`);

test.serial('a change from SCANNING to COMPLETE shows within the scanning interval and 1 s', async (t) => {
  const repository = { namespace: 'shop', name: 'api', id: 'crr-1' };
  const tags = TAGS.map((tag) => ({ tag, status: 'SCANNING' }));
  const simulator = await startSimulator(t, {
    instances: [{ id: 'cri-1', repositories: [{ ...repository, tags }] }],
    latency: '20ms',
  });
  const { until } = await startExporter(
    t,
    configurationFor(simulator.address, {
      instances: [instanceAt(simulator.address, { repositories: [{ ...repository, tags: TAGS }] })],
      // 20 requests a second are asked for, and no more than 60 % of what is allowed.
      rate_limit: { requests_per_second: 34, max_concurrent: 4 },
      intervals: { scanning: `${INTERVAL_MS}ms`, complete: '10m', failed: '10m' },
    }),
  );
  await until('all are scanning', (page) => TAGS.every((tag) => success(page, tagLabels(tag)) === 1));
  const happenedAtMs = new Map<string, number>();
  for (const [n, tag] of TAGS.entries()) {
    simulator.setTimeline('cri-1', 'crr-1', tag, [
      { status: 'SCANNING', for: `${n * 100 + 50}ms` },
      { status: 'COMPLETE' },
    ]);
    happenedAtMs.set(tag, performance.now() + n * 100 + 50);
  }
  const lateMs: number[] = [];
  const seen = new Set<string>();
  await until('all are complete', (page) => {
    const nowMs = performance.now();
    for (const tag of TAGS) {
      if (seen.has(tag) || status(page, tagLabels(tag), 'complete') !== 1) continue;
      seen.add(tag);
      lateMs.push(nowMs - (happenedAtMs.get(tag) ?? Number.NaN));
    }
    return seen.size === TAGS.length;
  });
  t.true(Math.max(...lateMs) <= INTERVAL_MS + 1_000, `the latest came ${Math.max(...lateMs)} ms after it happened`);
  t.true(Math.min(...lateMs) >= 0, 'nothing shows before it happens');
});
