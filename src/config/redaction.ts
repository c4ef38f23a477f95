// What messages about a configuration must not show: credentials, and words in the place of credentials.
import { looksLikeKey, MERGE_KEY, nearest, type Path, type Redaction } from '../util/yaml/descriptions.ts';
import { CREDENTIAL_KEYS } from './credentials-schema.ts';

const ALL_CREDENTIAL_KEYS = [...new Set([...CREDENTIAL_KEYS.values()].flat())];

/** Whether the value at a path belongs to credentials. */
export function isConfidential(path: Path): boolean {
  return path.includes('credentials');
}

/** In credentials a key is shown only when it is close to a known one: any other may be a misplaced value. */
export const REDACTION: Redaction = {
  hidesValue: isConfidential,
  showsKey: (key, map) =>
    isConfidential(map) ? key === MERGE_KEY || nearest(key, ALL_CREDENTIAL_KEYS) !== undefined : looksLikeKey(key),
};
