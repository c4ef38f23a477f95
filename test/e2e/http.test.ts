// The page over the wire, as curl, gzip and Python get it.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { parsePage } from '../helpers/exposition.ts';
import { startExporter, temporaryDirectory } from './helpers/exporter.ts';
import { run, runForBytes } from './helpers/program.ts';
import { PYTHON } from './needs.ts';

/** Enough for a page of several blocks and several socket buffers. */
const TAGS = 3_000;
const PARALLEL_SCRAPES = 200;

/** Prints the page that a gzip file holds, and fails when anything follows its first member. */
const READ_ONE_MEMBER = `
import sys, zlib
member = zlib.decompressobj(wbits=31)
page = member.decompress(sys.stdin.buffer.read())
assert member.eof, 'the member does not end'
assert member.unused_data == b'', 'something follows the first member'
sys.stdout.buffer.write(page)
`;

/** An exporter of a large page on which nothing moves: no request is ever answered. */
async function startStillExporter(t: ExecutionContext): Promise<string> {
  const tags = Object.fromEntries(Array.from({ length: TAGS }, (_, index) => [`v${index}`, 'COMPLETE']));
  const { metricsUrl } = await startExporter(t, {
    repositories: [{ namespace: 'shop', name: 'api', tags }],
    faults: [{ hang: 'before_head' }],
  });
  return metricsUrl;
}

function curl(...args: readonly string[]): string {
  const { status, stdout, stderr } = run('curl', ['--silent', '--show-error', '--fail', ...args]);
  if (status !== 0) throw new Error(`curl ended with ${status}: ${stderr}`);
  return stdout;
}

/** The lines of tags of a page, which has to be whole and well-formed. */
function readTagLines(page: string): readonly string[] {
  parsePage(page);
  return tagLines(page);
}

function tagLines(page: string): readonly string[] {
  return page.split('\n').filter((line) => line.startsWith('acr_scan_tag'));
}

test('a compressed page is one gzip member and the same as the plain one, for curl, gzip and Python', async (t) => {
  const url = await startStillExporter(t);
  const expected = readTagLines(curl(url));
  t.true(expected.length > 3 * TAGS, `${expected.length} lines`);
  t.deepEqual(readTagLines(curl('--compressed', url)), expected);

  const file = join(temporaryDirectory(t), 'page.gz');
  curl('--header', 'Accept-Encoding: gzip', '--output', file, url);
  t.deepEqual(run('gzip', ['--test', '--verbose', file]), { status: 0, stdout: '', stderr: `${file}:\t OK\n` });
  t.deepEqual(readTagLines(run('gzip', ['--decompress', '--stdout', file]).stdout), expected);
  const { status, stdout, stderr } = runForBytes(PYTHON, ['-c', READ_ONE_MEMBER], { input: readFileSync(file) });
  t.is(status, 0, stderr);
  t.deepEqual(readTagLines(stdout.toString()), expected);
});

test('a scraper that speaks HTTP/1.0 gets the whole page', async (t) => {
  const url = await startStillExporter(t);
  const expected = readTagLines(curl(url));
  t.deepEqual(readTagLines(curl('--http1.0', url)), expected);
  t.deepEqual(readTagLines(curl('--http1.0', '--compressed', url)), expected);
});

test('one connection serves one scrape after the other', async (t) => {
  const url = await startStillExporter(t);
  const directory = temporaryDirectory(t);
  const connects = curl('--write-out', '%{num_connects}', '--output', join(directory, '#1'), `${url}?[1-5]`);
  t.is(connects, '10000');
  const pages = [1, 2, 3, 4, 5].map((page) => readTagLines(readFileSync(join(directory, String(page)), 'utf8')));
  for (const page of pages) t.deepEqual(page, readTagLines(curl(url)));
});

test('HEAD gives the head of GET and no body', async (t) => {
  const url = await startStillExporter(t);
  for (const encoding of [[], ['--compressed']]) {
    const head = curl('--head', ...encoding, url);
    t.regex(head, /^HTTP\/1\.1 200 OK\r\n/);
    t.regex(head, /\r\nContent-Type: text\/plain; version=0\.0\.4/i);
    t.is(/\r\nContent-Encoding: gzip\r\n/i.test(head), encoding.length > 0);
    t.true(Number(/\r\nContent-Length: (\d+)\r\n/i.exec(head)?.[1]) > TAGS);
    // curl would wait for a body that is announced and does not come, or complain about one that does.
    t.true(head.endsWith('\r\n\r\n'));
  }
});

test(`${PARALLEL_SCRAPES} scrapes at the same time give whole pages, plain and compressed`, async (t) => {
  const url = await startStillExporter(t);
  const expected = readTagLines(curl(url));
  const directory = temporaryDirectory(t);
  const numbers = Array.from({ length: PARALLEL_SCRAPES }, (_, index) => index);
  const requests = numbers.map((number) => {
    const encoding = number % 2 === 0 ? 'header = "Accept-Encoding: identity"\n' : 'compressed\n';
    return `url = "${url}"\noutput = "${join(directory, String(number))}"\n${encoding}silent\nfail\n`;
  });
  const list = join(directory, 'requests');
  writeFileSync(list, requests.join('next\n'));
  curl('--parallel', '--parallel-immediate', '--parallel-max', String(PARALLEL_SCRAPES), '--config', list);
  for (const number of numbers) {
    const page = tagLines(readFileSync(join(directory, String(number)), 'utf8'));
    t.true(page.length === expected.length && page.every((line, index) => line === expected[index]), `page ${number}`);
  }
});
