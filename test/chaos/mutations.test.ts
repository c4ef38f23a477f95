import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { ACTIONS, MEMBER_ACTIONS } from '../../chaos/actions.ts';
import { FAULTS } from '../../chaos/faults.ts';
import { lawsFor } from '../../chaos/laws/laws.ts';
import { type Mutation, mutated } from '../../chaos/mutations/mutation.ts';
import { MUTATIONS } from '../../chaos/mutations/mutations.ts';

const ROOT = new URL('../../', import.meta.url);

function textOf(file: string): string {
  return readFileSync(fileURLToPath(new URL(file, ROOT)), 'utf8');
}

test('every mutation has one place in the built exporter, and breaks it in another way than the others', (t) => {
  const broken = MUTATIONS.map((mutation) => {
    const before = textOf(`dist/${mutation.file}`);
    const after = mutated(before, mutation);
    t.not(after, before, mutation.name);
    return `${mutation.file}\n${after}`;
  });
  t.is(new Set(broken).size, MUTATIONS.length);
});

test('a mutation whose place is gone, or is there twice, is refused by its name', (t) => {
  const mutation: Mutation = { name: 'an end', file: 'a.js', before: 'end', after: 'begin', law: 'calm' };
  t.is(mutated('the end\n', mutation), 'the begin\n');
  t.throws(() => mutated('the middle\n', mutation), { message: 'an end: expected once in a.js, found 0 times: end' });
  t.throws(() => mutated('end to end', mutation), { message: 'an end: expected once in a.js, found 2 times: end' });
});

test('every mutation has a name of its own, is expected to be found by a law that there is, and docs/reliability.md has just these', (t) => {
  const names = MUTATIONS.map(({ name }) => name);
  t.is(new Set(names).size, names.length);
  t.deepEqual(
    MUTATIONS.filter(({ law, members = 1 }) => !lawsFor(members).some(({ name }) => name === law)),
    [],
  );
  const drawn = new Set([...FAULTS, ...ACTIONS, ...MEMBER_ACTIONS].map(({ name }) => name));
  t.deepEqual(
    MUTATIONS.flatMap(({ often = [] }) => often).filter((name) => !drawn.has(name)),
    [],
  );
  const [, section = ''] = textOf('docs/reliability.md').split(
    '\n| what is broken | law that finds it |\n| --- | --- |\n',
  );
  const [table = ''] = section.split('\n\n');
  t.deepEqual(table.split('\n').sort(), MUTATIONS.map(({ name, law }) => `| ${name} | ${law} |`).sort());
});
