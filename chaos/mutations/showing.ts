// The exporter broken where it shows what it knows, and where it is told what to do.
import type { Mutation } from './mutation.ts';

export const OF_SHOWING: readonly Mutation[] = [
  {
    name: 'every reload leaves memory behind',
    file: 'cli.js',
    before: 'void app.reload();',
    after: '{ (globalThis.left ??= []).push(Buffer.alloc(16_000_000, 1)); void app.reload(); }',
    law: 'memory',
    often: ['SIGHUP: nothing changed', 'SIGHUP: tags come and go'],
  },
  {
    name: 'a reload is lost',
    file: 'cli.js',
    before: 'void app.reload();',
    after: 'Math.random() < 0.5 && void app.reload();',
    law: 'reload',
    often: ['SIGHUP: tags come and go'],
  },
  {
    name: 'other series per tag wait for a change',
    file: 'metrics/exposition.js',
    before: 'this.#tags.changeAll();',
    after: '',
    law: 'configured',
    often: ['SIGHUP: other series per tag'],
  },
  {
    name: 'a place on the page keeps the labels of the tag before',
    file: 'metrics/series-cache.js',
    before: 'this.#view.labelSource(before) === this.#view.labelSource(after) && ',
    after: '',
    law: 'configured',
  },
  {
    name: 'counters begin anew at a reload',
    file: 'app/app.js',
    before: 'this.#selfMetrics.setInstances([...idsOf(this.#config), ...idsOf(config)]);',
    after: 'this.#selfMetrics.setInstances([]);',
    law: 'counters',
  },
  {
    name: 'OpenMetrics has no end',
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
    name: 'the checksum of a compressed page leaves the last block out',
    file: 'metrics/gzip.js',
    before: 'trailer.writeUInt32LE(crc, 2);',
    after: 'trailer.writeUInt32LE(pieces.at(-2)?.crc ?? 0, 2);',
    law: 'scrapes',
  },
  {
    name: 'noise ends the process',
    file: 'web/server.js',
    before: 'UNREADABLE.get(error.code) ?? 400',
    after: 'UNREADABLE.get(error.code).status',
    law: 'health',
  },
  {
    name: 'an ordered end is told as a failure',
    file: 'cli.js',
    before: 'app.stop().then(() => 0)',
    after: 'app.stop().then(() => 1)',
    law: 'end',
    often: ['SIGTERM and a new start'],
  },
];
