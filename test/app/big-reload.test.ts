// A reload that takes many turns of the event loop is seen whole or not at all.
import { get, type IncomingMessage } from 'node:http';
import test from 'ava';
import {
  type ConfigurationInput,
  configurationFor,
  instanceAt,
  startExporter,
  startSimulator,
} from '../helpers/exporter.ts';

const MANY = 20_000;

function manyTags(address: string, prefix: string, parts: ConfigurationInput = {}): ConfigurationInput {
  const tags = Array.from({ length: MANY }, (_, n) => `${prefix}${n}`);
  return configurationFor(address, {
    instances: [
      instanceAt(address, { repositories: [{ namespace: 'shop', name: 'api', id: 'crr-1', tags }], ...parts }),
    ],
    rate_limit: { requests_per_second: 1, max_concurrent: 1 },
  });
}

/** How many status series a page has of the old tags and of the new ones, and what the tallies say all told. */
function countSets(text: string): string {
  const count = (pattern: RegExp) => text.match(pattern)?.length ?? 0;
  const tallies = [...text.matchAll(/^acr_scan_tags\{.*\} (\d+)$/gm)].reduce(
    (sum, [, value]) => sum + Number(value),
    0,
  );
  return `old=${count(/^acr_scan_tag_status\{.*tag="old/gm)} new=${count(/^acr_scan_tag_status\{.*tag="new/gm)} tallied=${tallies}`;
}

const OLD_SET = `old=${MANY} new=0 tallied=${MANY}`;
const NEW_SET = `old=0 new=${MANY} tallied=${MANY}`;

test('scrapes during a reload of 20,000 tags see the old set or the new one, never a mixture', async (t) => {
  const simulator = await startSimulator(t);
  const { app, write, url } = await startExporter(t, manyTags(simulator.address, 'old'), { logLevel: 'info' });
  write(manyTags(simulator.address, 'new'));
  let reloading = true;
  const reload = app.reload().finally(() => {
    reloading = false;
  });
  const seen: string[] = [];
  while (reloading) seen.push(countSets(await (await fetch(`${url}/metrics`)).text()));
  t.deepEqual(await reload, { problems: [] });
  seen.push(countSets(await (await fetch(`${url}/metrics`)).text()));
  t.is(seen.at(-1), NEW_SET);
  t.deepEqual([...new Set(seen)], [...(seen[0] === OLD_SET ? [OLD_SET] : []), NEW_SET]);
});

test('a scrape that is under way when a reload comes is whole, and of the old set', async (t) => {
  const simulator = await startSimulator(t);
  const { app, write, url } = await startExporter(t, manyTags(simulator.address, 'old'), { logLevel: 'info' });
  const response = await new Promise<IncomingMessage>((resolve) => get(`${url}/metrics`, { agent: false }, resolve));
  response.pause();
  write(manyTags(simulator.address, 'new'));
  t.deepEqual(await app.reload(), { problems: [] });
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  const page = Buffer.concat(chunks);
  t.is(page.length, Number(response.headers['content-length']));
  t.is(countSets(page.toString()), OLD_SET);
});

/** What the page says at its top: how many tags there are, of how many the vulnerabilities are wanted, and whether there is discovery. */
function topOf(html: string): string {
  const [, tags] = /([\d,]+) watched tags/.exec(html) ?? [];
  const [, wanted] = /known of \d+ of ([\d,]+) tags/.exec(html) ?? [];
  return `tags=${tags} wanted=${wanted} discovery=${html.includes('Credentials and discovery')}`;
}

test('pages for people during a reload of 20,000 tags show the old state or the new one at their top', async (t) => {
  const simulator = await startSimulator(t);
  const old = manyTags(simulator.address, 'old', { discover: [{ repositories: ['none'] }] });
  const { app, write, url } = await startExporter(t, old, { logLevel: 'info' });
  const repositories = [
    {
      namespace: 'shop',
      name: 'api',
      id: 'crr-1',
      vulnerabilities: true,
      tags: Array.from({ length: MANY }, (_, n) => `new${n}`),
    },
  ];
  write(manyTags(simulator.address, 'new', { repositories }));
  let reloading = true;
  const reload = app.reload().finally(() => {
    reloading = false;
  });
  const seen: string[] = [];
  while (reloading) seen.push(topOf(await (await fetch(`${url}/?q=nothing`)).text()));
  t.deepEqual(await reload, { problems: [] });
  seen.push(topOf(await (await fetch(url)).text()));
  const [before, after] = ['tags=20,000 wanted=undefined discovery=true', 'tags=20,000 wanted=20,000 discovery=false'];
  t.is(seen.at(-1), after);
  t.deepEqual([...new Set(seen)], [...(seen[0] === before ? [before] : []), after]);
});
