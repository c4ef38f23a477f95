// `POST /api/v1/events`: takes the events that EventBridge sends. Every event is a hint to ask the API, so a forged one costs a request.
import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { isDeepStrictEqual } from 'node:util';
import type { Context } from 'koa';
import { parseCloudEvents } from '../../events/cloud-event.ts';
import type { EventLabels, EventMeter, EventOutcome, RegistryEvent, WebhookSettings } from '../../model/events.ts';
import type { Clock } from '../../util/clock.ts';
import type { Logger } from '../../util/logger.ts';
import { EVENTS_PATH } from '../assets.ts';
import { pathBelow, readRequestTarget } from '../request.ts';
import { answerPlainly } from '../responses.ts';
import { CertificateError, Certificates, type CertificatesOptions } from './certificates.ts';
import { EventQueue } from './event-queue.ts';
import { EventToken, type TokenDependencies } from './event-token.ts';
import { RefusalLog } from './refusal-log.ts';
import { discardBody, readBody } from './request-body.ts';
import { isSignedBy, readSignature, TOKEN_HEADER } from './signature-v2.ts';

/** An event of the registry has about one kilobyte. */
export const MAX_BODY_BYTES = 64 * 1024;

/** Requests with the right token whose body is read, in a second. A signature takes some tenths of a millisecond to compare. */
const MAX_REQUESTS_PER_SECOND = 2_000;

const CONTENT_TYPES = ['application/cloudevents+json', 'application/cloudevents-batch+json', 'application/json'];

export type WebhookOptions = TokenDependencies & {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly stopping: AbortSignal;
  /** Where others reach the exporter, without a slash at its end: `https://example.com/acr`, `/acr`, or empty. */
  readonly externalUrl: string;
  /** Before every path: `/acr`, or empty. */
  readonly routePrefix: string;
  readonly meter: EventMeter;
  /** Takes each event. */
  readonly receive: (event: RegistryEvent) => void;
  /** Takes an error of the exporter's own code. */
  readonly failed: (error: unknown) => void;
  readonly fetchCertificate: CertificatesOptions['fetch'];
  readonly certificateOrigin?: CertificatesOptions['originOf'];
};

/** An answer other than 204. */
type Refusal = {
  readonly status: number;
  readonly text: string;
  readonly outcome: EventOutcome;
  readonly count?: number;
};

export class EventWebhook {
  readonly #options: WebhookOptions;
  readonly #queue: EventQueue;
  readonly #certificates: Certificates;
  readonly #refusals: RefusalLog;
  #settings: WebhookSettings | undefined;
  #token: EventToken | undefined;
  #second = { fromMs: Number.NEGATIVE_INFINITY, requests: 0 };

