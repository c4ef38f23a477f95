// Reads values of a file that no schema has checked.

/** The list of a key; empty if it is absent or not a list. */
export function listAt(map: unknown, key: string): readonly unknown[] {
  const value: unknown = Reflect.get(Object(map), key);
  return Array.isArray(value) ? value : [];
}

/** The text of a key; empty if it is absent or not a text. */
export function textAt(map: unknown, key: string): string {
  const value: unknown = Reflect.get(Object(map), key);
  return typeof value === 'string' ? value : '';
}
