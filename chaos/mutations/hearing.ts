// The exporter broken where it hears of events: what it takes, what it does then, and how far it trusts them.
import type { Mutation } from './mutation.ts';

export const OF_HEARING: readonly Mutation[] = [
  {
    name: 'every token is right',
    file: 'web/events/event-token.js',
    before: "return this.#matches(given) ? 'right' : 'wrong';",
    after: "return 'right';",
    law: 'refused',
    often: ['an event to the webhook: a wrong token', 'an event to the webhook: no token'],
  },
  {
    name: 'every signature is right',
    file: 'web/events/event-webhook.js',
    before: 'if (isSignedBy(key, signature, { headers, urls: this.#urlsOf(ctx), body }))',
    after: 'if (true)',
    law: 'refused',
    often: [
      'an event to the webhook: the signature of another body',
      'an event to the webhook: the certificate of somebody else',
    ],
  },
  {
    name: 'a signature never expires',
    file: 'web/events/signature-v2.js',
    before: 'if (Math.abs(ageMs) > MAX_AGE_MS)',
    after: 'if (false)',
    law: 'refused',
    often: ['an event to the webhook: a stale signature'],
  },
  {
    name: 'the certificate of a signature may be anywhere',
    file: 'web/events/event-webhook.js',
    before: 'if (!this.#certificates.isTrusted(signature.certificateUrl))',
    after: 'if (false)',
    law: 'refused',
    often: ['an event to the webhook: a certificate of another host'],
  },
  {
    name: 'healthy events do not change the interval of complete tags',
    file: 'polling/tag-poll.js',
    before: 'if (completeMs === undefined || completeMs <= timing.intervals.completeMs)',
    after: 'if (true)',
    law: 'sparse',
  },
  {
    name: 'a removed webhook still answers',
    file: 'web/events/event-webhook.js',
    before: 'this.#settings = settings;',
    after: 'this.#settings = settings ?? this.#settings;',
    law: 'refused',
    often: [
      'SIGHUP: the webhook and the feeds are switched on or off',
      'an event to the webhook: an event that did not happen',
    ],
  },
  {
    name: 'refused events are not counted',
    file: 'web/events/event-webhook.js',
    before: 'this.#count(outcome, count);',
    after: "if (outcome !== 'refused')\n            this.#count(outcome, count);",
    law: 'counted',
    often: ['an event to the webhook: a wrong token', 'an event to the webhook: no token'],
    minutes: 2,
  },
  {
    name: 'a feed without an event rule is healthy',
    file: 'events/event-feed.js',
    before: 'if (this.#hasRule ?? this.#hasNewRecord)',
    after: 'if (true)',
    law: 'healthy',
    often: ['SIGHUP: the webhook and the feeds are switched on or off'],
  },
];
