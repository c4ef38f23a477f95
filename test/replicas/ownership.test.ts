import test from 'ava';
import fc from 'fast-check';
import { ownerOf } from '../../src/replicas/ownership.ts';

const members = fc.uniqueArray(fc.uuid(), { minLength: 1, maxLength: 12 });
const keys = fc.array(fc.string({ minLength: 1, maxLength: 40, unit: 'binary' }), { minLength: 1, maxLength: 50 });

test('every repository has exactly one owner, whatever the order in which its members are known', (t) => {
  const property = fc.property(members, keys, fc.nat(), (some, names, turn) => {
    const turned = [...some.slice(turn % some.length), ...some.slice(0, turn % some.length)];
    for (const name of names) {
      const owner = ownerOf(some, name);
      if (owner === undefined || !some.includes(owner)) throw new Error(`${owner} is not a member`);
      if (ownerOf(turned, name) !== owner) throw new Error('the order matters');
    }
  });
  t.notThrows(() => fc.assert(property, { numRuns: 300 }));
});

test('a member that joins takes repositories from others, and no other repository moves', (t) => {
  const property = fc.property(members, fc.uuid(), keys, (some, joining, names) => {
    fc.pre(!some.includes(joining));
    for (const name of names) {
      const [before, after] = [ownerOf(some, name), ownerOf([...some, joining], name)];
      if (after !== before && after !== joining) throw new Error(`${name} moved from ${before} to ${after}`);
    }
  });
  t.notThrows(() => fc.assert(property, { numRuns: 300 }));
});

test('a group without members owns nothing', (t) => {
  t.is(ownerOf([], 'shop/api'), undefined);
});

test('repositories with like names are spread evenly', (t) => {
  const some = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((each) => `${each}0000000-0000-4000-8000-000000000000`);
  const counts = new Map<string, number>();
  for (let number = 0; number < 8_000; number += 1) {
    const owner = ownerOf(some, `["cri-1","[\\"shop\\",\\"service-${number}\\"]"]`) ?? '';
    counts.set(owner, (counts.get(owner) ?? 0) + 1);
  }
  t.is(counts.size, 8);
  for (const count of counts.values()) t.true(count > 850 && count < 1_150, `${count}`);
});
