// The demo, and the truth of the simulator in it.
import type { ExecutionContext } from 'ava';
import type { Truth } from '../../../src/simulator/truth.ts';
import { Program, ROOT } from './program.ts';

/** Free ports, so that a demo may run beside the tests. */
export const FREE_PORTS = ['--simulator.listen-address=127.0.0.1:0', '--web.listen-address=127.0.0.1:0'];

export type RunningDemo = { readonly program: Program; readonly simulatorUrl: string; readonly metricsUrl: string };

/** Starts the demo by `command` in a checkout, and waits for the URLs that it prints. */
export async function startDemo(
  t: ExecutionContext,
  command: readonly [string, ...string[]] = [process.execPath, 'dist/demo.js'],
  directory = ROOT,
): Promise<RunningDemo> {
  const [file, ...args] = command;
  const program = await Program.start(t, file, [...args, ...FREE_PORTS], directory);
  const simulatorUrl = await program.outputMatch(/simulator answers at\s+(http:\S+?)\/?\s/);
  const metricsUrl = await program.outputMatch(/exporter answers at\s+(http:\S+)/);
  return { program, simulatorUrl, metricsUrl };
}

/** What is true of every tag at this moment. */
export async function truthOf({ simulatorUrl }: RunningDemo): Promise<Truth> {
  const response = await fetch(`${simulatorUrl}/_sim/state`);
  return (await response.json()) as Truth;
}
