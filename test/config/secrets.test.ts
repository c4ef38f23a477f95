// No mistake in a configuration file makes a problem that shows a secret.
import test from 'ava';
import { parseConfig } from '../../src/config/load.ts';
import { ConfigError, formatProblems } from '../../src/util/yaml/problems.ts';

const INSTANCES = 'instances:\n  - id: cri-1\n    region: cn-hangzhou\n    repositories: [{ id: crr-1, tags: [v1] }]\n';
const SECRETS = [
  's3samOpenUp42',
  'opensesame',
  'OPEN_SESAME',
  'it\'s "quoted" #1',
  'Zm9v/YmFy+Q==',
  '!sesame',
  '*sesame',
  '&sesame',
];

/** Files that give a secret where it does not belong, or beside another mistake. */
const wrongPlaces: readonly ((secret: string) => string)[] = [
  (secret) => `credentials: ${secret}\n`,
  (secret) => `credentials: [${secret}]\n`,
  (secret) => `credentials: { type: ${secret} }\n`,
  (secret) => `credentials: { type: [${secret}] }\n`,
  (secret) => `credentials: { ${secret}: access_key }\n`,
  (secret) => `credentials: { type: access_key, ${secret} }\n`,
  (secret) => `credentials: { type: access_key, ${secret}: ${secret} }\n`,
  (secret) => `credentials: { type: access_key, ${secret}: 1, ${secret}: 2 }\n`,
  (secret) => `credentials: { type: access_key, access_key_secret: { ${secret}: 1, ${secret}: 2 } }\n`,
  (secret) => `credentials:\n  type: access_key\n  access_key_secret ${secret}\n`,
  (secret) => `credentials:\n  type: access_key\n  access_key_secret: ${secret}\n   more: x\n`,
  (secret) => `credentials:\n  type: access_key\n    access_key_secret: ${secret}\n`,
  (secret) => `credentials:\n  type: access_key\n access_key_secret: ${secret}\n`,
  (secret) => `credentials:\n  type: access_key\n\taccess_key_secret: ${secret}\n`,
  (secret) => `credentials:\n  type: access_key\n  access_key_secret: "${secret}\n`,
  (secret) => `credentials:\n  type: access_key\n  access_key_secret: '${secret}\n`,
  (secret) => `credentials:\n  type: access_key\n  access_key_secret: [${secret}\n`,
  (secret) => `credentials:\n  type: access_key\n  access_key_secret: ["${secret}"]\n`,
  (secret) => `credentials:\n  type: access_key\n  access_key_secret: |${secret}\n`,
  (secret) => `credentials:\n  type: access_key\n  access_key_secret: |\n    ${secret}\n`,
  (secret) => `credentials:\n  type: access_key\n  access_key_secret: !!binary ${secret}\n`,
  (secret) => `credentials:\n  type: access_key\n  access_key_secret: !${secret} x\n`,
  (secret) => `credentials:\n  type: access_key\n  access_key_secret: *${secret}\n`,
  (secret) => `credentials:\n  type: access_key\n  access_key_secret: &${secret} &x\n`,
  (secret) => `credentials:\n  type: access_key\n  access_key_secret: @${secret}\n`,
  (secret) => `credentials:\n  type: access_key\n  access_key_secret: "\\q${secret}"\n`,
  (secret) => `credentials:\n  type: access_key\n  access_key_secret: "x" ${secret}\n`,
  (secret) => `credentials:\n  type: access_key\n  access_key_secret:${secret}\n`,
  (secret) => `credentials:\n  type: access_key\n  access_key_secrets: ${secret}\n`,
  (secret) => `credentials:\n  type: access_key\n  access_key_secret_env: "${secret} "\n`,
  (secret) => `credentials:\n  type: ecs_ram_role\n  access_key_secret: ${secret}\n`,
  (secret) => `credentials:\n  type: credentials_uri\n  uri: ${secret}\n`,
  (secret) => `credentials:\n  type: acess_key\n  access_key_secret: ${secret}\n`,
  (secret) => `credentials:\n  access_key_secret: ${secret}\n`,
  (secret) => `credentials:\n  type: access_key\naccess_key_secret: ${secret}\n`,
  (secret) => `credentials:\n  type: access_key\naccess_key_secret:\n  ${secret}: x\n`,
  (secret) => `credentials:\n  type: access_key\n  access_key_secret:\n${secret}\n`,
  (secret) => `credential:\n  type: access_key\n  access_key_secret: ${secret}\n`,
  (secret) => `rate_limit:\n  access_key_secret: ${secret}\n`,
  (secret) => `rate_limit:\n  requests_per_second: 5\n    access_key_secret=${secret}\n`,
  (secret) => `request_timeout: 5s\n    access_key_secret=${secret}\n`,
  (secret) => `request_timeout: access_key_secret=${secret}\n`,
  (secret) => `? [${secret}]\n: x\n`,
  (secret) => `%${secret}\n---\n`,
  (secret) => `access_key_secret: ${secret}\n--- ${secret}\n`,
  (secret) => `${secret}\n`,
  (secret) => `instances:\n  - id: cri-2\n    region: cn\n    endpoint: https://me:${secret}@host\n`,
  (secret) => `instances:\n  - id: cri-2\n    region: cn\n    endpoint: host?token=${secret}\n`,
  (secret) => `instances:\n  - id: cri-2\n    region: cn\n    credentials:\n    access_key_secret: ${secret}\n`,
];

for (const secret of SECRETS) {
  test(`${secret} is never shown, however it is misplaced`, (t) => {
    for (const wrongPlace of wrongPlaces) {
      for (const text of [
        wrongPlace(secret),
        `${wrongPlace(secret)}${INSTANCES}`,
        `${INSTANCES}${wrongPlace(secret)}`,
      ]) {
        const shown = problemsOf(text);
        t.false(shown.includes(secret) || shown.includes(secret.replace(/^[!*&]/, '')), `${text}\n${shown}`);
      }
    }
  });
}

test('harmless values are shown in messages', (t) => {
  t.true(problemsOf(`request_timeout: soon\n${INSTANCES}`).includes('found "soon"'));
});

function problemsOf(text: string): string {
  try {
    parseConfig(text, '/etc/config.yml');
    return '';
  } catch (error) {
    if (error instanceof ConfigError)
      return [...formatProblems(error.problems), error.message, String(error.stack)].join('\n');
    throw error;
  }
}
