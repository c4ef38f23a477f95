// Reports the issues that the schema of the configuration finds. Here are those of credentials, whose keys depend on the type; for all others
// see util/yaml/schema.ts.
import type { z } from 'zod';
import { describeValue, hint, type Path } from '../util/yaml/descriptions.ts';
import { valueAt, type YamlDocument } from '../util/yaml/document.ts';
import { type Mistake, mistakesOf, unknownKey } from '../util/yaml/schema.ts';
import { CREDENTIAL_KEYS, isConfidential } from './credentials-schema.ts';

type Issue = z.core.$ZodIssue;

/** Reports every issue of a validation of `document.value`. */
export function reportIssues(issues: readonly Issue[], document: YamlDocument): void {
  for (const issue of issues) {
    for (const { path, part, expected, found } of credentialMistakes(issue, document) ?? mistakesOf(issue)) {
      document.report(path, expected, found, part);
    }
  }
}

/** The mistakes of an issue about the keys or the type of credentials; undefined for any other issue. */
function credentialMistakes(issue: Issue, document: YamlDocument): Mistake[] | undefined {
  const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
  if (issue.code === 'unrecognized_keys' && isConfidential(path)) {
    return issue.keys.map((key) => credentialKey(path, key, issue.message.split(', '), document));
  }
  if (issue.code === 'invalid_union' && issue.discriminator !== undefined) {
    return unknownType(path, issue.message, document);
  }
  return undefined;
}

function credentialKey(map: Path, key: string, known: readonly string[], document: YamlDocument): Mistake {
  const owners = ownersOf(key);
  if (owners.length === 0) return unknownKey(map, key, known);
  const type = String(Reflect.get(Object(valueAt(document.value, map)), 'type'));
  const expected = `only keys of the type ${type}: ${known.join(', ')}`;
  return { path: [...map, key], part: 'key', expected, found: `a key of ${owners.join(', ')}` };
}

/** The type decides which keys are valid. Without a known type, only keys that no type has are reported. */
function unknownType(path: Path, expected: string, document: YamlDocument): Mistake[] {
  const map = path.slice(0, -1);
  const block = Object(valueAt(document.value, map));
  const type: unknown = Reflect.get(block, 'type');
  const meant = typeof type === 'string' ? hint(type, [...CREDENTIAL_KEYS.keys()]) : '';
  const known = [...new Set([...CREDENTIAL_KEYS.values()].flat())];
  return [
    { path, part: 'value', expected, found: `${describeValue(type, true)}${meant}` },
    ...Object.keys(block)
      .filter((key) => ownersOf(key).length === 0)
      .map((key) => unknownKey(map, key, known)),
  ];
}

/** The types of credentials that have this key. */
function ownersOf(key: string): string[] {
  return [...CREDENTIAL_KEYS].filter(([, keys]) => keys.includes(key)).map(([type]) => type);
}
