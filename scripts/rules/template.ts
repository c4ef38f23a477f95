// Fills in the template of the Prometheus rules: named pieces, and durations that can be made shorter for a test.
import { formatDuration, parseDuration } from '../../src/util/duration.ts';

export type FillOptions = {
  /** What every duration is multiplied with; default 1. */
  readonly timeScale?: number;
  /** Pieces that take the place of the template's own. */
  readonly pieces?: Readonly<Record<string, string>>;
};

/** A template that cannot be filled in. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
}

const DEFINITION = /^#: *(\w+) *= *(.+)\n/gm;
const MARK = /<<(.+?)( in seconds)?>>/g;

/**
 * Fills in a template. Lines such as `#: memory = 10m` define pieces and are left out; `<<memory>>` is replaced by the piece, in which
 * marks are replaced in turn, `<<5m>>` by the duration, and `<<5m in seconds>>` by its number of seconds.
 */
export function fillTemplate(template: string, { timeScale = 1, pieces = {} }: FillOptions = {}): string {
  const defined = new Map([...template.matchAll(DEFINITION)].map(([, name = '', text = '']) => [name, text]));
  for (const [name, text] of Object.entries(pieces)) {
    if (!defined.has(name)) throw new TemplateError(`expected a piece of the template, found "${name}"`);
    defined.set(name, text);
  }
  const fill = (text: string): string =>
    text.replace(MARK, (mark, name: string, inSeconds: string | undefined) => {
      const piece = defined.get(name) ?? name;
      const ms = parseDuration(piece);
      if (ms !== undefined)
        return inSeconds ? String(scaled(ms, timeScale) / 1000) : formatDuration(scaled(ms, timeScale));
      if (!defined.has(name) || inSeconds)
        throw new TemplateError(`expected the name of a piece or a duration in ${mark}`);
      return fill(piece);
    });
  return fill(template.replace(DEFINITION, ''));
}

/** Milliseconds, whole and never none: Prometheus knows nothing shorter. */
function scaled(ms: number, timeScale: number): number {
  return Math.max(1, Math.round(ms * timeScale));
}
