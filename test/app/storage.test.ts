// The program with --storage.path, as a process that ends and starts again.
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { eventually } from '../helpers/eventually.ts';
import { configurationFor, LATEST, scrape, startSimulator, temporaryDirectory } from '../helpers/exporter.ts';
import { startProgram } from '../helpers/program.ts';

const STATUS = 'acr_scan_tag_status';
const SUCCESSFUL = 'acr_scan_exporter_state_last_save_successful';
const RESTORED = 'acr_scan_exporter_state_restored_tags';

/** A configuration of one tag, a directory for its state, and the flags that name both. */
async function setUp(t: ExecutionContext) {
  const simulator = await startSimulator(t);
  const base = temporaryDirectory(t);
  const directory = join(base, 'state');
  const file = join(base, 'config.yml');
  writeFileSync(file, JSON.stringify(configurationFor(simulator.address, { intervals: { complete: '1h' } })));
  const flags = [
    `--config.file=${file}`,
    '--web.listen-address=127.0.0.1:0',
    `--storage.path=${directory}`,
    '--storage.interval=1s',
  ];
  const start = (...more: readonly string[]) => startProgram(t, [...flags, ...more]);
  return { simulator, base, directory, flags, start };
}

async function pageOf(program: ReturnType<typeof startProgram>) {
  return scrape(`http://${await program.listening()}/metrics`);
}

/** Scrapes until the tag is known and the state was saved after that. */
async function untilSaved(program: ReturnType<typeof startProgram>): Promise<void> {
  await eventually('the tag is known', async () => {
    const page = await pageOf(program);
    return page.value(STATUS, { ...LATEST, status: 'complete' }) === 1 ? true : undefined;
  });
  const knownSinceMs = Date.now();
  await eventually('the state is saved', async () => {
    const page = await pageOf(program);
    const savedMs = (page.value('acr_scan_exporter_state_last_save_timestamp_seconds') ?? 0) * 1_000;
    return page.value(SUCCESSFUL) === 1 && savedMs >= knownSinceMs - 1_000 ? true : undefined;
  });
}

test.serial('what was known is on the first page after a clean stop, though the API no longer answers', async (t) => {
  const { simulator, directory, start } = await setUp(t);
  const first = start('--storage.interval=1h');
  await eventually('the tag is known', async () => {
    const page = await pageOf(first);
    t.is(page.value(RESTORED), 0);
    return page.value(STATUS, { ...LATEST, status: 'complete' }) === 1 ? true : undefined;
  });
  const since = (await pageOf(first)).value('acr_scan_tag_status_since_timestamp_seconds', LATEST);
  first.child.kill('SIGTERM');
  t.is(await first.ended, 0);
  t.deepEqual(readdirSync(directory), ['state.ndjson.gz']);
  await simulator.close();
  const second = start();
  const page = await pageOf(second);
  t.is(page.value(STATUS, { ...LATEST, status: 'complete' }), 1);
  t.is(page.value('acr_scan_tag_status_since_timestamp_seconds', LATEST), since);
  t.is(page.value(RESTORED), 1);
});

test.serial('kill -9 leaves a lock and what was saved, and the next start uses both', async (t) => {
  const { directory, start } = await setUp(t);
  const first = start();
  await untilSaved(first);
  first.child.kill('SIGKILL');
  await first.ended;
  t.true(existsSync(join(directory, 'lock')));
  const second = start();
  const page = await pageOf(second);
  t.is(page.value(STATUS, { ...LATEST, status: 'complete' }), 1);
  t.is(page.value(RESTORED), 1);
});

test.serial('a second process on the same path ends with status 1 and one line that names the first', async (t) => {
  const { directory, start } = await setUp(t);
  const first = start();
  await first.listening();
  const second = start();
  t.is(await second.ended, 1);
  t.regex(
    second.output.stderr,
    new RegExp(
      `^acr-scan-exporter: ${join(directory, 'lock')}: process ${first.child.pid} on \\S+ uses this directory: .*\n$`,
    ),
  );
  t.is((await pageOf(first)).value('acr_scan_exporter_config_last_reload_successful'), 1);
});

test.serial('a start that fails gives the directory back', async (t) => {
  const { directory, start } = await setUp(t);
  const first = start('--web.listen-address=256.0.0.1:1');
  t.is(await first.ended, 1);
  t.false(existsSync(join(directory, 'lock')));
});

test.serial('a path that cannot be used leaves polling alone, and says so', async (t) => {
  const { base, start } = await setUp(t);
  writeFileSync(join(base, 'file'), '');
  const program = start(`--storage.path=${join(base, 'file')}`);
  await eventually('the tag is known, and saves fail', async () => {
    const page = await pageOf(program);
    const isKnown = page.value(STATUS, { ...LATEST, status: 'complete' }) === 1;
    return isKnown && page.value(SUCCESSFUL) === 0 ? true : undefined;
  });
  t.is(program.output.stderr.match(/msg="storage not writable"/g)?.length, 1);
  await program.logged(/msg="state not saved" error="EEXIST/);
  program.child.kill('SIGTERM');
  t.is(await program.ended, 0);
});

test.serial('without the flag nothing is written and nothing is shown', async (t) => {
  const { base, flags } = await setUp(t);
  mkdirSync(join(base, 'empty'));
  const program = startProgram(
    t,
    flags.filter((flag) => !flag.startsWith('--storage')),
    { cwd: join(base, 'empty') },
  );
  const page = await pageOf(program);
  t.deepEqual(
    [...page.families.keys()].filter((name) => name.includes('_state_')),
    [],
  );
  program.child.kill('SIGTERM');
  t.is(await program.ended, 0);
  t.deepEqual(readdirSync(join(base, 'empty')), []);
  t.notRegex(program.output.stderr, /state|storage/);
});
