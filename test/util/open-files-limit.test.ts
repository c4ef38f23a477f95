import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { openFilesAdvice, openFilesLimit } from '../../src/util/open-files-limit.ts';
import { maxConnectionsFor } from '../../src/web/server.ts';
import { temporaryDirectory } from '../helpers/exporter.ts';

test('the limit of open files is read, and is infinite if it is not known', (t) => {
  const file = join(temporaryDirectory(t), 'limits');
  writeFileSync(
    file,
    'Limit   Soft Limit  Hard Limit  Units\nMax processes   7   7   processes\nMax open files   1024   524288   files\n',
  );
  t.is(openFilesLimit(file), 1_024);
  writeFileSync(file, 'Max open files   unlimited   unlimited   files\n');
  t.is(openFilesLimit(file), Number.POSITIVE_INFINITY);
  t.is(openFilesLimit(join(file, 'missing')), Number.POSITIVE_INFINITY);
});

test('connections leave enough open files for the rest of the program', (t) => {
  t.is(maxConnectionsFor(Number.POSITIVE_INFINITY), 512);
  t.is(maxConnectionsFor(1_024), 512);
  t.is(maxConnectionsFor(200), 136);
  t.is(maxConnectionsFor(40), 8);
});

test('only errors of the limit of open files have advice about it', (t) => {
  t.regex(openFilesAdvice(Object.assign(new Error('open'), { code: 'EMFILE' })) ?? '', /ulimit -n/);
  t.regex(openFilesAdvice(Object.assign(new Error('open'), { code: 'ENFILE' })) ?? '', /fs\.file-max/);
  const unfound = Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });
  t.regex(openFilesAdvice(unfound, 40) ?? '', /ulimit -n/, 'Node.js says so of a package that it cannot open');
  t.is(openFilesAdvice(unfound, 1_024), undefined);
  for (const error of [Object.assign(new Error('open'), { code: 'ENOENT' }), new Error('EMFILE'), 'EMFILE', undefined])
    t.is(openFilesAdvice(error), undefined);
});