  constructor(options: WebhookOptions) {
    const { clock, stopping, fetchCertificate, certificateOrigin } = options;
    this.#options = options;
    this.#queue = new EventQueue({ clock, stopping, apply: (event) => this.#apply(event) });
    this.#certificates = new Certificates({
      clock,
      fetch: fetchCertificate,
      ...(certificateOrigin !== undefined && { originOf: certificateOrigin }),
    });
    this.#refusals = new RefusalLog(options);
  }

  /** Whether a path without the prefix is that of the webhook, and there is one. */
  isAt(path: string | undefined): boolean {
    return this.#settings !== undefined && path === EVENTS_PATH;
  }

  /** Whether a request is for the webhook, which asks for its token instead of a user and a password. */
  isFor(request: IncomingMessage): boolean {
    return this.isAt(pathBelow(this.#options.routePrefix, readRequestTarget(request.url ?? '')?.path));
  }

  /**
   * Puts settings in force, and reads the token.
   *
   * @param settings undefined for no webhook
   * @param regions of the configured instances: an event comes from the region of its instance
   */
  configure(settings: WebhookSettings | undefined, regions: Iterable<string>): void {
    this.#certificates.setRegions(regions);
    const { token } = settings ?? {};
    if (!isDeepStrictEqual(token, this.#settings?.token)) this.#token = token && new EventToken(token, this.#options);
    this.#settings = settings;
  }

  /** Answers a request. Rejects with the error of its connection. */
  async answer(ctx: Context): Promise<void> {
    const refusal = await this.#take(ctx);
    if (refusal === undefined) {
      ctx.status = 204;
      return;
    }
    const { status, text, outcome, count = 1 } = refusal;
    this.#count(outcome, count);
    this.#refusals.add(status, text, ctx.req.socket.remoteAddress);
    // Who sends events that are wrong by nature sends them again in vain, but EventBridge has no status for that.
    if (status === 429 || status === 503) ctx.set('Retry-After', '1');
    if (status === 401) ctx.set('WWW-Authenticate', TOKEN_HEADER);
    answerPlainly(ctx, status, text);
    if (!ctx.req.complete) await this.#answerEarly(ctx, `${text}\n`);
  }

  /** Sends the whole answer while the body still comes, and ends it with the body. */
  async #answerEarly(ctx: Context, text: string): Promise<void> {
    ctx.respond = false;
    ctx.res.write(text);
    await discardBody(ctx.req, this.#options.clock);
    ctx.res.end();
  }

  /** Checks what costs least first: a wrong token is answered before the body is read. */
  async #take(ctx: Context): Promise<Refusal | undefined> {
    const refusal = this.#checkToken(ctx) ?? this.#checkLoad() ?? checkType(ctx);
    if (refusal !== undefined) return refusal;
    const body = await readBody(ctx.req, MAX_BODY_BYTES);
    if (body === undefined) return invalid(413, `Too large: expected a body of at most ${MAX_BODY_BYTES} bytes.`);
    return (await this.#checkSignature(ctx, body)) ?? this.#takeBody(body);
  }

  #checkToken(ctx: Context): Refusal | undefined {
    const given = ctx.get(TOKEN_HEADER);
    const check = this.#token?.check(given) ?? 'unavailable';
    if (check === 'right') return undefined;
    if (check === 'wrong') return refused(`Unauthorized: ${TOKEN_HEADER} is ${given === '' ? 'missing' : 'wrong'}.`);
    return { status: 503, text: 'There is no token to compare with: see the log.', outcome: 'refused' };
  }

  #checkLoad(): Refusal | undefined {
    const { clock, stopping } = this.#options;
    // What waits is not applied any more. EventBridge sends it again, to the next process.
    if (stopping.aborted) return { status: 503, text: 'The exporter is stopping.', outcome: 'dropped' };
    const nowMs = clock.monotonic();
    if (nowMs - this.#second.fromMs >= 1_000) this.#second = { fromMs: nowMs, requests: 0 };
    this.#second.requests += 1;
    return this.#second.requests > MAX_REQUESTS_PER_SECOND || this.#queue.isFull ? dropped(1) : undefined;
  }

  async #checkSignature(ctx: Context, body: Buffer): Promise<Refusal | undefined> {
    if (!this.#settings?.signature) return undefined;
    const { headers } = ctx.req;
    const signature = readSignature(headers, this.#options.clock.now());
    if (typeof signature === 'string') return refused(`Unauthorized: ${signature}.`);
    if (!this.#certificates.isTrusted(signature.certificateUrl))
      return refused(
        'Unauthorized: the URL of the certificate is not that of EventBridge in the region of an instance.',
      );
    try {
      const key = await this.#certificates.keyAt(signature.certificateUrl);
      if (isSignedBy(key, signature, { headers, urls: this.#urlsOf(ctx), body })) return undefined;
      return refused('Unauthorized: the signature is wrong.');
    } catch (error) {
      if (!(error instanceof CertificateError)) throw error;
      return { status: 503, text: `Not checked: ${error.message}.`, outcome: 'refused' };
    }
  }

  /** The URLs to which the sender may have sent the request. A proxy that ends TLS or changes the path hides which it was. */
  #urlsOf({ url, headers: { host } }: Context): readonly string[] {
    const { externalUrl, routePrefix } = this.#options;
    const below = pathBelow(routePrefix, url);
    if (below === undefined) return [url];
    return [`https://${host}${url}`, `http://${host}${url}`, ...(externalUrl === '' ? [] : [externalUrl + below])];
  }

  #takeBody(body: Buffer): Refusal | undefined {
    if (!isUtf8(body)) return invalid(400, 'Not an event: expected a text in UTF-8.');
    const { events, others, problems } = parseCloudEvents(new TextDecoder().decode(body));
    if (!this.#queue.add(events)) return dropped(events.length);
    if (others > 0) this.#count('unwatched', others);
    const [problem] = problems;
    if (problem === undefined) return undefined;
    // To refuse a batch for one of its events would bring all of them again.
    if (events.length + others === 0)
      return { ...invalid(400, `Not an event as documented: ${problem}.`), count: problems.length };
    this.#count('invalid', problems.length);
    return undefined;
  }

  #apply(event: RegistryEvent): void {
    try {
      this.#options.receive(event);
    } catch (error) {
      this.#options.failed(error);
    }
  }

  #count(outcome: EventLabels['outcome'], count: number): void {
    this.#options.meter.eventsReceived({ instanceId: '', type: '', channel: 'webhook', outcome }, count);
  }
}

function checkType(ctx: Context): Refusal | undefined {
  const [type = '', ...parameters] = ctx.get('Content-Type').toLowerCase().split(';');
  const isUtf8Text = parameters.every(
    (parameter) => !/^\s*charset\s*=/.test(parameter) || /=\s*"?utf-?8"?\s*$/.test(parameter),
  );
  const encoding = ctx.get('Content-Encoding').toLowerCase();
  if (CONTENT_TYPES.includes(type.trim()) && isUtf8Text && (encoding === '' || encoding === 'identity'))
    return undefined;
  return invalid(415, `Unsupported: expected ${CONTENT_TYPES.join(' or ')} in UTF-8, without Content-Encoding.`);
}

function refused(text: string): Refusal {
  return { status: 401, text, outcome: 'refused' };
}

function invalid(status: number, text: string): Refusal {
  return { status, text, outcome: 'invalid' };
}

function dropped(count: number): Refusal {
  return {
    status: 429,
    text: 'Too many events at a time. Try again later.',
    outcome: 'dropped',
    count,
  };
}
