// That fuzzing works: every target takes some hundred inputs, and what is wrong is found, kept small and told.
import { readFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { requireFitMessage, requireNoSecret, SECRETS } from '../../fuzz/outputs.ts';
import { readPage } from '../../fuzz/page-reader.ts';
import { linesOf } from '../../fuzz/report.ts';
import { defineTarget, type Meter } from '../../fuzz/target.ts';
import { TARGETS } from '../../fuzz/targets.ts';
import { fuzz } from '../../fuzz/watch.ts';
import { TARGETS as HANGING } from './hanging-targets.ts';

const SEED = 7;
const INPUTS = 200;
const noMeter: Meter = { begin: () => undefined, end: () => undefined };

for (const target of TARGETS) {
  test(`${target.name}: ${target.sentence}`, async (t) => {
    const outcomes = new Set<string>();
    const bench = await target.open();
    t.teardown(() => bench.close());
    const meter: Meter = { begin: () => undefined, end: (outcome) => outcomes.add(outcome) };
    t.is(await bench.runBatch({ seed: SEED, inputs: Math.min(INPUTS, target.batch), meter }), undefined);
    t.true(outcomes.size > 1, `all inputs came to the same: ${[...outcomes].join()}`);
  });
}

test('docs/reliability.md has every target, and no other', (t) => {
  const text = readFileSync(new URL('../../docs/reliability.md', import.meta.url), 'utf8');
  const [, rest = ''] = text.split('\n| target | what has to hold |\n| --- | --- |\n');
  const [table = ''] = rest.split('\n\n');
  t.deepEqual(
    table.split('\n'),
    TARGETS.map(({ name, sentence }) => `| ${name} | ${sentence} |`),
  );
});

test('an input that fails is made small, and is drawn again from its seed', async (t) => {
  const target = defineTarget({
    name: 'numbers',
    sentence: 'no number is above 100',
    share: 1,
    inputs: fc.array(fc.nat()),
    open: () => ({
      check: (numbers) => {
        const high = numbers.find((each) => each > 100);
        if (high !== undefined) throw new Error(`found ${high}`);
        return 'low';
      },
    }),
  });
  const bench = await target.open();
  const found = await bench.runBatch({ seed: SEED, inputs: 1_000, meter: noMeter });
  t.is(found?.input, '[101]');
  t.is((await bench.runBatch({ seed: SEED, inputs: 1_000, meter: noMeter }))?.input, '[101]');
  const report = { inputs: 3, seconds: 1, slowestMs: 2, outcomes: { low: 3 }, finding: found };
  t.true(linesOf(target, report).join('\n').includes(`--only=numbers --seed=${SEED}`));
});

test('the input that a thread was stopped at is the one that the seed gives', async (t) => {
  const inputs: unknown[] = [];
  let number = -1;
  const target = defineTarget({
    name: 'texts',
    sentence: 'all texts are taken',
    share: 1,
    inputs: fc.string(),
    open: () => ({
      check: (text) => {
        inputs[number] = text;
        return 'taken';
      },
    }),
  });
  const meter: Meter = { begin: () => void number++, end: () => undefined };
  await (await target.open()).runBatch({ seed: SEED, inputs: 50, meter });
  t.deepEqual(
    [0, 7, 49].map((each) => target.inputOf(SEED, each)),
    [0, 7, 49].map((each) => JSON.stringify(inputs[each])),
  );
});

test('a target runs in a thread, as often as it is told to', async (t) => {
  const [target] = TARGETS.filter(({ name }) => name === 'durations');
  if (target === undefined) throw new Error('expected a target');
  const { inputs, finding, outcomes } = await fuzz(target, { seed: SEED, ms: 60_000, inputs: 1_500 });
  t.deepEqual([inputs, finding], [1_500, undefined]);
  t.is(
    Object.values(outcomes).reduce((sum, each) => sum + each, 0),
    1_500,
  );
});

test('a target that hangs is given up and told, whether it is opened, given an input or closed', async (t) => {
  const targets = new URL('./hanging-targets.ts', import.meta.url).href;
  const findings = await Promise.all(
    HANGING.map((target) => fuzz(target, { seed: SEED, ms: 60_000, inputs: 3, hangMs: 1_000, targets })),
  );
  t.deepEqual(
    findings.map(({ finding }) => [finding?.input, finding?.reason]),
    [
      ['none', 'while it was opened, it did not end within 1000 ms'],
      ['7', 'it did not end within 1000 ms'],
      ['none', 'while it was closed, it did not end within 1000 ms'],
    ],
  );
});

test('a secret is found in every way to write it', (t) => {
  const secret = SECRETS.accessKeySecret;
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  for (const writing of [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret),
    base64(secret),
    base64(`user:${secret}`),
    base64(`admin2:${secret}, and more`),
    Buffer.from(secret).toString('hex'),
  ]) {
    t.throws(() => requireNoSecret(`it is ${writing}.`, 'the text'), { message: /shows a secret/ }, writing);
  }
  t.notThrows(() => requireNoSecret(`it is ${secret.slice(1)}`, 'the text'));
});

test('what only a program says is no message', (t) => {
  for (const message of [
    '',
    'found undefined',
    'found [object Object]',
    'a\nb',
    'a\u0085b',
    'TypeError: x',
    'x'.repeat(301),
  ]) {
    t.throws(() => requireFitMessage(message, 'the message'), undefined, message);
  }
  t.notThrows(() => requireFitMessage('found "undefined"', 'the message', 'undefined'));
});

test('a page is read as the formats describe it', (t) => {
  t.deepEqual(readPage('# HELP a b\na{b="c\\n\\"\\\\}\r",d=""} 1\na 2.5\n', false), [
    { name: 'a', labels: { b: 'c\n"\\}\r', d: '' }, value: '1' },
    { name: 'a', labels: {}, value: '2.5' },
  ]);
  for (const text of [
    'a 1',
    'a\n',
    'a{b} 1\n',
    'a{b="c} 1\n',
    'a{b="\\x"} 1\n',
    'a{b="c"d="e"} 1\n',
    'a 1\na 1\n',
    'a{b="1",b="2"} 1\n',
  ]) {
    t.throws(() => readPage(text, false), undefined, text);
  }
});
