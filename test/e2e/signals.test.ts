// Ending the programs as an operator or a terminal does: with status 0, and nothing left running.
import test from 'ava';
import { startDemo } from './helpers/demo.ts';
import { startExporter } from './helpers/exporter.ts';

/** Within which a stop ends, by contract. */
const STOP_MS = 5_000;
const exporterSetup = { repositories: [{ namespace: 'shop', name: 'api', tags: { v1: 'SCANNING' } }] };

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} ends the exporter with status 0`, async (t) => {
    const { program } = await startExporter(t, exporterSetup);
    await program.outputMatch(/msg="(polling)"/);
    program.signal(signal);
    t.is(await program.ended(STOP_MS), 0);
    t.deepEqual(program.running(), []);
  });

  test(`${signal} ends the demo with status 0, and the programs that it started`, async (t) => {
    const { program } = await startDemo(t);
    t.is(program.running().length, 3, program.running().join('\n'));
    program.signal(signal);
    t.is(await program.ended(STOP_MS), 0);
    t.deepEqual(program.running(), []);
  });
}

test('Ctrl-C ends the demo that npm runs, and everything that it started', async (t) => {
  const { program } = await startDemo(t, ['npm', 'run', 'demo', '--']);
  t.true(program.running().length >= 4, program.running().join('\n'));
  program.signal('SIGINT', 'group');
  await program.ended(STOP_MS);
  t.deepEqual(program.running(), []);
  t.notRegex(program.stderr, /^\s+at |npm (error|ERR)/m);
});
