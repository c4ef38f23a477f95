// Removes keys without a value: charts and templates write them for what is left out.

/** An instance may leave one of these empty if the other one is not. */
const LISTS = ['repositories', 'discover'] as const;
/** No value of these keys of an instance is an empty text: it counts as none. */
const TEXTS = ['endpoint', 'domain'] as const;

/** Removes the keys without a value from the maps of a configuration, in place: what remains keeps its place in the file. */
export function dropBlanks(value: unknown): void {
  dropNulls(value);
  const instances: unknown = Reflect.get(Object(value), 'instances');
  if (!Array.isArray(instances)) return;
  for (const instance of instances.map(Object)) {
    for (const key of TEXTS) if (instance[key] === '') delete instance[key];
    const filled = LISTS.filter((key) => !isEmptyList(instance[key]) && key in instance);
    if (filled.length === 1) for (const key of LISTS) if (isEmptyList(instance[key])) delete instance[key];
  }
}

function dropNulls(value: unknown): void {
  if (Array.isArray(value)) for (const item of value) dropNulls(item);
  else if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value)) {
      if (inner === null) Reflect.deleteProperty(value, key);
      else dropNulls(inner);
    }
  }
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}
