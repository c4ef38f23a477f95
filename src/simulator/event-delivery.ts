// Sends the events of the registry to a webhook, as EventBridge does, and goes wrong as its settings say.
import type { Clock } from '../util/clock.ts';
import type { Agenda } from './agenda.ts';
import { cloudEvent } from './cloud-event.ts';
import type { DeliveryAttempt, LoggedDelivery, LoggedEvent } from './event-log.ts';
import type { DeliverySettings } from './event-settings.ts';
import type { EventSigner } from './event-signer.ts';
import { type Draw, type DurationRange, seededDraw, within } from './random.ts';
import type { SimulatedEvent } from './simulated-event.ts';

/** `BACKOFF_RETRY` of EventBridge: three more attempts, 10 to 20 s apart. */
const MAX_ATTEMPTS = 4;
const RETRY_AFTER: DurationRange = { minMs: 10_000, maxMs: 20_000 };
const TIMEOUT_MS = 5_000;
const MAX_UNDER_WAY = 16;
/** Deliveries beyond this many that wait are lost. */
const MAX_WAITING = 50_000;

export type EventDeliveryOptions = {
  readonly agenda: Agenda;
  readonly clock: Clock;
  readonly seed: number;
  readonly signer: EventSigner;
  /** The wall-clock time of the simulator's start. */
  readonly startedAtMs: number;
  readonly elapsedMs: () => number;
};

/** An event on its way. */
type Delivery = { readonly event: SimulatedEvent; readonly log: LoggedDelivery; readonly draw: Draw };

export class EventDelivery {
  readonly #options: EventDeliveryOptions;
  /** Undefined sends nothing. What waits already is sent to the new URL. */
  settings: DeliverySettings | undefined;
  /** The page with the certificate of the simulator that listens. */
  #certificateUrl = '';
  readonly #ready: Delivery[] = [];
  #waiting = 0;
  #underWay = 0;
  /** Aborted when the simulator stops listening; undefined before it listens. */
  #signal: AbortSignal | undefined;

  constructor(options: EventDeliveryOptions) {
    this.#options = options;
  }

  /** Sends what is ready, now and later, until `signal` is aborted. */
  start(certificateUrl: string, signal: AbortSignal): void {
    this.#certificateUrl = certificateUrl;
    this.#signal = signal;
    this.#sendReady();
  }

  /** Sends an event once, twice or never. What becomes of it is recorded in `entry`. */
  send(event: SimulatedEvent, entry: LoggedEvent): void {
    const settings = this.settings;
    if (!settings) return;
    const draw = seededDraw(this.#options.seed, 'delivery', event.id);
    entry.isLost = draw('loss') < settings.loss;
    if (entry.isLost) return;
    const copies = draw('duplicate') < settings.duplicates ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const drawn: Draw = (...parts) => draw(copy, ...parts);
      const lateMs = drawn('reorder') < settings.reorder ? within(settings.reorder_by, drawn('late')) : 0;
      const delivery = { event, draw: drawn, log: { attempts: [] } };
      entry.deliveries.push(delivery.log);
      this.#plan(delivery, event.elapsedMs + within(settings.delay, drawn('delay')) + lateMs);
    }
  }

  #plan(delivery: Delivery, atMs: number): void {
    if (this.#waiting >= MAX_WAITING) return;
    this.#waiting++;
    this.#options.agenda.add(atMs, () => {
      this.#ready.push(delivery);
      this.#sendReady();
    });
  }

  #sendReady(): void {
    const signal = this.#signal;
    while (signal && !signal.aborted && this.#underWay < MAX_UNDER_WAY) {
      const delivery = this.#ready.shift();
      if (!delivery) return;
      this.#waiting--;
      this.#underWay++;
      void this.#deliver(delivery, signal).finally(() => {
        this.#underWay--;
        this.#sendReady();
      });
    }
  }

  async #deliver(delivery: Delivery, signal: AbortSignal): Promise<void> {
    if (!this.settings) return;
    const { clock, elapsedMs } = this.#options;
    const attempt: DeliveryAttempt = { sentAtMs: clock.now(), endedAtMs: null, httpStatus: null, error: null };
    const { attempts } = delivery.log;
    attempts.push(attempt);
    try {
      attempt.httpStatus = await this.#post(delivery.event, this.settings, signal);
    } catch (error) {
      attempt.error = codeOf(error);
    }
    attempt.endedAtMs = clock.now();
    const isTaken = attempt.httpStatus !== null && attempt.httpStatus >= 200 && attempt.httpStatus < 300;
    if (isTaken || attempts.length >= MAX_ATTEMPTS) return;
    this.#plan(delivery, elapsedMs() + within(RETRY_AFTER, delivery.draw('retry', attempts.length)));
  }

  /** Gives the HTTP status of the answer. */
  async #post(event: SimulatedEvent, settings: DeliverySettings, signal: AbortSignal): Promise<number> {
    const { to: url, token = '', certificate_url: written } = settings;
    const { clock, signer, startedAtMs } = this.#options;
    const body = cloudEvent(event, startedAtMs);
    const certificateUrl = written ?? this.#certificateUrl;
    const ended = new AbortController();
    const timeout = new DOMException('no answer in time', 'TimeoutError');
    void clock.sleep(TIMEOUT_MS, ended.signal).then(() => ended.abort(timeout));
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/cloudevents+json; charset=utf-8',
          ...signer.headersFor({ url, certificateUrl, token, body, nowMs: clock.now() }),
        },
        body,
        redirect: 'manual',
        signal: AbortSignal.any([signal, ended.signal]),
      });
      await response.body?.cancel();
      return response.status;
    } finally {
      ended.abort();
    }
  }
}

/** The code of an error of `fetch`, which hides that of the connection in its cause. */
function codeOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  if (cause instanceof Error && 'code' in cause && typeof cause.code === 'string') return cause.code;
  return cause instanceof Error ? cause.name : 'Error';
}
