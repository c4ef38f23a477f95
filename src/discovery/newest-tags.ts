// Selects the newest of many tags. It sorts only their times, because a sort of 100,000 objects would block the event loop.

import type { FoundTag } from '../model/target.ts';
import type { MaybeYield } from '../util/yield-every.ts';

/** Whether a tag that was pushed at this time is among the newest. Call it once for each tag. */
export type Newest = (updatedMs: number) => boolean;

/** Selects the `room` newest of these times. Of equal times at the limit, the first calls win. */
export function newestOf(times: Float64Array, room: number): Newest {
  if (room >= times.length) return () => true;
  if (room <= 0) return () => false;
  const sorted = times.slice().sort();
  const oldest = sorted[sorted.length - room] ?? Number.NEGATIVE_INFINITY;
  let equals = sorted.subarray(sorted.length - room).filter((time) => time === oldest).length;
  return (updatedMs) => {
    if (updatedMs !== oldest) return updatedMs > oldest;
    equals -= 1;
    return equals >= 0;
  };
}

/** The `room` newest tags. Of tags that were pushed in the same millisecond the first by name win, so that the result is stable. */
export async function newestTags(tags: readonly FoundTag[], room: number, maybeYield: MaybeYield): Promise<FoundTag[]> {
  const times = await timesOf(tags, ({ updatedMs }) => updatedMs, maybeYield);
  const oldest = times.slice().sort()[tags.length - room];
  const newer: FoundTag[] = [];
  const equal: FoundTag[] = [];
  for (const each of tags) {
    if (oldest === undefined || each.updatedMs > oldest) newer.push(each);
    else if (each.updatedMs === oldest) equal.push(each);
    await maybeYield();
  }
  equal.sort((one, other) => (one.tag < other.tag ? -1 : 1));
  return [...newer, ...equal.slice(0, room - newer.length)];
}

/** The times of many items. */
export async function timesOf<Item>(
  items: readonly Item[],
  timeOf: (item: Item) => number,
  maybeYield: MaybeYield,
): Promise<Float64Array> {
  const times = new Float64Array(items.length);
  for (const [index, item] of items.entries()) {
    times[index] = timeOf(item);
    await maybeYield();
  }
  return times;
}
