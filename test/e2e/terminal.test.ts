// A terminal that was stopped with Ctrl-S takes nothing: the exporter goes on, and stops when it is told to.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { temporaryDirectory } from './helpers/exporter.ts';
import { run } from './helpers/program.ts';
import { PYTHON } from './needs.ts';

/** Starts the exporter on a terminal, stops that, and prints the answer of /-/healthy, the processor time of two seconds, and the exit status. */
const ON_A_STOPPED_TERMINAL = `
import os, pty, re, subprocess, sys, termios, time, urllib.request
far, near = pty.openpty()
program = subprocess.Popen(sys.argv[1:], stderr=near, stdin=near, stdout=subprocess.DEVNULL)
log = b''
while b'msg="polling"' not in log: log += os.read(far, 65536)
url = 'http://' + re.search(rb'msg="listening" address=(\\S+)', log).group(1).decode()
termios.tcflow(near, termios.TCOOFF)
def processor_time():
    fields = open(f'/proc/{program.pid}/stat').read().split(') ')[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')
time.sleep(3)
before = processor_time()
time.sleep(2)
used = processor_time() - before
healthy = urllib.request.urlopen(url + '/-/healthy', timeout=2).status
program.terminate()
print(healthy, used < 1, program.wait(5))
`;

test('while its terminal is stopped the exporter serves, idles, and obeys SIGTERM', (t) => {
  const file = join(temporaryDirectory(t), 'config.yml');
  const tags = Array.from({ length: 500 }, (_, n) => `v${n}`);
  writeFileSync(
    file,
    JSON.stringify({
      credentials: { type: 'access_key', access_key_id: 'LTAI-test', access_key_secret: 'secret-of-the-test' },
      rate_limit: { requests_per_second: 50 },
      instances: [
        {
          id: 'cri-1',
          region: 'cn-hangzhou',
          endpoint: 'http://127.0.0.1:1',
          repositories: [{ id: 'crr-1', namespace: 'shop', name: 'api', tags }],
        },
      ],
    }),
  );
  const flags = [`--config.file=${file}`, '--web.listen-address=127.0.0.1:0', '--log.level=debug'];
  const { stdout, stderr } = run(PYTHON, ['-c', ON_A_STOPPED_TERMINAL, process.execPath, 'dist/bin.js', ...flags]);
  t.is(stdout, '200 True 0\n', stderr);
});
