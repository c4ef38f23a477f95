// The exporter broken where it shows what it knows, and where it is told what to do.
import type { Mutation } from './mutation.ts';

export const OF_SHOWING: readonly Mutation[] = [
  {
    name: 'every reload leaks memory',
    file: 'cli.js',
    before: 'void app.reload();',
    after: '{ (globalThis.left ??= []).push(Buffer.alloc(16_000_000, 1)); void app.reload(); }',
    law: 'memory',
    often: ['SIGHUP: nothing changed', 'SIGHUP: tags are added and removed'],
  },
  {
    name: 'a reload is lost',
    file: 'cli.js',
    before: 'void app.reload();',
    after: 'Math.random() < 0.5 && void app.reload();',
    law: 'reload',
    often: ['SIGHUP: tags are added and removed'],
  },
  {
    name: 'another metrics.per_tag waits for a change of the tag',
    file: 'metrics/exposition.js',
    before: 'this.#tags.changeAll();',
    after: '',
    law: 'configured',
    often: ['SIGHUP: another metrics.per_tag'],
  },
  {
    name: 'a row keeps the labels of the former tag',
    file: 'metrics/series-cache.js',
    before: 'this.#view.labelSource(before) === this.#view.labelSource(after) && ',
    after: '',
    law: 'configured',
  },
  {
    name: 'a reload resets the counters',
    file: 'app/app.js',
    before: 'this.#selfMetrics.setInstances([...idsOf(this.#config), ...idsOf(config)]);',
    after: 'this.#selfMetrics.setInstances([]);',
    law: 'counters',
  },
  {
    name: 'OpenMetrics has no end mark',
    file: 'metrics/exposition.js',
    before: "'# EOF\\n'",
    after: "''",
    law: 'text',
  },
  {
    name: 'labels are not escaped',
    file: 'metrics/exposition-format.js',
    before: 'return SPECIAL.test(value) ?',
    after: 'return SPECIAL.test("") ?',
    law: 'text',
  },
  {
    name: 'the checksum of a compressed page omits the last block',
    file: 'metrics/gzip.js',
    before: 'trailer.writeUInt32LE(crc, 2);',
    after: 'trailer.writeUInt32LE(pieces.at(-2)?.crc ?? 0, 2);',
    law: 'scrapes',
  },
  {
    name: 'random bytes end the process',
    file: 'web/server.js',
    before: 'UNREADABLE.get(error.code) ?? 400',
    after: 'UNREADABLE.get(error.code).status',
    law: 'health',
  },
  {
    name: 'a requested stop ends with a failure',
    file: 'cli.js',
    before: 'app.stop().then(() => 0)',
    after: 'app.stop().then(() => 1)',
    law: 'end',
    often: ['SIGTERM and a new start'],
  },
];
