// Reloads when the content of the configuration file has changed.
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { AutoReload } from '../../src/app/auto-reload.ts';
import { createLogger } from '../../src/util/logger.ts';
import { Redactor } from '../../src/util/redactor.ts';
import { ManualClock, settle } from '../helpers/manual-clock.ts';
import { startProgram } from '../helpers/program.ts';

const SECOND = 1_000;

/** A watched file whose content a test sets, with a look every 30 s. `loads` are the contents that were loaded after the start. */
function watch(t: ExecutionContext) {
  const clock = new ManualClock();
  const stop = new AbortController();
  const loads: string[] = [];
  const file = {
    content: 'first',
    loadedChecksum: 'first',
    checksum: async () => file.content,
  };
  const reload = async () => {
    file.loadedChecksum = file.content;
    loads.push(file.content);
  };
  const logger = createLogger({ level: 'info', format: 'logfmt', redactor: new Redactor(), write: () => {} });
  const ended = new AutoReload({ file, intervalMs: 30 * SECOND, clock, logger, reload }).run(stop.signal);
  t.teardown(() => stop.abort());
  return { clock, file, loads, stop, ended };
}

test('a file that stays the same is not loaded again', async (t) => {
  const { clock, loads } = watch(t);
  await clock.advance(3_600 * SECOND);
  t.deepEqual(loads, []);
});

test('another content is loaded once, a second after it was seen, whether it is good or not', async (t) => {
  const { clock, file, loads } = watch(t);
  file.content = 'second';
  await clock.advance(30.999 * SECOND);
  t.deepEqual(loads, []);
  await clock.advance(1);
  t.deepEqual(loads, ['second']);
  await clock.advance(3_600 * SECOND);
  t.deepEqual(loads, ['second']);
});

test('a content that still changes is loaded when it has stayed the same for a second', async (t) => {
  const { clock, file, loads } = watch(t);
  file.content = 'half';
  await clock.advance(30.5 * SECOND);
  file.content = 'whole';
  await clock.advance(1.4 * SECOND);
  t.deepEqual(loads, []);
  await clock.advance(0.2 * SECOND);
  t.deepEqual(loads, ['whole']);
});

test('a file that is away for a moment, or is empty for one, is not loaded', async (t) => {
  for (const content of ['ENOENT', 'empty']) {
    const { clock, file, loads } = watch(t);
    file.content = content;
    await clock.advance(30.5 * SECOND);
    file.content = 'first';
    await clock.advance(60 * SECOND);
    t.deepEqual(loads, [], content);
  }
});

test('a content that another reload has loaded meanwhile is not loaded again', async (t) => {
  const { clock, file, loads } = watch(t);
  file.content = 'second';
  await clock.advance(30.5 * SECOND);
  file.loadedChecksum = 'second';
  await clock.advance(60 * SECOND);
  t.deepEqual(loads, []);
});

test('the former content is loaded again after a bad one', async (t) => {
  const { clock, file, loads } = watch(t);
  file.content = 'bad';
  await clock.advance(40 * SECOND);
  file.content = 'first';
  await clock.advance(40 * SECOND);
  t.deepEqual(loads, ['bad', 'first']);
});

test('a stop ends the watch at once, also while a change settles', async (t) => {
  const { clock, file, loads, stop, ended } = watch(t);
  file.content = 'second';
  await clock.advance(30.5 * SECOND);
  stop.abort();
  await ended;
  await settle();
  t.deepEqual(loads, []);
});

const CONFIGURATION = (tag: string) => `
instances:
  - id: cri-1
    region: cn-hangzhou
    endpoint: http://127.0.0.1:9
    repositories: [{ namespace: shop, name: api, tags: [${tag}] }]
`;

test('the program follows a ConfigMap: links that are turned in one step, a bad file that is reported once, and its correction', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'acr-scan-exporter-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  // As kubelet does it: config.yml -> ..data/config.yml, ..data -> ..VERSION.
  const publish = (version: string, text: string) => {
    mkdirSync(join(directory, `..${version}`));
    writeFileSync(join(directory, `..${version}`, 'config.yml'), text);
    symlinkSync(`..${version}`, join(directory, '..data_tmp'));
    renameSync(join(directory, '..data_tmp'), join(directory, '..data'));
  };
  publish('1', CONFIGURATION('one'));
  symlinkSync('..data/config.yml', join(directory, 'config.yml'));
  const flags = ['--config.enable-auto-reload', '--config.auto-reload-interval=1s', '--web.listen-address=127.0.0.1:0'];
  const program = startProgram(t, [`--config.file=${join(directory, 'config.yml')}`, ...flags]);
  await program.logged(/msg="polling"/);
  const page = async () => (await fetch(`http://${await program.listening()}/metrics`)).text();

  publish('2', CONFIGURATION('two'));
  await program.logged(/msg="configuration reloaded" tags=1 tags_added=1 tags_removed=1/);
  t.regex(await page(), /acr_scan_tag_status\{.*tag="two"/);

  publish('3', 'instances: 3\n');
  await program.logged(/msg="configuration not reloaded"/);
  t.regex(await page(), /acr_scan_exporter_config_last_reload_successful 0\n/);

  publish('4', CONFIGURATION('two'));
  await program.logged(/configuration not reloaded[\s\S]*msg="configuration reloaded" tags=1 tags_added=0/);
  t.regex(await page(), /acr_scan_exporter_config_last_reload_successful 1\n/);
  t.is(program.output.stderr.match(/msg="configuration not reloaded"/g)?.length, 1, program.output.stderr);
  program.child.kill('SIGTERM');
  t.is(await program.ended, 0);
});
