// The exporter broken where it keeps its state for the next process, and takes it up again.
import type { Mutation } from './mutation.ts';

export const OF_KEEPING: readonly Mutation[] = [
  {
    name: 'the checksum of a state is not checked',
    file: 'storage/snapshot-format.js',
    before: 'if (trailer.sha256 !== sha256)',
    after: 'if (false)',
    law: 'status',
    often: ['kill -9, and other statuses in the state file'],
  },
  {
    name: 'the previous state is not used',
    file: 'storage/snapshot-file.js',
    before: 'of [PRESENT, PREVIOUS]',
    after: 'of [PRESENT]',
    law: 'kept',
    often: ['kill -9, and a truncated state file', 'kill -9, and something else in place of the state file'],
  },
  {
    name: 'the previous state is not kept',
    file: 'storage/snapshot-file.js',
    before: 'await renameIfThere(this.#path(PRESENT), this.#path(PREVIOUS));',
    after: '',
    law: 'kept',
    often: ['kill -9, and a truncated state file', 'kill -9, and something else in place of the state file'],
  },
  {
    name: 'since starts again with the process',
    file: 'app/snapshot-restore.js',
    before: 'sinceMs: Math.min(record.since, moment.nowMs),',
    after: 'sinceMs: moment.nowMs,',
    law: 'since',
    often: ['kill -9'],
  },
  {
    name: 'a restored tag is due at once',
    file: 'app/snapshot-restore.js',
    before: 'poll.resume(record, this.#moment);',
    after: 'poll.resume(record, this.#moment); poll.begin();',
    law: 'resumed',
    often: ['SIGHUP: other intervals and back-off', 'SIGTERM and a new start'],
  },
  {
    name: 'the state of another image is restored',
    file: 'app/snapshot-restore.js',
    before: ' || !isSameImage(poll, record)',
    after: '',
    law: 'kept',
    often: ['kill -9, and other digests are configured before the next start'],
    minutes: 2,
  },
  {
    name: 'a discovered tag of the state is never removed',
    file: 'app/snapshot-restore.js',
    before: 'this.#restored += 1;',
    after:
      "this.#restored += 1; if (poll.discovered) Object.defineProperty(poll, 'discovered', { get() {}, set() {} });",
    law: 'discovered',
    often: ['kill -9, and discovered tags are created and deleted before the next start'],
    minutes: 2,
  },
  {
    name: 'one tag in ten is missing in a state',
    file: 'app/snapshot-capture.js',
    before: 'if (store.turnover.removed !== removed && !poll.isWatched)',
    after: 'if (!poll.isWatched || Math.random() < 0.1)',
    law: 'kept',
    often: ['kill -9', 'SIGTERM and a new start'],
  },
  {
    name: 'a failed save counts as successful',
    file: 'storage/saver.js',
    before:
      'problem === undefined ? clock.now() : this.#status.savedMs;\n        this.#status = { successful: problem === undefined,',
    after: 'clock.now();\n        this.#status = { successful: true,',
    law: 'saved',
    often: ['the disk with the state is full for some seconds'],
  },
];
