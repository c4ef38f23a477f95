// How long a reload of a large file delays requests meanwhile.
import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchPart, Row } from '../part.ts';
import { startProgram, temporaryDirectory, writeConfiguration, writeScenario } from '../program.ts';

const TAGS = 100_000;

/** The pause between two requests: their delay is measured, not their maximum rate. */
const PAUSE_MS = 20;

/** The reloads, one after the other: the number of tags, and the number of the first one. */
const RELOADS = [
  { title: 'the same tags', tags: TAGS, from: 1 },
  { title: 'half of the tags others', tags: TAGS, from: 1 + TAGS / 2 },
  { title: 'all tags others', tags: TAGS, from: 1 + 2 * TAGS },
  { title: 'one tag left', tags: 1, from: 1 },
  { title: 'all tags back', tags: TAGS, from: 1 },
];

export const reloadPart: BenchPart = {
  name: 'reload',
  run: async ({ compiled, progress }) => {
    const directory = temporaryDirectory();
    const simulator = await startProgram(`${compiled}/src/simulator/bin.js`, [
      '--listen-address=127.0.0.1:0',
      `--scenario=${writeScenario(directory, 1_000)}`,
    ]);
    const write = (tags: number, from: number) =>
      writeConfiguration(directory, {
        address: simulator.address,
        tags,
        from,
        requestsPerSecond: 50,
        completeInterval: '10m',
      });
    const exporter = await startProgram(`${compiled}/src/bin.js`, [
      `--config.file=${write(TAGS, 1)}`,
      '--web.listen-address=127.0.0.1:0',
    ]);
    const rows: Row[] = [];
    for (const { title, tags, from } of RELOADS) {
      progress(`reload: ${title}`);
      await ask(`http://${exporter.address}/metrics`);
      write(tags, from);
      const begin = performance.now();
      const done = { is: false };
      const reloaded = exporter.logged('configuration reloaded').finally(() => {
        done.is = true;
      });
      const healthy = askUntil(done, `http://${exporter.address}/-/healthy`);
      const metrics = askUntil(done, `http://${exporter.address}/metrics`);
      exporter.child.kill('SIGHUP');
      await reloaded;
      const reloadMs = performance.now() - begin;
      rows.push({
        reload: title,
        'reload ms': reloadMs.toFixed(0),
        'healthy, slowest ms': (await healthy).toFixed(0),
        'first byte of metrics, slowest ms': (await metrics).toFixed(0),
      });
    }
    await exporter.stop();
    await simulator.stop();
    return {
      title: `A reload of a file with ${TAGS} tags`,
      rows,
      notes: [
        'Slowest of all requests that were sent one after the other while the reload ran; of a page of metrics, until its first byte.',
      ],
    };
  },
};

/** The longest time to the first byte of an answer, for requests until `done`. */
async function askUntil(done: { readonly is: boolean }, url: string): Promise<number> {
  let slowestMs = 0;
  while (!done.is) {
    slowestMs = Math.max(slowestMs, await ask(url));
    await sleep(PAUSE_MS);
  }
  return slowestMs;
}

/** Sends a request like Prometheus, with compression, and reads the answer. Gives the time to its first byte. */
function ask(url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const begin = performance.now();
    get(url, { headers: { 'accept-encoding': 'gzip' } }, (response) => {
      const beganMs = performance.now() - begin;
      response.on('end', () => resolve(beganMs)).on('error', reject);
      response.resume();
    }).on('error', reject);
  });
}
