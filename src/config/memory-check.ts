// Refuses a configuration with more tags than fit into the heap: a process that runs out of heap is killed.
import type { ConfiguredRepository } from '../model/settings.ts';
import { ConfigError } from '../util/yaml/problems.ts';
import type { Config } from './config.ts';

const MEBIBYTE = 2 ** 20;
/** The program itself. */
const PROGRAM_BYTES = 30 * MEBIBYTE;
/** The share of the old generation that is not left for temporary objects. */
const USABLE_SHARE = 0.9;
/** The heap that a watched tag with a digest takes, and a repository without its tags: measured at the peak of reloads. */
const TAG_BYTES = 1_000;
const REPOSITORY_BYTES = 1_700;

type Watched = { readonly tags: number; readonly repositories: number };

/**
 * Throws {@link ConfigError} unless the tags of both configurations fit into the heap at once, as a reload needs it. Tags that are in
 * both count once.
 *
 * @param present undefined at the start
 * @param heapBytes the limit of the old generation
 */
export function checkHeapLimit(file: string, present: Config | undefined, next: Config, heapBytes: number): void {
  const [before, added] = [watched(present), addedBy(present, next)];
  const needed =
    PROGRAM_BYTES +
    TAG_BYTES * (before.tags + added.tags) +
    REPOSITORY_BYTES * (before.repositories + added.repositories);
  const usable = heapBytes * USABLE_SHARE;
  if (needed <= usable) return;
  const found =
    `${added.tags} ${present ? 'more tags' : 'tags'} in ${added.repositories} repositories, ` +
    `which need some ${Math.ceil(needed / MEBIBYTE)} MiB${present ? ' together with what is watched now' : ''}`;
  const expected = `tags and repositories that fit into ${Math.floor(usable / MEBIBYTE)} MiB of heap (give the process more memory)`;
  throw new ConfigError([{ file, line: 1, column: 1, path: 'instances', expected, found }]);
}

function watched(config: Config | undefined): Watched {
  return addedBy(undefined, config);
}

/** The tags and repositories that `next` lists and `present` does not. */
function addedBy(present: Config | undefined, next: Config | undefined): Watched {
  const known = new Map<string, ConfiguredRepository['tags']>();
  for (const [key, listed] of repositoriesOf(present)) known.set(key, listed);
  let [tags, repositories] = [0, 0];
  for (const [key, listed] of repositoriesOf(next)) {
    const before = known.get(key);
    if (before === undefined) repositories += 1;
    // One set at a time: there may be 100,000 repositories.
    const names = new Set(before?.map(({ tag }) => tag));
    for (const { tag } of listed) if (!names.has(tag)) tags += 1;
  }
  return { tags, repositories };
}

function* repositoriesOf(
  config: Config | undefined,
): Generator<readonly [key: string, tags: ConfiguredRepository['tags']]> {
  for (const { id: instance, repositories } of config?.instances ?? []) {
    for (const { namespace, name, id, tags } of repositories) {
      yield [JSON.stringify([instance, namespace, name, id]), tags];
    }
  }
}
