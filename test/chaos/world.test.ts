import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { KeyWrite } from '../../chaos/record.ts';
import { Settings } from '../../chaos/world.ts';

test('a change of secret files is noted before the exporter can read it', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'acr-scan-exporter-test-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const secret = () => readFileSync(join(directory, 'cri-b.secret'), 'utf8');
  const id = () => readFileSync(join(directory, 'cri-b.id'), 'utf8');
  const read: string[] = [];
  /** Reads the files whenever something is noted. */
  class Notes extends Array<KeyWrite> {
    override push(...notes: KeyWrite[]): number {
      if (notes.some(({ set }) => set === 'cri-b') && this.length > 1) read.push(`${id()} ${secret()}`);
      return super.push(...notes);
    }
  }
  const settings = new Settings(directory, new Notes());
  settings.write();
  const changes = [
    () => settings.rotate('cri-b'),
    () => settings.spoil('cri-b'),
    () => settings.writeKeys('cri-b'),
    () => settings.writeHalf('cri-b'),
    () => settings.writeKeys('cri-b'),
    () => settings.writeNothing('cri-b'),
    () => settings.writeKeys('cri-b'),
    () => settings.takeAway('cri-b', false),
  ];
  const before = changes.map((change) => {
    const text = `${id()} ${secret()}`;
    change();
    return text;
  });
  t.deepEqual(read, before);
});
