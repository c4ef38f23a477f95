// Durations in the format of Prometheus: `500ms`, `15s`, `10m`, `2h`, `30d`, or a sum such as `1h30m`.

const UNITS_MS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const;
const PATTERN = /^(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?$/;

/** The milliseconds of a duration such as `1h30m` (units from large to small, each once); undefined for any other text. */
export function parseDuration(text: string): number | undefined {
  const match = PATTERN.exec(text);
  if (!match || text === '') return undefined;
  const sum = Object.values(UNITS_MS).reduce((total, unit, index) => total + Number(match[index + 1] ?? 0) * unit, 0);
  return Number.isSafeInteger(sum) ? sum : undefined;
}

/** The shortest form of a whole, non-negative number of milliseconds: `90000` gives `1m30s`, `0` gives `0s`. */
export function formatDuration(ms: number): string {
  let rest = Math.round(ms);
  let text = '';
  for (const [unit, size] of Object.entries(UNITS_MS)) {
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text === '' ? '0s' : text;
}
