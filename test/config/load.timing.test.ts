// How long a large configuration from a worker blocks the event loop.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { loadConfigInWorker } from '../../src/config/load-in-worker.ts';

test('100,000 tags from a worker block the event loop for a small part of the time that loading takes', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'config-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, 'config.yml');
  const tags = Array.from({ length: 100_000 }, (_, index) => `          - v${index}\n`).join('');
  const head =
    'instances:\n  - id: cri-1\n    region: cn-hangzhou\n    repositories:\n      - id: crr-1\n        tags:\n';
  writeFileSync(file, head + tags);
  // The first use compiles sources and starts threads.
  await loadConfigInWorker(fileURLToPath(new URL('../fixtures/config/minimal.good.yml', import.meta.url)));

  const start = performance.now();
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await loadConfigInWorker(file);
  // The monitor records the last turn, in which the configuration arrives, in the timers of the next one.
  await setImmediate();
  await setImmediate();
  delay.disable();
  const [longestMs, wholeMs] = [delay.max / 1e6, performance.now() - start];

  // To receive the configuration takes a tenth of the whole time, to parse it nearly all. A share, because a busy machine stretches both alike.
  t.true(longestMs < 100 || longestMs < wholeMs / 4, `the longest of ${wholeMs} ms was ${longestMs} ms`);
});
