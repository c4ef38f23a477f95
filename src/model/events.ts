// Events of a registry, as its event center and EventBridge report them.
import type { SecretSource } from './credential-settings.ts';

/** What happened: a scan ended, well or not, or an image was pushed. */
export const EVENT_TYPES = ['ScanCompleted', 'PushCompleted'] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** How an event arrives: the exporter asks for it, or it is sent to the exporter. */
export const EVENT_CHANNELS = ['feed', 'webhook'] as const;
export type EventChannel = (typeof EVENT_CHANNELS)[number];

/** An event is a hint to ask the API. Only an answer of the API is shown. */
export type RegistryEvent = {
  /** Unique among the events of its instance in its channel. */
  readonly id: string;
  readonly type: EventType;
  readonly instanceId: string;
  /** Empty where the event does not say so: the feed has no repository ids. */
  readonly repository: { readonly id: string; readonly namespace: string; readonly name: string };
  readonly tag: string;
  /** When it happened, in milliseconds since the epoch. */
  readonly timeMs: number;
};

/**
 * What became of an event:
 *
 * - `taken`: its tag is due now, or its repository is listed now
 * - `duplicate`: an event with its id came before
 * - `unwatched`: nothing that is watched has its instance, repository and tag
 * - `outdated`: the last answer about its tag is of later
 * - `future`: its time is more than a minute ahead of the clock
 * - `invalid`: it is not an event as documented
 * - `refused`: its token or signature is wrong, or cannot be checked
 * - `dropped`: too many events waited
 * - `forwarded`: another replica watches its repository, and gets it
 */
export const EVENT_OUTCOMES = [
  'taken',
  'duplicate',
  'unwatched',
  'outdated',
  'future',
  'invalid',
  'refused',
  'dropped',
  'forwarded',
] as const;

export type EventOutcome = (typeof EVENT_OUTCOMES)[number];

/** What the counter of events tells apart. */
export type EventLabels = {
  /** Empty where the event does not say it, or is not one. */
  readonly instanceId: string;
  readonly type: EventType | '';
  readonly channel: EventChannel;
  readonly outcome: EventOutcome;
};

/** Counts what became of events: the intake what it receives, a channel what does not reach the intake. */
export interface EventMeter {
  eventsReceived(labels: EventLabels, count: number): void;
}

/** The webhook, as it is configured. */
export type WebhookSettings = {
  /** A file, which is read again when it changes, or an environment variable. */
  readonly token: Exclude<SecretSource, { readonly from: 'value' }>;
  /** Whether the signature of EventBridge has to be right as well. */
  readonly signature: boolean;
};
