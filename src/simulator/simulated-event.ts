// An event of the registry.
import type { EventType } from '../model/events.ts';
import type { Vulnerabilities } from '../model/scan.ts';
import type { SimulatedRepository } from './repository.ts';
import type { RegistryTag } from './tag-store.ts';
import type { EndStatus } from './timeline.ts';

/** A scan that ended, or a push. */
export type SimulatedEvent = {
  /** A lower-case UUID, the same in every run with the same seed. */
  readonly id: string;
  readonly type: EventType;
  readonly repository: SimulatedRepository;
  readonly tag: RegistryTag;
  /** How the scan ended; undefined for a push. */
  readonly status: EndStatus | undefined;
  /** What the scan found; undefined unless it is complete. */
  readonly vulnerabilities: Vulnerabilities | undefined;
  /** When it happened, in milliseconds since the simulator started. */
  readonly elapsedMs: number;
};
