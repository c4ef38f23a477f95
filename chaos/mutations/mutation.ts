// What a mutation is: a way in which the exporter may be broken.

export type Mutation = {
  readonly name: string;
  /** In `dist`. */
  readonly file: string;
  /** What stands in it, once. */
  readonly before: string;
  readonly after: string;
  /** The law that is expected to find it. */
  readonly law: string;
  /** Faults and actions that the break shows after: they are drawn as often as all the others together. */
  readonly often?: readonly string[];
  /** How many exporters share the work; 1 where it is left out. */
  readonly members?: number;
  /** How long a run has to find it, where a minute is too short: what only a calm shows may take a second storm. */
  readonly minutes?: number;
};

/** The text of a file with the mutation in it. Throws where it does not have exactly one place for it. */
export function mutated(text: string, { name, file, before, after }: Mutation): string {
  const parts = text.split(before);
  if (parts.length !== 2) {
    throw new Error(`${name}: expected once in ${file}, found ${parts.length - 1} times: ${before}`);
  }
  return parts.join(after);
}
