// Which of many tags are the newest: by their times alone, since a sort of 100,000 objects would hold up everything else.

import type { FoundTag } from '../model/target.ts';
import type { MaybeYield } from '../util/yield-every.ts';

/** Says whether a tag that was pushed at this time is among the newest. To be asked once for each of the tags. */
export type Newest = (updatedMs: number) => boolean;

/** The `room` newest of these times. Of equal times at the end of it those are in that are asked first. */
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

/** The newest tags. Of those that were pushed in the same millisecond the first by name, so that it is always the same ones. */
export async function newestTags(tags: readonly FoundTag[], room: number, breathe: MaybeYield): Promise<FoundTag[]> {
  const times = await timesOf(tags, ({ updatedMs }) => updatedMs, breathe);
  const oldest = times.slice().sort()[tags.length - room];
  const newer: FoundTag[] = [];
  const equal: FoundTag[] = [];
  for (const each of tags) {
    if (oldest === undefined || each.updatedMs > oldest) newer.push(each);
    else if (each.updatedMs === oldest) equal.push(each);
    await breathe();
  }
  equal.sort((one, other) => (one.tag < other.tag ? -1 : 1));
  return [...newer, ...equal.slice(0, room - newer.length)];
}

/** The times of many things. */
export async function timesOf<Item>(
  items: readonly Item[],
  timeOf: (item: Item) => number,
  breathe: MaybeYield,
): Promise<Float64Array> {
  const times = new Float64Array(items.length);
  for (const [index, item] of items.entries()) {
    times[index] = timeOf(item);
    await breathe();
  }
  return times;
}
