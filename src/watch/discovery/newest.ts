// Which of many tags are the newest: by their times alone, since a sort of 100,000 objects would hold up everything else.

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
