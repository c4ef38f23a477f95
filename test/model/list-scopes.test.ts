import test from 'ava';
import fc from 'fast-check';
import { Rules } from '../../src/discovery/rules.ts';
import { listScopes } from '../../src/model/list-scopes.ts';
import { EVERYTHING } from '../helpers/scripted-pipeline.ts';

const rule = (namespaces: readonly string[], repositories: readonly string[]) => ({ namespaces, repositories });

test('single names are listed by themselves, namespaces where names are patterns, else the instance', (t) => {
  const all = rule(['*'], ['*']);
  t.deepEqual(listScopes([all]), [{}]);
  t.deepEqual(listScopes([rule(['shop'], ['api']), all]), [{}]);
  t.deepEqual(listScopes([rule(['shop-?'], ['api'])]), [{}]);
  t.deepEqual(listScopes([rule(['shop', 'base'], ['*'])]), [{ namespace: 'shop' }, { namespace: 'base' }]);
  t.deepEqual(listScopes([rule(['shop'], ['api', 'web', 'api']), rule(['shop', 'base'], ['web'])]), [
    { namespace: 'shop', name: 'api' },
    { namespace: 'shop', name: 'web' },
    { namespace: 'base', name: 'web' },
  ]);
  t.deepEqual(listScopes([rule(['shop'], ['api']), rule(['shop'], ['w*'])]), [{ namespace: 'shop' }]);
});

test('what the rules take is in exactly one of the lists', (t) => {
  const word = fc.constantFrom('a', 'b', 'a*', '?', '*');
  const words = fc.array(word, { minLength: 1, maxLength: 3 });
  const rules = fc.array(fc.record({ namespaces: words, repositories: words }), { minLength: 1, maxLength: 3 });
  const name = fc.constantFrom('a', 'b', 'ab', 'c');
  fc.assert(
    fc.property(rules, name, name, (given, namespace, repository) => {
      const compiled = new Rules(given.map((each) => ({ ...EVERYTHING, ...each })));
      if (!compiled.takesRepository({ id: 'crr-1', namespace, name: repository })) return;
      const lists = compiled.scopes.filter((scope) => {
        return (scope.namespace ?? namespace) === namespace && (scope.name ?? repository) === repository;
      });
      t.is(lists.length, 1);
    }),
  );
});
