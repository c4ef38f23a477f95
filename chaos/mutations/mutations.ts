// Ways in which the exporter may be broken, each of which the checker must find. To add one, add it to the list.

export type Mutation = {
  readonly name: string;
  /** In `dist`. */
  readonly file: string;
  /** What stands in it, once. */
  readonly before: string;
  readonly after: string;
  /** The law that is expected to find it. */
  readonly law: string;
};

export const MUTATIONS: readonly Mutation[] = [
  {
    name: 'a turn is dropped',
    file: 'watch/poller.js',
    before: '        const dueAtMs = Math.min(statusDueAtMs, task.summaryDueAtMs);\n',
    after:
      '        const dueAtMs = Math.min(statusDueAtMs, task.summaryDueAtMs);\n        if (Math.random() < 0.05) return;\n',
    law: 'calm',
  },
  {
    name: 'a status is kept after a push',
    file: 'watch/discovery/harvest.js',
    before: "return one.digest === '' || other.digest === '' || isSameDigest(one.digest, other.digest);",
    after: 'return true;',
    law: 'calm',
  },
  {
    name: 'a reload is lost',
    file: 'cli.js',
    before: '            void app.reload();\n',
    after: '            Math.random() < 0.5 && void app.reload();\n',
    law: 'reload',
  },
  {
    name: 'an error moves since',
    file: 'state/tag-state.js',
    before: "        case 'failed':\n            return unmoved({ ...before,",
    after: "        case 'failed':\n            return unmoved({ ...before, sinceMs: moment.nowMs,",
    law: 'since',
  },
  {
    name: 'a removed tag is kept',
    file: 'watch/enrolment.js',
    before: '                this.#unlistTag(poll, list);\n',
    after: '                Math.random() < 0.5 && this.#unlistTag(poll, list);\n',
    law: 'configured',
  },
  {
    name: 'an error counts as a success',
    file: 'state/tag-state.js',
    before: "        case 'failed':\n            return unmoved({ ...before,",
    after: "        case 'failed':\n            return unmoved({ ...before, lastSuccessMs: moment.nowMs,",
    law: 'status',
  },
  {
    name: 'a status outlives its repository',
    file: 'watch/section.js',
    before: "return id !== '' && knownId !== '' && id !== knownId;",
    after: 'return false;',
    law: 'status',
  },
  {
    name: 'one request too many is under way',
    file: 'acr/rate-limiter.js',
    before: 'this.#inFlight >= this.#limits.maxConcurrent',
    after: 'this.#inFlight > this.#limits.maxConcurrent',
    law: 'concurrency',
  },
  {
    name: 'a request goes on after its time is over',
    file: 'acr/exchange.js',
    before: '        this.#request?.destroy();\n',
    after: '',
    law: 'wire concurrency',
  },
];
