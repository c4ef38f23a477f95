// The unit as systemd reads it. No service is started: that would take systemd as the first process.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { readOptions } from '../../src/flags.ts';
import { FIXED_PATHS } from '../../src/web/assets.ts';
import { ROOT, run } from './helpers/program.ts';

const UNIT = 'deploy/systemd/acr-scan-exporter.service';
/** Of 100, in systemd's own count of what a service may do; a unit that says nothing has 96. */
const MAX_EXPOSURE = 15;

test('systemd has nothing to say of the unit', (t) => {
  t.deepEqual(run('systemd-analyze', ['verify', UNIT]), { status: 0, stdout: '', stderr: '' });
});

test('the service may do little else than serve', (t) => {
  const args = ['security', '--offline=true', `--threshold=${MAX_EXPOSURE}`, '--no-pager', UNIT];
  const { status, stdout } = run('systemd-analyze', args);
  t.is(status, 0, stdout);
});

test('the exporter takes the flags that it is started with', (t) => {
  const [, flags = ''] =
    /^ExecStart=\/usr\/bin\/env acr-scan-exporter (.*)$/m.exec(readFileSync(join(ROOT, UNIT), 'utf8')) ?? [];
  const { configFile, storagePath } = readOptions({ argv: flags.split(' '), env: {} }, FIXED_PATHS);
  t.is(configFile, '/etc/acr-scan-exporter/config.yml');
  const [, stateDirectory] = /^StateDirectory=(.*)$/m.exec(readFileSync(join(ROOT, UNIT), 'utf8')) ?? [];
  t.is(storagePath, `/var/lib/${stateDirectory}`);
});
