import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { eventually } from '../helpers/eventually.ts';

const fileOf = (path: string) => fileURLToPath(new URL(`../../chaos/${path}`, import.meta.url));

/** Starts a program that has a directory and a program of its own, and says which; what it does then is given. */
async function startRun(t: ExecutionContext, then = '') {
  // Says that it listens, as the exporter does, and lives until something ends it, but for a signal that asks it to.
  const child = `process.on('SIGTERM', () => {}); console.error('msg=listening address=127.0.0.1:1'); setInterval(() => {}, 1e6);`;
  const program = `
    import { temporaryDirectory } from ${JSON.stringify(fileOf('leftovers.ts'))};
    import { startExporter } from ${JSON.stringify(fileOf('processes.ts'))};
    import { writeFileSync } from 'node:fs';
    const { path } = temporaryDirectory('test');
    writeFileSync(path + '/child.mjs', ${JSON.stringify(child)});
    const { child } = await startExporter(path + '/child.mjs', []);
    console.log(JSON.stringify({ path, pid: child.pid }));
    ${then}`;
  const args = ['--import=tsx', '--input-type=module', '--eval', program];
  const run = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  t.teardown(() => run.kill('SIGKILL'));
  const [text] = await once(run.stdout, 'data');
  // On a busy machine more lines may have come with the first.
  const [line = ''] = text.toString().split('\n');
  const { path, pid }: { readonly path: string; readonly pid: number } = JSON.parse(line);
  // Where it is killed it cannot do so itself.
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return { run, path, pid };
}

/** Resolves with true once there is no such process; rejects where it stays. */
function gone(pid: number): Promise<boolean> {
  return eventually(`process ${pid} is gone`, () => {
    try {
      process.kill(pid, 0);
      return undefined;
    } catch {
      return true;
    }
  });
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  test(`a run that ${signal} ends leaves no program and no directory, even where a program is stopped`, async (t) => {
    const { run, path, pid } = await startRun(t);
    process.kill(pid, 'SIGSTOP');
    run.kill(signal);
    await once(run, 'exit');
    t.true(await gone(pid));
    t.false(existsSync(path));
  });
}

test('a run that an error ends, or whose output nobody reads any more, leaves no program and no directory', async (t) => {
  const failing = await startRun(t, "throw new Error('of the run itself');");
  const piped = await startRun(t, "setInterval(() => console.log('more'), 10);");
  piped.run.stdout.destroy();
  for (const { run, path, pid } of [failing, piped]) {
    if (run.exitCode === null) await once(run, 'exit');
    t.true(await gone(pid));
    t.false(existsSync(path));
  }
  t.is(piped.run.exitCode, 141);
});

test('the programs of a run that is killed end by themselves', async (t) => {
  const { run, pid } = await startRun(t);
  run.kill('SIGKILL');
  t.true(await gone(pid));
});
