// What happens to the registry and to the exporter itself, drawn by the seed. To add an action, add it to the list.
import { setTimeout as sleep } from 'node:timers/promises';
import { FORGERIES } from './forger.ts';
import { HOSTILE_CLIENTS, letIn } from './hostile.ts';
import type { DeliveryChange } from './simulator.ts';
import { GOOD_DELIVERY, type Stage } from './stage.ts';
import { replaced, torn, withFlippedByte, withOtherStatuses } from './state-directory.ts';
import { DISCOVERED, keysBut, REPOSITORIES, SETS, type SetName, type Settings } from './world.ts';

export type Action = {
  readonly name: string;
  readonly perform: (stage: Stage) => Promise<void>;
  /** Whether it ends the exporter's process and starts another: a run of one long life leaves it out. */
  readonly endsLife?: true;
  /** Whether it needs what members do not have: a state file, events, or another wall clock. */
  readonly alone?: true;
};

export const ACTIONS: readonly Action[] = [
  { name: 'a push to a tag', perform: pushSome },
  {
    name: 'a push of a new tag',
    perform: ({ simulator, random }) => simulator.push(DISCOVERED.instance, DISCOVERED.id, `n${random.whole(1, 6)}`),
  },
  {
    name: 'a push to a discovered tag',
    perform: ({ simulator, random }) => simulator.push(DISCOVERED.instance, DISCOVERED.id, random.one(DISCOVERED.tags)),
  },
  {
    name: 'answers take up to the request timeout',
    perform: ({ simulator, settings }) => simulator.setLatency({ minMs: 0, maxMs: settings.requestTimeoutMs }),
  },
  { name: 'answers take a little less than the request timeout', perform: (stage) => delay(stage, -100, -1) },
  { name: 'answers take a little more than the request timeout', perform: (stage) => delay(stage, 1, 100) },
  { name: 'a tag is deleted', perform: deleteSome },
  { name: 'a repository is deleted and created again', perform: (stage) => stage.makeAnew('cri-a', 'shop', 'web') },
  { name: 'a discovered repository is created or deleted', perform: (stage) => stage.turnGuest() },
  {
    name: 'SIGHUP: tags are added and removed',
    perform: (stage) => stage.reload((settings) => settings.turnTags(stage.random)),
  },
  {
    name: 'SIGHUP: an instance is added or removed',
    perform: (stage) => stage.reload((settings) => settings.turnInstance()),
  },
  {
    name: 'SIGHUP: discovery is switched on or off',
    perform: (stage) => stage.reload((settings) => settings.setDiscovery(stage.random.share() < 0.5)),
  },
  {
    name: 'SIGHUP: other discovery rules',
    perform: (stage) => stage.reload((settings) => settings.turnRules(stage.random)),
  },
  { name: 'SIGHUP: tags listed by digest', perform: (stage) => stage.reloadByDigests() },
  {
    name: 'SIGHUP: another metrics.per_tag',
    perform: (stage) => stage.reload((settings) => settings.turnPerTag(stage.random)),
  },
  {
    name: 'SIGHUP: another rate and max_concurrent',
    perform: (stage) => stage.reload((settings) => settings.turnLimits(stage.random)),
  },
  {
    name: 'SIGHUP: other intervals and back-off',
    perform: (stage) => stage.reload((settings) => settings.turnIntervals(stage.random)),
  },
  {
    name: 'SIGHUP: another request_timeout',
    perform: (stage) => stage.reload((settings) => settings.turnRequestTimeout(stage.random)),
  },
  {
    name: 'SIGHUP: another discovery_interval',
    perform: (stage) => stage.reload((settings) => settings.turnDiscoveryInterval(stage.random)),
  },
  { name: 'SIGHUP: nothing changed', perform: (stage) => stage.reload(() => undefined) },
  {
    name: 'SIGHUP: an invalid file',
    perform: (stage) => stage.reloadBroken((settings) => settings.writeBroken(stage.random)),
  },
  {
    name: 'SIGHUP: a missing file',
    perform: (stage) => stage.reloadBroken((settings) => settings.takeFileAway(false)),
  },
  {
    name: 'SIGHUP: a directory in place of the file',
    perform: (stage) => stage.reloadBroken((settings) => settings.takeFileAway(true)),
  },
  {
    name: 'SIGHUP ten times in 100 ms',
    perform: (stage) => stage.reload((settings) => settings.turnTags(stage.random), 10),
  },
  {
    name: 'POST /-/reload: tags are added and removed',
    perform: (stage) => stage.reloadOverHttp((settings) => settings.turnTags(stage.random), 1),
  },
  {
    name: 'POST /-/reload ten times at once',
    perform: (stage) => stage.reloadOverHttp((settings) => settings.turnTags(stage.random), 10),
  },
  {
    name: 'credentials change to another key',
    perform: async ({ settings, random }) => settings.rotate(random.one(SETS)),
  },
  { name: 'a key in use is revoked', perform: async (stage) => void (await revoke(stage)) },
  {
    name: 'a key in use is revoked, and another one replaces it',
    perform: async (stage) => {
      const set = await revoke(stage);
      await sleep(stage.random.whole(0, 1_000));
      stage.settings.rotate(set);
    },
  },
  { name: 'credentials become invalid', perform: async ({ settings, random }) => settings.spoil(random.one(SETS)) },
  {
    name: 'a secret file is half-written for a moment',
    perform: (stage) => forAMoment(stage, (settings, set) => settings.writeHalf(set)),
  },
  {
    name: 'secret files are empty for a moment',
    perform: (stage) => forAMoment(stage, (settings, set) => settings.writeNothing(set)),
  },
  {
    name: 'secret files are missing for a moment',
    perform: (stage) => forAMoment(stage, (settings, set) => settings.takeAway(set, false)),
  },
  {
    name: 'secret files cannot be read for a moment',
    perform: (stage) => forAMoment(stage, (settings, set) => settings.takeAway(set, true)),
  },
  {
    name: 'SIGHUP: the webhook and the feeds are switched on or off',
    alone: true,
    perform: (stage) => stage.reload((settings) => settings.turnEvents(stage.random)),
  },
  {
    name: 'SIGHUP: another interval while events are healthy',
    alone: true,
    perform: (stage) => stage.reload((settings) => settings.turnEventsInterval(stage.random)),
  },
  {
    name: 'the token of events changes',
    alone: true,
    perform: async (stage) => {
      stage.settings.rotateToken();
      await sleep(stage.random.whole(0, 2_000));
      await stage.sendToken();
    },
  },
  {
    name: 'events are lost',
    alone: true,
    perform: (stage) => spoilEvents(stage, { loss: stage.random.one([0.2, 0.5, 1]) }),
  },
  {
    name: 'events are sent twice',
    alone: true,
    perform: (stage) => spoilEvents(stage, { duplicates: stage.random.one([0.2, 1]) }),
  },
  {
    name: 'events are minutes late, and in any order',
    alone: true,
    perform: (stage) => spoilEvents(stage, { reorder: stage.random.one([0.2, 0.5]), reorder_by: LATE }),
  },
  {
    name: 'events are seconds late',
    alone: true,
    perform: (stage) => spoilEvents(stage, { delay: { min: '0s', max: '5s' } }),
  },
  {
    name: 'no event is lost or late',
    alone: true,
    perform: (stage) => spoilEvents(stage, GOOD_DELIVERY),
  },
  ...FORGERIES.map((forgery) => ({
    name: `an event to the webhook: ${forgery.name}`,
    alone: true as const,
    perform: (stage: Stage) => stage.forge(forgery),
  })),
  {
    name: 'an event to the webhook: ten times, and another event',
    alone: true,
    perform: (stage) => stage.repeatEvent(10),
  },
  { name: 'a flood of events', alone: true, perform: (stage) => stage.floodEvents() },
  { name: 'the wall clock jumps by seconds', alone: true, perform: (stage) => jump(stage, 10_000) },
  { name: 'the wall clock jumps by minutes', alone: true, perform: (stage) => jump(stage, 5 * 60_000) },
  { name: 'the wall clock jumps by an hour', alone: true, perform: (stage) => jump(stage, 3_600_000, 3_600_000) },
  { name: 'the wall clock is corrected', alone: true, perform: (stage) => stage.stepClock(0) },
  { name: 'the API is stopped for some seconds', perform: (stage) => stage.stopApi(stage.random.whole(200, 2_500)) },
  { name: 'SIGTERM and a new start', perform: (stage) => stage.endAndStart(), endsLife: true },
  { name: 'kill -9', perform: (stage) => stage.killAndStart(), endsLife: true },
  {
    name: 'kill -9, and a truncated state file',
    alone: true,
    perform: (stage) => stage.killAndDamage(torn),
    endsLife: true,
  },
  {
    name: 'kill -9, and a flipped bit in the state file',
    alone: true,
    perform: (stage) => stage.killAndDamage(withFlippedByte),
    endsLife: true,
  },
  {
    name: 'kill -9, and other statuses in the state file',
    alone: true,
    perform: (stage) => stage.killAndDamage(withOtherStatuses),
    endsLife: true,
  },
  {
    name: 'kill -9, and something else in place of the state file',
    alone: true,
    perform: (stage) => stage.killAndDamage(replaced),
    endsLife: true,
  },
  {
    name: 'kill -9, and both state files damaged',
    alone: true,
    perform: (stage) => stage.killAndDamage(stage.random.one([torn, withOtherStatuses, replaced]), true),
    endsLife: true,
  },
  {
    name: 'kill -9, and tags are added and removed before the next start',
    alone: true,
    perform: (stage) => stage.killAndChange((settings) => settings.turnTags(stage.random)),
    endsLife: true,
  },
  {
    name: 'kill -9, and the webhook and the feeds are switched on or off before the next start',
    alone: true,
    perform: (stage) => stage.killAndChange((settings) => settings.turnEvents(stage.random)),
    endsLife: true,
  },
  {
    name: 'kill -9, and scans end before the next start',
    perform: (stage) => stage.killAndStart(() => sleep(stage.random.whole(1_000, 4_000))),
    endsLife: true,
  },
  {
    name: 'kill -9, and other digests are configured before the next start',
    alone: true,
    perform: (stage) => stage.killAndChangeImages(),
    endsLife: true,
  },
  {
    name: 'kill -9, and discovered tags are created and deleted before the next start',
    perform: (stage) => stage.killAndStart(() => turnDiscovered(stage)),
    endsLife: true,
  },
  {
    name: 'kill -9, and a repository is created again before the next start',
    perform: (stage) => stage.killAndStart(() => stage.makeAnew('cri-a', 'shop', 'web')),
    endsLife: true,
  },
  {
    name: 'the disk with the state is full for some seconds',
    alone: true,
    perform: async (stage) => stage.blockState('full'),
  },
  {
    name: 'a file replaces the state directory for some seconds',
    alone: true,
    perform: async (stage) => stage.blockState('a file'),
  },
  { name: 'SIGSTOP', perform: (stage) => stage.pause(stage.random.whole(200, 3_000)) },
  { name: 'the reader of the log stalls', perform: async (stage) => stage.exporter.stallLog(3_000) },
  ...HOSTILE_CLIENTS.map((client) => ({
    name: `a client that ${client.name}`,
    perform: async (stage: Stage) => {
      if (client.reloads) stage.expectStrayReloads();
      letIn(client, stage.exporter.port, stage.random);
    },
  })),
];

