// What a poll costs, beside the bare SDK call that it makes: both at the same rate, since a process that wakes up for each call
// pays for that too.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchPart } from '../part.ts';
import { cpuMsOf, startProgram, temporaryDirectory, writeConfiguration, writeScenario } from '../program.ts';

const TAGS = 200;
const CALLS_PER_SECOND = 100;
/** Until what is called again and again is compiled. */
const WARM_UP_MS = 40_000;
const MEASURED_MS = 20_000;

export const pollPart: BenchPart = {
  name: 'poll',
  run: async ({ compiled, progress }) => {
    const directory = temporaryDirectory();
    const scenario = writeScenario(directory, TAGS);
    const simulator = await startProgram(`${compiled}/src/simulator/bin.js`, [
      '--listen-address=127.0.0.1:0',
      `--scenario=${scenario}`,
    ]);
    progress('poll: the bare SDK');
    const bareMs = await measureBare(compiled, simulator.address);
    progress('poll: the exporter');
    const pollMs = await measurePolls(compiled, directory, simulator.address);
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

async function measureBare(compiled: string, address: string): Promise<number> {
  const child = fork(`${compiled}/bench/poll/bare.js`, [address, String(CALLS_PER_SECOND)], { execArgv: [] });
  await once(child, 'message');
  const { pid } = child;
  if (pid === undefined) throw new Error('the bare SDK did not start');
  const calls = async () => {
    child.send('how many');
    const [answer] = (await once(child, 'message')) as [{ calls: number }];
    return answer.calls;
  };
  const perCall = await measure(pid, calls);
  child.kill();
  return perCall;
}

async function measurePolls(compiled: string, directory: string, address: string): Promise<number> {
  const options = { address, tags: TAGS, requestsPerSecond: CALLS_PER_SECOND, completeInterval: '1ms' };
  const exporter = await startProgram(`${compiled}/src/bin.js`, [
    `--config.file=${writeConfiguration(directory, options)}`,
    '--web.listen-address=127.0.0.1:0',
  ]);
  const polls = async () => {
    const page = await fetch(`http://${exporter.address}/metrics`).then((response) => response.text());
    return Number(/^acr_api_requests_total\{.*GetRepoTagScanStatus"\} (\d+)$/m.exec(page)?.[1]);
  };
  const perPoll = await measure(exporter.pid, polls);
  await exporter.stop();
  return perPoll;
}

/** CPU milliseconds for each of what `count` counts, once it is warm. */
async function measure(pid: number, count: () => Promise<number>): Promise<number> {
  await sleep(WARM_UP_MS);
  const [before, cpuBefore] = [await count(), cpuMsOf(pid)];
  await sleep(MEASURED_MS);
  const [cpuAfter, after] = [cpuMsOf(pid), await count()];
  return (cpuAfter - cpuBefore) / (after - before);
}
