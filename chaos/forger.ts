// Sends events to the webhook that the registry did not send: forged, damaged, repeated and far too many. To add a forgery, add it to the list.
import { generateKeyPairSync, sign } from 'node:crypto';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { TRUSTED_ORIGIN } from './certificates.ts';
import type { Random } from './random.ts';
import type { Delivery, EventTag, Expected } from './record.ts';
import type { TagState } from './truth.ts';

const KEY_BITS = 2048;
const TIMEOUT_MS = 8_000;
const CONTENT_TYPE = 'application/cloudevents+json';
const MINUTE_MS = 60_000;
const ANOTHER_AFTER_MS = 100;

/** What is sent, and how it differs from what is right. */
type Sent = {
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** What is signed in place of the body. */
  readonly signedBody?: string;
  readonly token?: string;
  readonly certificateUrl?: string;
  /** How old the signature is. */
  readonly ageMs?: number;
};

export type Forgery = {
  readonly name: string;
  readonly forge: (context: { readonly right: string; readonly tag: TagState; readonly random: Random }) => Sent;
  /** The answer with a signature that is checked, and without. */
  readonly expected: Expected;
  /** Whether it says what an event of a watched tag says: it makes the exporter ask where it is taken. */
  readonly isEvent: boolean;
};

const REFUSED = { signed: 401, unsigned: 401 };
/** Wrong only where the signature counts. */
const UNSIGNED = { signed: 401, unsigned: 204 };
const INVALID = { signed: 400, unsigned: 400 };
const TAKEN = { signed: 204, unsigned: 204 };

const LIES: readonly (readonly [string, string])[] = [
  ['specversion', '"0.3"'],
  ['id', '""'],
  ['id', '{"toString":7}'],
  ['type', 'null'],
  ['time', '"yesterday"'],
  ['time', '"2026-01-01T00:00:00"'],
  ['data', '[]'],
  ['data', '{"InstanceId":"cri-a"}'],
  ['data', '{"__proto__":{"InstanceId":"cri-a","Tag":"v1","RepoId":"crr-api"}}'],
];

