// Says of a value in a file what was expected there and what was found, at its place.
import { type Discretion, describeValue, hint, MERGE_KEY } from './found.ts';
import type { Path } from './problem.ts';
import type { Report } from './report.ts';
import type { YamlTree } from './yaml.ts';

/** Other programs take such keys for anchors. */
const HOLDER = 'an unknown key (an anchor stands where its value is first used, as in tags: &releases [v1, v2])';

/** A file that is being validated. */
export type Validation = { readonly tree: YamlTree; readonly report: Report; readonly discretion: Discretion };

/** Reports a mistake in the value at a path, or in its key. What was found is taken from the file unless it is given. */
export function reportAt(
  { tree, report, discretion }: Validation,
  path: Path,
  part: 'key' | 'value',
  expected: string,
  found?: string,
): void {
  const { offset, isMultiline } = tree.locate(path, part);
  const value = valueAt(tree.value, path);
  // A text that goes on in the next line has probably swallowed it.
  const text = typeof value === 'string' && isMultiline ? 'a text of several lines' : undefined;
  // A file that is but a text is more likely a secret than a configuration.
  const isHidden = path.length === 0 || discretion.hidesValue(path);
  report.add(offset, path, expected, found ?? text ?? describeValue(value, isHidden));
}

/** Reports a key that the map at a path does not know. */
export function reportUnknownKey(validation: Validation, map: Path, key: string, known: readonly string[]): void {
  const path = [...map, key];
  if (key === MERGE_KEY) {
    const expected = 'the keys themselves, or an alias in place of the whole value';
    reportAt(validation, path, 'key', expected, 'a merge key, which is not supported');
  } else {
    const found = map.length === 0 && /^(?:x-|\.)/.test(key) ? HOLDER : `an unknown key${hint(key, known)}`;
    reportAt(validation, path, 'key', `one of ${known.join(', ')}`, found);
  }
}

/** The value at a path, or undefined where there is none. */
export function valueAt(root: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, step) => (Object.hasOwn(Object(value), step) ? Reflect.get(Object(value), step) : undefined),
    root,
  );
}