/** What happens to several exporters that share the work over Redis, and to Redis. */
export const MEMBER_ACTIONS: readonly Action[] = [
  {
    name: 'a member is killed, and another one joins seconds later',
    perform: (stage) => stage.killAndStart(() => seconds(stage, 2, 12)),
    endsLife: true,
  },
  {
    name: 'a member leaves, and another one joins seconds later',
    perform: (stage) => stage.endAndStart(() => seconds(stage, 2, 8)),
    endsLife: true,
  },
  {
    name: 'a member stands still for less than its lease',
    perform: (stage) => stage.pauseMember(stage.random.whole(4_000, 13_000)),
  },
  {
    name: 'a member stands still for longer than its lease',
    perform: (stage) => stage.pauseMember(stage.random.whole(17_000, 20_000)),
  },
  { name: 'Redis: SCRIPT FLUSH', perform: ({ redis }) => redis.command('SCRIPT', 'FLUSH') },
  { name: 'Redis: FLUSHALL', perform: (stage) => stage.spoilRedis((redis) => redis.command('FLUSHALL')) },
  { name: 'Redis crashes, and starts with its data', perform: (stage) => restartRedis(stage, 'kept') },
  { name: 'Redis crashes, and starts without its data', perform: (stage) => restartRedis(stage, 'lost') },
  {
    name: 'Redis is away for some seconds',
    perform: (stage) => restartRedis(stage, stage.random.one(['kept', 'lost']), () => seconds(stage, 2, 12)),
  },
  {
    name: 'Redis is away for longer than a lease',
    perform: (stage) => restartRedis(stage, stage.random.one(['kept', 'lost']), () => seconds(stage, 17, 20)),
  },
  {
    name: 'Redis is away, and meanwhile a member is killed and another one starts',
    perform: (stage) => restartRedis(stage, stage.random.one(['kept', 'lost']), () => stage.killAndStart()),
    endsLife: true,
  },
  {
    name: 'Redis stands still for some seconds',
    perform: (stage) =>
      stage.spoilRedis(async (redis) => {
        redis.freeze();
        await seconds(stage, 1, 10);
        redis.thaw();
      }),
  },
  { name: 'Redis is out of memory for some seconds', perform: (stage) => fillRedis(stage, () => seconds(stage, 2, 8)) },
  {
    name: 'Redis is out of memory, and meanwhile a member leaves and another one joins',
    perform: (stage) => fillRedis(stage, () => stage.endAndStart()),
    endsLife: true,
  },
];

