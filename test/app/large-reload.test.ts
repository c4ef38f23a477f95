// A reload of a file that does not fit into memory leaves the old one in force.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { temporaryDirectory } from '../helpers/exporter.ts';
import { runProgram, startProgram } from '../helpers/program.ts';

/** In megabytes: enough for a file of a few tags, and for reading the large ones. */
const HEAP = 80;

function listing(repositories: number, tag: string): string {
  const listed = Array.from({ length: repositories }, (_, index) => `      - { id: crr-${index}, tags: [${tag}] }\n`);
  return [
    'credentials: { type: access_key, access_key_id: id, access_key_secret: secret }\n',
    'rate_limit: { requests_per_second: 0.001 }\n',
    // Nothing listens there.
    `instances:\n  - id: cri-1\n    region: cn-hangzhou\n    endpoint: http://127.0.0.1:9\n    repositories:\n${listed.join('')}`,
  ].join('');
}

test('a reload of a file that does not fit into memory is a problem that says so, and the old file stays', async (t) => {
  const file = join(temporaryDirectory(t), 'config.yml');
  writeFileSync(file, listing(3, 'old'));
  const flags = [`--config.file=${file}`, '--web.listen-address=127.0.0.1:0'];
  const program = startProgram(t, flags, { env: { NODE_OPTIONS: `--max-old-space-size=${HEAP}` } });
  const url = `http://${await program.listening()}`;
  await program.logged(/msg="polling"/);
  // The first does not fit as it is put in force, the second not even into the worker that reads it.
  for (const [repositories, expected] of [
    [25_000, 'tags and repositories that fit into'],
    [90_000, 'a file that can be read with the'],
  ] as const) {
    writeFileSync(file, listing(repositories, 'new'));
    program.child.kill('SIGHUP');
    await program.logged(new RegExp(`msg="configuration not reloaded" problem="[^"]*: expected ${expected}`));
    const page = await (await fetch(`${url}/metrics`)).text();
    t.is(page.match(/^acr_scan_tag_status\{.*tag="old"/gm)?.length, 3);
    t.false(page.includes('tag="new"'));
    t.regex(page, /^acr_scan_exporter_config_last_reload_successful 0$/m);
  }
});

test('a start with a file that does not fit into memory ends with a line that says so', async (t) => {
  const file = join(temporaryDirectory(t), 'config.yml');
  writeFileSync(file, listing(25_000, 'v1'));
  const { status, stderr } = await runProgram(t, [`--config.file=${file}`, '--web.listen-address=127.0.0.1:0'], {
    env: { NODE_OPTIONS: `--max-old-space-size=${HEAP}` },
  });
  t.is(status, 1);
  t.regex(
    stderr,
    /^[^\n]*config\.yml:1:1: instances: expected tags and repositories that fit into \d+ MiB of heap[^\n]*\n$/,
  );
});