export const FORGERIES: readonly Forgery[] = [
  { name: 'a wrong token', forge: () => ({ token: 'token-of-events-0' }), expected: REFUSED, isEvent: true },
  { name: 'no token', forge: () => ({ token: '' }), expected: REFUSED, isEvent: true },
  {
    name: 'a token with more behind it',
    forge: ({ right }) => ({ token: `${right}0` }),
    expected: REFUSED,
    isEvent: true,
  },
  {
    name: 'the signature of another body',
    forge: () => ({ signedBody: '{}' }),
    expected: UNSIGNED,
    isEvent: true,
  },
  {
    name: 'no signature',
    forge: () => ({ headers: { 'x-eventbridge-signature-v2': '' } }),
    expected: UNSIGNED,
    isEvent: true,
  },
  {
    name: 'a stale signature',
    forge: ({ random }) => ({ ageMs: random.one([-1, 1]) * random.whole(3 * MINUTE_MS, 20 * MINUTE_MS) }),
    expected: UNSIGNED,
    isEvent: true,
  },
  {
    name: 'a certificate of another host',
    forge: ({ random }) => ({
      certificateUrl: random.one([
        'https://elsewhere.example/forger.pem',
        'https://mine-eventbridge.oss-accelerate.aliyuncs.com/forger.pem',
        `${TRUSTED_ORIGIN}.elsewhere.example/forger.pem`,
        `${TRUSTED_ORIGIN}@elsewhere.example/forger.pem`,
        `${TRUSTED_ORIGIN}/../forger.pem`,
        TRUSTED_ORIGIN.replace('https:', 'http:').concat('/forger.pem'),
      ]),
    }),
    expected: UNSIGNED,
    isEvent: true,
  },
  {
    name: 'the certificate of somebody else',
    forge: () => ({ certificateUrl: `${TRUSTED_ORIGIN}/simulator.pem` }),
    expected: UNSIGNED,
    isEvent: true,
  },
  {
    name: 'a damaged event',
    forge: ({ tag, random }) => {
      const [key, value] = random.one(LIES);
      const text = eventText(tag, `damaged-${random.whole(1, 1e9)}`, Date.now());
      const event: Record<string, unknown> = JSON.parse(text);
      delete event[key];
      return { body: `${JSON.stringify(event).slice(0, -1)},"${key}":${value}}` };
    },
    expected: INVALID,
    isEvent: false,
  },
  {
    name: 'no JSON',
    forge: ({ random }) => ({ body: random.one(['', '{', 'null', '7', '{"a":'.repeat(5_000), '"\\ud800"']) }),
    expected: INVALID,
    isEvent: false,
  },
  {
    name: 'a huge body',
    forge: () => ({ body: ' '.repeat(3_000_000) }),
    expected: { signed: 413, unsigned: 413 },
    isEvent: false,
  },
  {
    name: 'another type of content',
    forge: () => ({ headers: { 'content-type': 'text/plain' } }),
    expected: { signed: 415, unsigned: 415 },
    isEvent: true,
  },
  {
    name: 'an event of nothing that is watched',
    forge: ({ tag, random }) => ({
      body: eventText(
        { ...tag, ...random.one([{ instanceId: 'cri-x' }, { repoId: 'crr-x', repoName: 'x' }, { tag: 'x' }]) },
        `alien-${random.whole(1, 1e9)}`,
        Date.now(),
      ),
    }),
    expected: TAKEN,
    isEvent: false,
  },
  {
    name: 'an event of the future',
    forge: ({ tag, random }) => ({
      body: eventText(tag, `future-${random.whole(1, 1e9)}`, Date.now() + random.whole(20, 600) * MINUTE_MS),
    }),
    expected: TAKEN,
    isEvent: true,
  },
  {
    name: 'an event of long ago',
    forge: ({ tag, random }) => ({
      body: eventText(tag, `old-${random.whole(1, 1e9)}`, Date.now() - random.whole(20, 600) * MINUTE_MS),
    }),
    expected: TAKEN,
    isEvent: true,
  },
  { name: 'an event that did not happen', forge: () => ({}), expected: TAKEN, isEvent: true },
];

/** Where events are sent, and with what. */
export type Target = { readonly url: string; readonly token: string };

export class Forger {
  readonly #keys = generateKeyPairSync('rsa', { modulusLength: KEY_BITS });
  #sent = 0;

