// What messages about a configuration may not show: credentials, and words that stand where credentials do.
import { type Discretion, looksLikeKey, MERGE_KEY, nearest } from '../util/yaml/found.ts';
import type { Path } from '../util/yaml/problem.ts';
import { CREDENTIAL_KEYS } from './credentials-schema.ts';

const ALL_CREDENTIAL_KEYS = [...new Set([...CREDENTIAL_KEYS.values()].flat())];

/** Whether what stands at or under a path belongs to credentials. */
export function isConfidential(path: Path): boolean {
  return path.includes('credentials');
}

/** In credentials a key is shown when a known one is near: another one may be a misplaced value. */
export const DISCRETION: Discretion = {
  hidesValue: isConfidential,
  showsKey: (key, map) =>
    isConfidential(map) ? key === MERGE_KEY || nearest(key, ALL_CREDENTIAL_KEYS) !== undefined : looksLikeKey(key),
};
