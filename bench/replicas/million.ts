// A million tags found by discovery in a simulated registry: by one exporter, and by eight that share them.
import { setTimeout as sleep } from 'node:timers/promises';
import { RedisServer } from '../../test/e2e/helpers/redis.ts';
import { Replicas } from '../../test/e2e/helpers/replicas.ts';
import type { BenchPart, Row } from '../part.ts';
import { rssMegabytesOf } from '../program.ts';
import { withCleanup } from './cleanups.ts';

const COUNTS = [1, 8];
const RATE = 1_000;
const REPOSITORIES = 10_000;
const TAGS_EACH = 100;
const LOOK_EVERY_MS = 1_000;
const WITHIN_MS = 600_000;

export const replicaMillionPart: BenchPart = {
  name: 'replicas',
  run: async ({ progress }) => {
    const rows: Row[] = [];
    for (const count of COUNTS) {
      progress(`replicas: ${REPOSITORIES * TAGS_EACH} tags by ${count}`);
      rows.push(await measure(count));
    }
    return {
      title: `${REPOSITORIES * TAGS_EACH} tags in ${REPOSITORIES} repositories, found by discovery at ${RATE} requests a second`,
      rows,
      notes: [
        '`found`: from the start of the processes until their pages together count all tags as watched. Memory is the resident memory then.',
        'The simulator and all exporters share the cores of this machine.',
      ],
    };
  },
};

function measure(count: number): Promise<Row> {
  return withCleanup(async (cleanup) => {
    const replicas = await Replicas.start(cleanup, {
      redis: await RedisServer.start(cleanup),
      repositories: REPOSITORIES,
      tagsEach: TAGS_EACH,
      requestsPerSecond: RATE,
      max: count,
      discovers: true,
    });
    const beganMs = performance.now();
    await replicas.join(count);
    while ((await replicas.sum('acr_discovery_tags')) < REPOSITORIES * TAGS_EACH) {
      if (performance.now() - beganMs > WITHIN_MS) throw new Error('the tags were not found in time');
      await sleep(LOOK_EVERY_MS);
    }
    const megabytes = replicas.running.map(({ program }) => rssMegabytesOf(program.pid));
    return {
      replicas: count,
      'found s': ((performance.now() - beganMs) / 1_000).toFixed(0),
      requests: await replicas.requestCount(),
      'memory MB, each': `${Math.min(...megabytes).toFixed(0)} to ${Math.max(...megabytes).toFixed(0)}`,
      'memory MB, sum': megabytes.reduce((sum, each) => sum + each, 0).toFixed(0),
    };
  });
}
