// While DNS is silent the exporter says so, and stops as fast as ever. It runs in a network of its own, whose only name server takes
// questions and answers none.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { temporaryDirectory } from './helpers/exporter.ts';
import { Program } from './helpers/program.ts';

/** Within which a stop ends, by contract. */
const STOP_MS = 5_000;
const SILENT_SERVER = "require('node:dgram').createSocket('udp4').bind(53, '127.0.0.1')";
const IN_A_NETWORK_OF_ITS_OWN = [
  'ip link set lo up',
  'mount --bind "$1" /etc/resolv.conf',
  '{ "$2" -e "$3" & }',
  'exec "$2" dist/bin.js --config.file="$4" --web.listen-address=127.0.0.1:0',
].join(' && ');

test('while DNS does not answer, polls fail with DnsFailure and SIGTERM ends the exporter within 5 s', async (t) => {
  const directory = temporaryDirectory(t);
  const write = (name: string, text: string) => {
    writeFileSync(join(directory, name), text);
    return join(directory, name);
  };
  const resolvConf = write('resolv.conf', 'nameserver 127.0.0.1\n');
  const config = write(
    'config.yml',
    JSON.stringify({
      credentials: { type: 'access_key', access_key_id: 'LTAI-test', access_key_secret: 'secret-of-the-test' },
      rate_limit: { requests_per_second: 20, max_concurrent: 8 },
      backoff: { initial: '100ms', max: '100ms' },
      instances: [
        {
          id: 'cri-1',
          region: 'cn-hangzhou',
          endpoint: 'http://registry.example',
          repositories: [
            { id: 'crr-1', namespace: 'shop', name: 'api', tags: ['1', '2', '3', '4', '5', '6', '7', '8'] },
          ],
        },
      ],
    }),
  );
  const shell = ['sh', '-c', IN_A_NETWORK_OF_ITS_OWN, 'sh', resolvConf, process.execPath, SILENT_SERVER, config];
  const program = await Program.start(t, 'unshare', ['--map-root-user', '--net', '--mount', ...shell]);
  t.is(await program.outputMatch(/code=(\w+)/), 'DnsFailure');
  program.signal('SIGTERM');
  t.is(await program.ended(STOP_MS), 0);
});
