// The port to what outlives the process. It knows files and records, not tags: what a record means is its owner's business.

/** What a storage gives back at the start. */
export type LoadedSnapshot = {
  /**
   * The records of the snapshot in the order in which they were saved, each parsed when it is reached, so that they are never all in memory.
   * Empty if there is no usable snapshot. They can be read once or several times.
   */
  readonly records: Iterable<object>;
  /** When the snapshot was saved, in milliseconds since the epoch by the clock of that time. Undefined if there is no usable snapshot. */
  readonly savedMs: number | undefined;
};

/** Keeps one snapshot: a sequence of records. */
export interface Storage {
  /**
   * Takes the storage for this process and reads the last good snapshot. A file that is damaged, unreadable or not a snapshot gives a log line,
   * never an error: then there are no records.
   *
   * @throws {StorageInUseError} when another living process uses the same place
   */
  load(): Promise<LoadedSnapshot>;
  /**
   * Replaces the snapshot. Records are taken one at a time, over several turns of the event loop, and each is serialised when it is taken.
   * Rejects when it cannot be written; the last snapshot then stays.
   */
  save(records: Iterable<object>): Promise<void>;
  /** Gives the storage back, so that another process may take it at once. Never rejects. */
  close(): Promise<void>;
}

/** Another living process uses the storage. The message says which. */
export class StorageInUseError extends Error {
  override readonly name = 'StorageInUseError';
}