/** The actions of a run with so many exporters at the same time. */
export function actionsFor(members: number): readonly Action[] {
  return members === 1 ? ACTIONS : [...ACTIONS.filter(({ alone }) => alone !== true), ...MEMBER_ACTIONS];
}

function seconds({ random }: Stage, least: number, most: number): Promise<void> {
  return sleep(random.whole(1_000 * least, 1_000 * most));
}

function restartRedis(stage: Stage, data: 'kept' | 'lost', meanwhile = async () => {}): Promise<void> {
  return stage.spoilRedis(async (redis) => {
    await redis.crash();
    await meanwhile();
    await redis.start(data);
  });
}

function fillRedis(stage: Stage, meanwhile: () => Promise<void>): Promise<void> {
  return stage.spoilRedis(async (redis) => {
    await redis.command('CONFIG', 'SET', 'maxmemory', '1');
    await meanwhile();
    await redis.command('CONFIG', 'SET', 'maxmemory', '0');
  });
}

const LATE = { min: '30s', max: '2m' };

function spoilEvents({ simulator, webhook }: Stage, change: DeliveryChange): Promise<void> {
  return simulator.changeEvents({ to: webhook, ...change });
}

/** Answers come this much after the request timeout; a negative time is before it. */
async function delay({ simulator, settings }: Stage, fromMs: number, toMs: number): Promise<void> {
  const { requestTimeoutMs } = settings;
  await simulator.setLatency({ minMs: requestTimeoutMs + fromMs, maxMs: requestTimeoutMs + toMs });
}

