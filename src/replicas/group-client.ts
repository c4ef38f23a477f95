// The port to the group: an exchange with all members, and messages to them. `redis-group.ts` is behind it.

import type { EventChannel, RegistryEvent } from '../model/events.ts';
import type { Beat, BeatReply } from './lease-script.ts';

export type GroupMessage =
  /** The members have changed: it is time for a beat. */
  | { readonly type: 'beat' }
  /** The API throttles requests under these credentials, and asks for this pause. */
  | { readonly type: 'throttled'; readonly credentials: string; readonly retryAfterMs?: number | undefined }
  /** The API refuses these credentials. */
  | { readonly type: 'refused'; readonly credentials: string }
  /** An event about a repository that another member watches, or may watch. */
  | { readonly type: 'event'; readonly event: RegistryEvent; readonly channel: EventChannel };

export interface GroupClient {
  /** Since when no member can reach Redis, on the monotonic clock. Undefined while there is an answer, and if this one may be cut off alone. */
  readonly downSinceMs: number | undefined;
  /** Rejects with an error whose message is for the log when there is no answer in time. */
  beat(beat: Beat): Promise<BeatReply>;
  /** Sends a message to the other members, if it can be sent now. Never throws. */
  tell(message: GroupMessage): void;
}
