import test from 'ava';
import { parseConfig } from '../../src/config/load.ts';
import { patternWarnings } from '../../src/config/pattern-warnings.ts';

test('the warning of a pattern that looks like a regular expression names its place', (t) => {
  const config = parseConfig(
    `instances:
  - id: cri-1
    region: cn-hangzhou
    discover:
      - { namespaces: [shop] }
      - { namespaces: [shop], repositories: ['.*'], tags: ['v*', '^v', '1.*'], exclude_tags: ['v(1|2)'] }`,
    'config.yml',
  );
  const warnings = patternWarnings(config);
  t.deepEqual(
    warnings.map((warning) => warning.replace(/ looks like .*/, '')),
    [
      'cri-1: discover rule 2: repositories: ".*"',
      'cri-1: discover rule 2: tags: "^v"',
      'cri-1: discover rule 2: exclude_tags: "v(1|2)"',
    ],
  );
});