  /** The key with which signatures are right, in PEM. */
  get publicKey(): string {
    return this.#keys.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  }

  /**
   * Sends a forgery. What becomes of it is noted in `deliveries`.
   *
   * @param tag one that is there
   */
  async send(forgery: Forgery, tag: TagState, target: Target, deliveries: Delivery[], random: Random): Promise<void> {
    const id = `forged-${this.#sent++}`;
    const at = Date.now();
    const sent = forgery.forge({ right: target.token, tag, random });
    const body = sent.body ?? eventText(tag, id, at);
    await this.#post(target, { ...sent, body }, deliveries, {
      kind: forgery.name,
      id,
      count: 1,
      ...(forgery.isEvent && { tag: aboutTag(tag, at) }),
      expected: forgery.expected,
    });
  }

  /** Sends the same event several times at once, and another one about the same tag, perhaps while it is polled. */
  async repeat(tag: TagState, target: Target, deliveries: Delivery[], times: number): Promise<void> {
    const id = `repeated-${this.#sent++}`;
    const at = Date.now();
    const delivery = { kind: 'an event again and again', id, count: 1, tag: aboutTag(tag, at), expected: TAKEN };
    const body = eventText(tag, id, at);
    await Promise.all(Array.from({ length: times }, () => this.#post(target, { body }, deliveries, delivery)));
    await sleep(ANOTHER_AFTER_MS);
    const other = `${id}-other`;
    const aboutOther = aboutTag(tag, Date.now());
    const sent = { body: eventText(tag, other, aboutOther.happenedAt) };
    await this.#post(target, sent, deliveries, { ...delivery, id: other, tag: aboutOther });
  }

  /** Sends as many events as there is room for, in bodies of many and of one. None of them is of anything that is watched. */
  async flood(tag: TagState, target: Target, deliveries: Delivery[]): Promise<void> {
    const alien = { ...tag, tag: 'flood' };
    const event = () => eventText(alien, `flood-${this.#sent++}`, Date.now());
    const bodies = [
      ...Array.from(
        { length: FLOOD.batches },
        () => [FLOOD.batch, `[${Array.from({ length: FLOOD.batch }, event)}]`] as const,
      ),
      ...Array.from({ length: FLOOD.singles }, () => [1, event()] as const),
    ];
    const agent = new Agent({ keepAlive: true, maxSockets: FLOOD.connections });
    await Promise.all(
      bodies.map(([count, body], index) =>
        this.#post(target, { body }, deliveries, { kind: 'a flood', id: `flood ${index}`, count }, agent),
      ),
    );
    agent.destroy();
  }

  async #post(
    { url, token }: Target,
    sent: Sent & { readonly body: string },
    deliveries: Delivery[],
    noted: Omit<Delivery, 'sentAt' | 'answeredAt' | 'status'>,
    agent: Agent | false = false,
  ): Promise<void> {
    const headers = { ...this.#headersOf(url, token, sent), ...sent.headers };
    const delivery: Delivery = { ...noted, sentAt: Date.now(), answeredAt: Number.POSITIVE_INFINITY, status: 0 };
    deliveries.push(delivery);
    delivery.status = await post(url, headers, sent.body, agent);
    delivery.answeredAt = Date.now();
  }

  #headersOf(url: string, right: string, sent: Sent & { readonly body: string }): Record<string, string> {
    const { body, signedBody = body, token = right, certificateUrl = `${TRUSTED_ORIGIN}/forger.pem`, ageMs = 0 } = sent;
    const headers = {
      'x-eventbridge-signature-timestamp': String(Date.now() - ageMs),
      'x-eventbridge-hash-method': 'SHA256',
      'x-eventbridge-signature-version': '1.0',
      'x-eventbridge-signature-url': certificateUrl,
      'x-eventbridge-signature-token': token,
    };
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
    const text = [url, ...lines, signedBody].join('\n');
    const signature = sign('sha256', Buffer.from(text), this.#keys.privateKey).toString('base64');
    return { 'content-type': CONTENT_TYPE, ...headers, 'x-eventbridge-signature-v2': signature };
  }
}

/** 2,000 events in bodies, and 600 more. */
const FLOOD = { batches: 20, batch: 100, singles: 600, connections: 20 };

function aboutTag({ instanceId, repoId, repoNamespace, repoName, tag }: TagState, at: number): EventTag {
  return { instanceId, repoId, repoNamespace, repoName, tag, happenedAt: at, isScan: true };
}

function eventText({ instanceId, repoId, repoNamespace, repoName, tag }: TagState, id: string, at: number): string {
  return JSON.stringify({
    id,
    source: 'acs.cr',
    specversion: '1.0',
    time: new Date(at).toISOString(),
    type: 'cr:Artifact:ScanCompleted',
    data: { InstanceId: instanceId, RepoId: repoId, RepoNamespaceName: repoNamespace, RepoName: repoName, Tag: tag },
  });
}

/** The status of the answer; 0 without one. */
function post(url: string, headers: Record<string, string>, body: string, agent: Agent | false): Promise<number> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const asking = request(url, { method: 'POST', headers, agent, signal }, (response) => {
      resolve(response.statusCode ?? 0);
      response.on('error', () => undefined);
      response.resume();
    });
    asking.on('error', () => resolve(0));
    asking.end(body);
  });
}
