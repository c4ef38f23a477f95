// What the demo prints: in other environments, with other addresses, and when it cannot start.
import { createServer } from 'node:net';
import test from 'ava';
import { FREE_PORTS, startDemo } from './helpers/demo.ts';
import { Program, run } from './helpers/program.ts';

const DEMO = ['dist/demo.js'];
const ANY_PORTS = ['--simulator.listen-address=:0', '--web.listen-address=:0'];

test('the demo prints the page, the metrics and the simulator, whatever the environment says of the exporter', async (t) => {
  const variables = ['LOG_LEVEL=error', 'LOG_FORMAT=json', 'WEB_TELEMETRY_PATH=/other', 'WEB_ROUTE_PREFIX=/acr'];
  const env = variables.map((each) => `ACR_SCAN_EXPORTER_${each}`);
  const { program, metricsUrl, simulatorUrl } = await startDemo(t, ['env', ...env, process.execPath, ...DEMO]);
  const pageUrl = await program.outputMatch(/page is at\s+(http:\S+)/);
  t.is(metricsUrl, `${pageUrl}metrics`);
  for (const url of [pageUrl, metricsUrl, `${simulatorUrl}/_sim/state`]) t.is((await fetch(url)).status, 200, url);
  const lines = program.stderr.split('\n').slice(0, -1);
  t.true(
    lines.some((line) => line.startsWith('exporter  | ')) && lines.some((line) => line.startsWith('simulator | ')),
  );
  t.deepEqual(
    lines.filter((line) => !/^(exporter |simulator) \| ts=/.test(line)),
    [],
  );
});

test('with any free port on all addresses, the printed URLs have the loopback address, which machines without IPv6 have too', async (t) => {
  const program = await Program.start(t, process.execPath, [...DEMO, ...ANY_PORTS]);
  const url = await program.outputMatch(/page is at\s+(http:\S+)/);
  t.regex(url, /^http:\/\/127\.0\.0\.1:\d+\/$/);
  t.is((await fetch(url)).status, 200);
});

test('on a machine without IPv6 the demo starts with its usual addresses, and localhost answers', async (t) => {
  const withoutIpv6 = 'ip link set lo up && echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6 && ip -6 -brief address';
  const retry = '--retry 60 --retry-all-errors --retry-delay 1';
  const ask = `curl --silent --show-error --fail ${retry} http://localhost:20181/metrics`;
  const script = `${withoutIpv6} && { "$@" & ${ask} | grep '^acr_scan_exporter_build_info' && echo answered; wait; }`;
  const shell = ['sh', '-c', script, 'sh', process.execPath, ...DEMO];
  const program = await Program.start(t, 'unshare', ['--map-root-user', '--net', ...shell]);
  t.is(await program.outputMatch(/page is at\s+(http:\S+)/), 'http://127.0.0.1:20181/');
  await program.outputMatch(/^(answered)$/m);
  t.notRegex(program.stdout, /^lo /m, 'there is no address of IPv6');
});

const freePortsBut = (flag: string) => FREE_PORTS.filter((each) => !each.startsWith(flag));

for (const flag of ['--web.listen-address', '--simulator.listen-address']) {
  test(`when the port of ${flag} is taken, the demo says which it is and what to do`, async (t) => {
    const server = createServer().listen(0, '127.0.0.1');
    t.teardown(() => server.close());
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('expected a port');
    const taken = `127.0.0.1:${address.port}`;
    const program = await Program.start(t, process.execPath, [...DEMO, ...freePortsBut(flag), `${flag}=${taken}`]);
    t.is(await program.ended(30_000), 1);
    t.true(program.stderr.includes(`listens on ${taken}.`), program.stderr);
    t.true(program.stderr.includes(`npm run demo -- ${flag}=127.0.0.1:0`), program.stderr);
    t.notRegex(program.stderr, /^\s+at /m);
  });
}

test('--help prints the flags of the demo, and another flag is a usage error in one line', (t) => {
  const help = run(process.execPath, [...DEMO, '--help']);
  t.deepEqual([help.status, help.stderr], [0, '']);
  for (const flag of ['web.listen-address', 'simulator.listen-address', 'storage.path', 'seed', 'help'])
    t.true(help.stdout.includes(`--${flag}`), flag);
  const { status, stderr } = run(process.execPath, [...DEMO, '--nonsense']);
  t.is(status, 2);
  t.regex(stderr, /^demo: [^\n]*--nonsense[^\n]*--help[^\n]*\n$/);
});
