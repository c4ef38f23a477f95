// Of which tags the first answer that shows a scan is its start: those that were not there when the process started.
import test, { type ExecutionContext } from 'ava';
import { discovering, INTERVAL_MS, type Registry } from '../helpers/discovering.ts';
import { EVERYTHING, entry, type Pending } from '../helpers/scripted-pipeline.ts';

const NAMES = { namespace: 'shop', name: 'api', id: 'crr-api' };

function running(t: ExecutionContext) {
  const pipeline = discovering(t);
  /** Lets every tag be seen with a scan under way, and ends that. */
  const scan = async (registry: Registry) => {
    const status = (word: string) => (each: Pending) => {
      if (each.action !== 'GetRepoTagScanStatus') return false;
      each.answer.status(word);
      return true;
    };
    await pipeline.settle(registry, status('SCANNING'));
    await pipeline.clock.advance(15_000);
    await pipeline.settle(registry, status('COMPLETE'));
  };
  return { ...pipeline, scan };
}

test('scans of tags that were there at the start are not measured, be they listed or found by the first pass', async (t) => {
  const { watch, discover, scan, scans, clock } = running(t);
  await discover(EVERYTHING);
  await watch(entry(NAMES, 'listed'));
  await scan({ api: [{ tag: 'listed' }, { tag: 'found', updatedMs: clock.now() - 1 }, { tag: 'undated' }] });
  t.deepEqual(scans, []);
});

test('the scan of a tag that the first pass finds is measured where it was pushed after the start', async (t) => {
  const { watch, discover, scan, scans, clock } = running(t);
  await watch();
  await discover(EVERYTHING);
  await scan({ api: [{ tag: 'pushed', updatedMs: clock.now() }] });
  t.deepEqual(scans, [15]);
});

test('scans of what a later pass finds are measured: a new tag, a moved one, a new repository', async (t) => {
  const { watch, discover, scan, scans, settle, clock } = running(t);
  await watch();
  await discover(EVERYTHING);
  await settle({ api: [{ tag: 'v1', digest: 'sha256:old' }] });
  await clock.advance(INTERVAL_MS);
  await scan({ api: [{ tag: 'v1', digest: 'sha256:new' }, { tag: 'v2' }], web: [{ tag: 'v1' }] });
  t.deepEqual(scans, [15, 15, 15]);
});

test('scans of tags that a reload adds are measured', async (t) => {
  const { watch, scan, scans, settle } = running(t);
  await watch(entry(NAMES, 'v1'));
  await settle({});
  await watch(entry(NAMES, 'v1', 'v2'));
  await scan({});
  t.deepEqual(scans, [15]);
});

test('while the first pass has not come to its end, what it finds late was there before', async (t) => {
  const { watch, discover, scan, scans, settle, clock } = running(t);
  await watch();
  await discover(EVERYTHING);
  await settle({}, ({ action, answer }) => {
    if (action === 'ListRepository') answer.error('NoPrivilege', 'denied');
    return action === 'ListRepository';
  });
  await clock.advance(INTERVAL_MS);
  await scan({ api: [{ tag: 'v1', updatedMs: clock.now() - 3_600_000 }] });
  t.deepEqual(scans, []);
});