/** Has the API refuse the key of a set, and gives the set. */
async function revoke({ simulator, settings, random }: Stage): Promise<SetName> {
  const set = random.one(SETS);
  await simulator.setKeys(keysBut(settings.keyOf(set)));
  return set;
}

/** Moves the clock by some time, forth or back. */
function jump(stage: Stage, mostMs: number, leastMs = 1): Promise<void> {
  const { random, clockOffsetMs } = stage;
  return stage.stepClock(clockOffsetMs + random.one([-1, 1]) * random.whole(leastMs, mostMs));
}

async function forAMoment(
  { settings, random }: Stage,
  spoil: (settings: Settings, set: SetName) => void,
): Promise<void> {
  const set = random.one(SETS);
  spoil(settings, set);
  await sleep(random.whole(50, 2_500));
  settings.writeKeys(set);
}

async function pushSome({ simulator, random }: Stage): Promise<void> {
  const { tags } = await simulator.look();
  const { instanceId, repoId, tag } = random.one(tags);
  await simulator.push(instanceId, repoId, tag);
}

async function turnDiscovered({ simulator, random }: Stage): Promise<void> {
  const { instance, id } = DISCOVERED;
  const found = (await simulator.look()).tags.filter(({ repoId }) => repoId === id);
  for (const { tag } of found.slice(1)) if (random.share() < 0.3) await simulator.deleteTag(instance, id, tag);
  await simulator.push(instance, id, `n${random.whole(1, 6)}`);
}

async function deleteSome({ simulator, random }: Stage): Promise<void> {
  const { tags } = await simulator.look();
  const { namespace, name } = random.one([...REPOSITORIES, DISCOVERED]);
  const found = tags.filter((each) => each.repoNamespace === namespace && each.repoName === name);
  // A repository keeps a tag, since one that is made anew has the tags of the one before.
  if (found.length < 2) return;
  const { instanceId, repoId, tag } = random.one(found);
  await simulator.deleteTag(instanceId, repoId, tag);
}
