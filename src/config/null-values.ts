// Keys with nothing behind them count as left out, as charts and templates write them.

/** What an instance may leave empty beside the other one. */
const LISTS = ['repositories', 'discover'] as const;
/** An empty text in these keys of an instance is no value that they could have. */
const TEXTS = ['endpoint', 'domain'] as const;

/** Takes the blank keys out of the maps of a configuration, in place, so that the places of what remains are still known. */
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
