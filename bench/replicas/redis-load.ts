// What Redis has to do for replicas: commands and bytes a second while tags are polled.
import { setTimeout as sleep } from 'node:timers/promises';
import { RedisServer } from '../../test/e2e/helpers/redis.ts';
import { Replicas } from '../../test/e2e/helpers/replicas.ts';
import { until } from '../../test/e2e/helpers/until.ts';
import type { BenchPart, Row } from '../part.ts';
import { cpuMsOf } from '../program.ts';
import { withCleanup } from './cleanups.ts';

const COUNT = 4;
const RATE = 200;
const TAGS_EACH = 100;
const FOUND_WITHIN_MS = 300_000;
const MEASURE_MS = 60_000;

export const replicaRedisLoadPart: BenchPart = {
  name: 'replicas',
  run: async ({ sizes, progress }) => {
    const tags = Math.max(...sizes);
    progress(`replicas: the load of Redis with ${tags} tags at ${RATE} requests a second`);
    return {
      title: `What ${COUNT} replicas ask of Redis for ${tags} tags`,
      rows: [await measure(tags, RATE)],
      notes: [
        'From `INFO`, over a minute. Every request of the API polls a tag, and what is known of the tag is written.',
      ],
    };
  },
};

function measure(tags: number, requestsPerSecond: number): Promise<Row> {
  return withCleanup(async (cleanup) => {
    const redis = await RedisServer.start(cleanup);
    const replicas = await Replicas.start(cleanup, {
      redis,
      repositories: tags / TAGS_EACH,
      tagsEach: TAGS_EACH,
      requestsPerSecond,
      max: COUNT,
      discovers: true,
    });
    await replicas.join(COUNT);
    await until(`${tags} found tags`, FOUND_WITHIN_MS, async () => {
      return (await replicas.sum('acr_discovery_tags')) === tags || undefined;
    });
    await sleep(10_000);
    const before = await read(redis);
    await sleep(MEASURE_MS);
    const after = await read(redis);
    const perSecond = (key: keyof typeof before) => ((after[key] - before[key]) / (MEASURE_MS / 1_000)).toFixed(0);
    return {
      'requests/s': requestsPerSecond,
      'commands/s': perSecond('commands'),
      'bytes in/s': perSecond('bytesIn'),
      'bytes out/s': perSecond('bytesOut'),
      'CPU ms/s': perSecond('cpuMs'),
      'memory MB': ((await redis.info('used_memory')) / 2 ** 20).toFixed(0),
    };
  });
}

async function read(redis: RedisServer) {
  return {
    commands: await redis.info('total_commands_processed'),
    bytesIn: await redis.info('total_net_input_bytes'),
    bytesOut: await redis.info('total_net_output_bytes'),
    cpuMs: cpuMsOf(redis.pid),
  };
}
