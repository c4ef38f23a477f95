// Measures the cost of a poll and of the bare SDK call that it makes. Both run at the same rate, because waking up for each call costs CPU too, and at
// the same time.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchPart } from '../part.ts';
import { cpuMsOf, startProgram, temporaryDirectory, writeConfiguration, writeScenario } from '../program.ts';

const TAGS = 200;
const CALLS_PER_SECOND = 100;
/** The time until V8 has compiled the hot code, which takes minutes at 100 calls per second. A daemon runs for months. */
const WARM_UP_MS = 240_000;
const MEASURED_MS = 60_000;

type Reading = { readonly calls: number; readonly cpuMs: number };
type Caller = { readonly read: () => Promise<Reading>; readonly stop: () => Promise<void> };

export const pollPart: BenchPart = {
  name: 'poll',
  run: async ({ compiled, progress }) => {
    const directory = temporaryDirectory();
    const scenario = writeScenario(directory, TAGS);
    const simulator = await startProgram(`${compiled}/src/simulator/bin.js`, [
      '--listen-address=127.0.0.1:0',
      `--scenario=${scenario}`,
    ]);
    progress('poll: the bare SDK and the exporter');
    const { bareMs, pollMs } = await measure(compiled, directory, simulator.address);
    await simulator.stop();
    return {
      title: 'A poll',
      rows: [
        { what: 'bare SDK call', 'CPU ms': bareMs.toFixed(3), ratio: '1.00' },
        { what: 'poll', 'CPU ms': pollMs.toFixed(3), ratio: (pollMs / bareMs).toFixed(2) },
      ],
      notes: [
        `CPU of the whole process for each call, at ${CALLS_PER_SECOND} a second, after ${WARM_UP_MS / 1_000} s of the same.`,
      ],
    };
  },
};

/** Measures both at the same time, so that the load of the machine affects both. */
async function measure(compiled: string, directory: string, address: string) {
  const bare = await startBare(compiled, address);
  const exporter = await startExporter(compiled, directory, address);
  await sleep(WARM_UP_MS);
  const before = await Promise.all([bare.read(), exporter.read()]);
  await sleep(MEASURED_MS);
  const after = await Promise.all([bare.read(), exporter.read()]);
  await Promise.all([bare.stop(), exporter.stop()]);
  const [bareMs, pollMs] = [0, 1].map((which) => perCall(before[which], after[which]));
  return { bareMs: bareMs ?? Number.NaN, pollMs: pollMs ?? Number.NaN };
}

function perCall(before: Reading | undefined, after: Reading | undefined): number {
  if (before === undefined || after === undefined) return Number.NaN;
  return (after.cpuMs - before.cpuMs) / (after.calls - before.calls);
}

async function startBare(compiled: string, address: string): Promise<Caller> {
  const child = fork(`${compiled}/bench/poll/bare.js`, [address, String(CALLS_PER_SECOND)], { execArgv: [] });
  await once(child, 'message');
  const { pid } = child;
  if (pid === undefined) throw new Error('the bare SDK did not start');
  return {
    read: async () => {
      child.send('how many');
      const [{ calls }] = (await once(child, 'message')) as [{ calls: number }];
      return { calls, cpuMs: cpuMsOf(pid) };
    },
    stop: async () => {
      child.kill();
      await once(child, 'exit');
    },
  };
}

async function startExporter(compiled: string, directory: string, address: string): Promise<Caller> {
  const options = { address, tags: TAGS, requestsPerSecond: CALLS_PER_SECOND, completeInterval: '1ms' };
  const exporter = await startProgram(`${compiled}/src/bin.js`, [
    `--config.file=${writeConfiguration(directory, options)}`,
    '--web.listen-address=127.0.0.1:0',
  ]);
  return {
    read: async () => {
      const page = await fetch(`http://${exporter.address}/metrics`).then((response) => response.text());
      const calls = Number(/^acr_api_requests_total\{.*GetRepoTagScanStatus"\} (\d+)$/m.exec(page)?.[1]);
      return { calls, cpuMs: cpuMsOf(exporter.pid) };
    },
    stop: exporter.stop,
  };
}
