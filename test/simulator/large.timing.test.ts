// Large registries: they start at once, and a page of a list costs no more for what is not on it.
import test, { type ExecutionContext } from 'ava';
import { json, send, start } from './clients.ts';

const ASKED = 300;

/** A registry of that size that listens, and how long it took to get there. */
async function begin(t: ExecutionContext, repositories: number, tags: number) {
  const pushes = { interval: '1m' };
  const registry = Array.from({ length: repositories }, (_, n) => ({
    namespace: `team-${n % 10}`,
    name: `service-${n}`,
    id: `crr-${n}`,
    tags: ['main', { count: tags - 1, name: 'v1.{n}' }],
  }));
  const startedMs = performance.now();
  const { simulator, address } = await start(t, {
    scenario: { instances: [{ id: 'cri-1', repositories: registry }], pushes },
  });
  t.is(simulator.tagCount(), repositories * tags);
  return { address, startMs: performance.now() - startedMs };
}

/** The median time of a page of 100 tags, in milliseconds; each repository is asked once. */
async function pageMs(t: ExecutionContext, address: string, repositories: number): Promise<number> {
  const times: number[] = [];
  for (let n = 0; n < ASKED; n++) {
    const beforeMs = performance.now();
    const asked = { InstanceId: 'cri-1', RepoId: `crr-${n % repositories}`, PageSize: '100' };
    const reply = await send(address, 'ListRepoTag', asked);
    times.push(performance.now() - beforeMs);
    t.true((json(reply).Images as unknown[]).length >= 40);
  }
  return times.sort((a, b) => a - b)[Math.floor(ASKED / 2)] ?? 0;
}

for (const [repositories, tags] of [
  [300, 40],
  [1_000, 100],
] as const) {
  test(`${repositories} repositories with ${tags} tags each start within two seconds, and a page costs as with few`, async (t) => {
    const large = await begin(t, repositories, tags);
    t.true(large.startMs < 2_000, `${large.startMs} ms`);
    const small = await begin(t, 10, tags);
    const [largeMs, smallMs] = [await pageMs(t, large.address, repositories), await pageMs(t, small.address, 10)];
    t.log(
      `start ${large.startMs.toFixed(0)} ms, page ${largeMs.toFixed(2)} ms, of a small registry ${smallMs.toFixed(2)} ms`,
    );
    t.true(largeMs < 2 * smallMs + 2, `${largeMs} ms, of a small registry ${smallMs} ms`);
  });
}
