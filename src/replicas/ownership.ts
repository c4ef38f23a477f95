// Which member of a group owns a repository: rendezvous hashing. A member that joins or leaves moves only the repositories that it gets or had.

/** The owner of `key` among `members`; undefined if there are none. The same for every process with the same members. */
export function ownerOf(members: readonly string[], key: string): string | undefined {
  const keyHash = hash(key);
  let [owner, best]: [string | undefined, number] = [undefined, -1];
  for (const member of members) {
    const weight = mix(keyHash ^ hash(member));
    if (weight > best || (weight === best && owner !== undefined && member < owner)) [owner, best] = [member, weight];
  }
  return owner;
}

/** FNV-1a over UTF-16 units. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return value;
}

/** The finalizer of MurmurHash3: every bit of the input changes half of the bits of the result, which is from 0 to 2³²−1. */
function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
