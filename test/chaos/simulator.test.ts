import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { SimulatorClient } from '../../chaos/simulator.ts';
import { Truth } from '../../chaos/truth.ts';

const TAG = {
  instanceId: 'cri-a',
  repoId: 'crr-api',
  repoNamespace: 'shop',
  repoName: 'api',
  tag: 'v1',
  digest: 'one',
  status: 'COMPLETE',
  sinceMs: 0,
  untilMs: null,
  former: [],
};

/** A client of something that gives the same answer to every request. */
async function clientOf(t: ExecutionContext, answer: unknown): Promise<SimulatorClient> {
  const server = createServer((_, response) => response.end(JSON.stringify(answer)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  return new SimulatorClient(`http://127.0.0.1:${port}`, new Truth());
}

test('what the simulator says is read as far as a run needs it', async (t) => {
  const client = await clientOf(t, { elapsedMs: 5, tags: [{ ...TAG, isDeleting: false }] });
  t.deepEqual(await client.look(), { elapsedMs: 5, tags: [TAG] });
});

test('an answer of the simulator that is something else is an error that names the field', async (t) => {
  const state = await clientOf(t, { elapsedMs: 5, tags: [{ ...TAG, digest: 7 }] });
  await t.throwsAsync(state.look(), {
    message: /^the simulator answers GET \/_sim\/state with something else: tags\.0\.digest: .*expected string/,
  });
  const log = await clientOf(t, { first: 0, next: 1, requests: [{ index: 0 }] });
  await t.throwsAsync(log.requests(0), {
    message: /^the simulator answers GET \/_sim\/requests\?since=0 with something else: requests\.0\.arrivedAtMs: /,
  });
  const pushed = await clientOf(t, null);
  await t.throwsAsync(pushed.push('cri-a', 'crr-api', 'v1'), {
    message: /^the simulator answers POST \/_sim\/tags with something else: the answer: /,
  });
});
