// Measures the time of a start, and the memory in use after every tag was polled.
import type { BenchPart, Row } from '../part.ts';
import { rssMegabytesOf, startProgram, temporaryDirectory, writeConfiguration, writeScenario } from '../program.ts';
import { waitUntil } from '../wait.ts';

/** The default rate, and the largest supported number of tags. */
const SIZES = [
  { tags: 1_000, requestsPerSecond: 5 },
  { tags: 100_000, requestsPerSecond: 100 },
];
const STARTS = 5;

export const startPart: BenchPart = {
  name: 'start',
  run: async ({ compiled, progress }) => {
    const rows: Row[] = [];
    for (const { tags, requestsPerSecond } of SIZES) {
      progress(`start: ${tags} tags`);
      rows.push(await measureStart(compiled, tags, requestsPerSecond));
    }
    return {
      title: 'A start',
      rows,
      notes: [
        'From the start of the process to `msg="listening"`, the median and the slowest of several. RSS 20 s later, polls and scrapes (gzip) running.',
      ],
    };
  },
};

async function measureStart(compiled: string, tags: number, requestsPerSecond: number): Promise<Row> {
  const directory = temporaryDirectory();
  const simulator = await startProgram(`${compiled}/src/simulator/bin.js`, [
    '--listen-address=127.0.0.1:0',
    `--scenario=${writeScenario(directory, tags)}`,
  ]);
  const file = writeConfiguration(directory, {
    address: simulator.address,
    tags,
    requestsPerSecond,
    completeInterval: '10m',
  });
  const start = () =>
    startProgram(`${compiled}/src/bin.js`, [`--config.file=${file}`, '--web.listen-address=127.0.0.1:0']);
  const times: number[] = [];
  let rss = 0;
  for (let repeat = 0; repeat < STARTS; repeat++) {
    const exporter = await start();
    times.push(exporter.listeningMs);
    if (repeat === STARTS - 1) {
      await waitUntil(20_000, 2_000, () =>
        fetch(`http://${exporter.address}/metrics`).then((response) => response.arrayBuffer()),
      );
      rss = rssMegabytesOf(exporter.pid);
    }
    await exporter.stop();
  }
  await simulator.stop();
  times.sort((a, b) => a - b);
  return {
    tags,
    'requests a second': requestsPerSecond,
    'median ms': times[STARTS >> 1]?.toFixed(0) ?? '',
    'slowest ms': times.at(-1)?.toFixed(0) ?? '',
    'RSS MB': rss.toFixed(0),
  };
}
