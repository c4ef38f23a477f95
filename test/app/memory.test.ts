// What clients can make the program take, in the memory that the deployment gives it.
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { temporaryDirectory } from '../helpers/exporter.ts';
import { startProgram } from '../helpers/program.ts';

const TAGS = 20_000;
const TAGS_PER_REPOSITORY = 100;
const PAGES_AT_ONCE = 40;
const MEBIBYTE = 2 ** 20;
/** What Node.js takes as the limit of its heap where a container may have 256 MiB. */
const HEAP_MEBIBYTES = 128;

test('40 pages at once, and 1,000 lists of tags that one connection asks for and does not read, fit into 256 MiB at 20,000 tags', async (t) => {
  const file = join(temporaryDirectory(t), 'config.yml');
  const repositories = Array.from({ length: TAGS / TAGS_PER_REPOSITORY }, (_, serial) => ({
    namespace: 'shop',
    name: `service-${serial}`,
    id: `crr-${serial}`,
    tags: Array.from({ length: TAGS_PER_REPOSITORY }, (_, index) => `v1.${serial}.${index}`),
  }));
  const credentials = { type: 'access_key', access_key_id: 'LTAI-test', access_key_secret: 'secret' };
  const instance = { id: 'cri-1', region: 'cn-hangzhou', endpoint: 'http://127.0.0.1:9', repositories };
  writeFileSync(file, JSON.stringify({ credentials, vulnerabilities: false, instances: [instance] }));
  const program = startProgram(t, [`--config.file=${file}`, '--web.listen-address=127.0.0.1:0'], {
    env: { NODE_OPTIONS: `--max-old-space-size=${HEAP_MEBIBYTES}` },
  });
  const address = await program.listening();
  const [host, port] = address.split(':');
  const socket = connect({ host, port: Number(port) });
  t.teardown(() => socket.destroy());
  socket.pause();
  socket.write('GET /api/v1/targets HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(1_000));
  const pages = Array.from({ length: PAGES_AT_ONCE }, async () => {
    const response = await fetch(`http://${address}/`);
    return { status: response.status, rows: (await response.text()).match(/<tr class="row">/g)?.length };
  });
  for (const page of await Promise.all(pages)) t.deepEqual(page, { status: 200, rows: 100 });
  const peak = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${program.child.pid}/status`, 'utf8'))?.[1];
  t.true((Number(peak) * 1_024) / MEBIBYTE < 256, `${peak} kB`);
});
