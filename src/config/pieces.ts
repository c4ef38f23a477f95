// A configuration, or what is wrong with it, as a row of small pieces: what one thread takes apart another puts together again
// without ever handling more than a slice at once.

import type { ConfiguredRepository, ListedTag } from '../model/settings.ts';
import { ConfigError, type Problem } from '../util/yaml/problems.ts';
import type { Config, InstanceConfig } from './config.ts';

/** Each belongs to the latest one of the kind above it. */
export type Piece =
  | { readonly kind: 'settings'; readonly value: Omit<Config, 'instances'> }
  | { readonly kind: 'instance'; readonly value: Omit<InstanceConfig, 'repositories'> }
  | { readonly kind: 'repository'; readonly value: Omit<ConfiguredRepository, 'tags'> }
  | { readonly kind: 'tag'; readonly value: ListedTag }
  | { readonly kind: 'problem'; readonly value: Problem };

export type Slice = { readonly pieces: readonly Piece[]; readonly isLast: boolean };

/** Takes about 1 ms to receive. */
const PIECES_IN_SLICE = 500;

/** All that makes up a configuration. */
export function* piecesOf({ instances, ...settings }: Config): Generator<Piece> {
  yield { kind: 'settings', value: settings };
  for (const { repositories, ...instance } of instances) {
    yield { kind: 'instance', value: instance };
    for (const { tags, ...repository } of repositories) {
      yield { kind: 'repository', value: repository };
      for (const value of tags) yield { kind: 'tag', value };
    }
  }
}

/** All problems of an error. */
export function* problemPieces({ problems }: ConfigError): Generator<Piece> {
  for (const value of problems) yield { kind: 'problem', value };
}

/** The pieces in slices; the last one may be empty. */
export function* slicesOf(all: Iterable<Piece>): Generator<Slice> {
  let pieces: Piece[] = [];
  for (const piece of all) {
    pieces.push(piece);
    if (pieces.length < PIECES_IN_SLICE) continue;
    yield { pieces, isLast: false };
    pieces = [];
  }
  yield { pieces, isLast: true };
}

type OpenRepository = Omit<ConfiguredRepository, 'tags'> & { readonly tags: ListedTag[] };
type OpenInstance = Omit<InstanceConfig, 'repositories'> & { readonly repositories: OpenRepository[] };

/** Puts slices together again. */
export class Assembly {
  #settings: Omit<Config, 'instances'> | undefined;
  readonly #instances: OpenInstance[] = [];
  readonly #problems: Problem[] = [];

  /** Takes the next slice; after the last one gives the configuration, or throws the {@link ConfigError}. */
  add({ pieces, isLast }: Slice): Config | undefined {
    for (const piece of pieces) this.#place(piece);
    if (!isLast) return undefined;
    if (!this.#settings) throw new ConfigError(this.#problems);
    return { ...this.#settings, instances: this.#instances };
  }

  #place(piece: Piece): void {
    const instance = this.#instances.at(-1);
    if (piece.kind === 'settings') this.#settings = piece.value;
    else if (piece.kind === 'problem') this.#problems.push(piece.value);
    else if (piece.kind === 'instance') this.#instances.push({ ...piece.value, repositories: [] });
    else if (piece.kind === 'repository') instance?.repositories.push({ ...piece.value, tags: [] });
    else instance?.repositories.at(-1)?.tags.push(piece.value);
  }
}
