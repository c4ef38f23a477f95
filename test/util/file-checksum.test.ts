import { execFileSync } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { checksumOf } from '../../src/util/file-checksum.ts';

test('the checksum is that of the content, whatever the file is called and behind which link it is', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'acr-scan-exporter-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const [file, link] = ['file', 'link'].map((name) => join(directory, name)) as [string, string];
  writeFileSync(file, 'abc');
  symlinkSync('file', link);
  // The example of FIPS 180-2.
  const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
  t.is(await checksumOf(file), abc);
  t.is(await checksumOf(link), abc);
  writeFileSync(`${file}.new`, 'abc');
  renameSync(`${file}.new`, file);
  t.is(await checksumOf(link), abc);
  writeFileSync(file, 'abd');
  t.not(await checksumOf(link), abc);
  rmSync(file);
  t.is(await checksumOf(link), 'ENOENT');
});

test('a pipe is not read, and a directory is not a file either', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'acr-scan-exporter-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const pipe = join(directory, 'pipe');
  execFileSync('mkfifo', [pipe]);
  t.is(await checksumOf(pipe), 'not a file');
  t.is(await checksumOf(directory), 'not a file');
});
