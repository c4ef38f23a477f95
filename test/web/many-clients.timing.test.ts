// A normal client among 200 that read a byte a second, 500 that say nothing and 1,000 requests of garbage.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { sendChunks } from '../../src/web/responses.ts';
import { eventually } from '../helpers/eventually.ts';
import { type RunningServer, startWebServer, TLS_FILES } from '../helpers/web-server.ts';

/** Ten megabytes, of which a socket's buffers take but a part. */
const CHUNKS = Array.from({ length: 100 }, () => Buffer.alloc(100_000, 'x'));
const SCRAPES = 21;
/** The machine may have other things to do: the promise is kept when it is kept in one of these. */
const ROUNDS = 4;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Memory in use, and what the system sees, in MB. */
function memory(): { used: number; resident: number } {
  collectGarbage();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { used: (heapUsed + external) / 1e6, resident: rss / 1e6 };
}

async function medianScrapeMs(server: RunningServer): Promise<number> {
  const durations: number[] = [];
  for (let count = 0; count < SCRAPES; count += 1) {
    const started = performance.now();
    const { body } = await server.ask();
    if (body.length !== 10_000_000) throw new Error(`a scrape of ${body.length} bytes`);
    durations.push(performance.now() - started);
  }
  return durations.sort((a, b) => a - b)[Math.floor(SCRAPES / 2)] ?? 0;
}

for (const [scheme, text] of [
  ['http', undefined],
  ['https', `tls_server_config: { ${TLS_FILES} }`],
] as const) {
  test(`many clients do not keep a normal one from its scrapes over ${scheme}, nor memory`, async (t) => {
    const server = await startWebServer(t, text, (_request, response) => void sendChunks(response, CHUNKS));
    await medianScrapeMs(server);
    const before = memory();
    const ratios: number[] = [];
    do {
      const usualMs = await medianScrapeMs(server);
      const clients = fork(
        fileURLToPath(new URL('../helpers/many-clients.ts', import.meta.url)),
        [String(server.port), scheme],
        {
          execArgv: ['--import=tsx'],
        },
      );
      t.teardown(() => clients.kill());
      await once(clients, 'message');
      const withClients = memory();
      t.true(withClients.resident - before.resident < 120, `${withClients.resident} MB, before ${before.resident} MB`);
      const done = once(clients, 'message');
      ratios.push((await medianScrapeMs(server)) / usualMs);
      const [{ refused }] = await done;
      t.is(refused, 1_000);
      const gone = once(clients, 'exit');
      clients.send('go');
      await gone;
    } while (Math.min(...ratios) >= 3 && ratios.length < ROUNDS);
    t.log(`scrapes took ${ratios.map((ratio) => ratio.toFixed(2)).join(', ')} times as long`);
    t.true(Math.min(...ratios) < 3);
    // What the collector finds of closed sockets takes it a few rounds.
    const isBack = () => memory().used - before.used < 20 || undefined;
    const context = () => `${memory().used} MB in use, before ${before.used} MB`;
    t.true(await eventually('memory is where it was', isBack, context));
  });
}
