// Configuration files.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import type { Config } from '../../src/config/config.ts';
import { REDACTION } from '../../src/config/credentials-schema.ts';
import { parseConfig } from '../../src/config/load.ts';
import { patternWarnings } from '../../src/config/pattern-warnings.ts';
import { formatPlan, planPolls } from '../../src/config/poll-plan.ts';
import { ramPolicies } from '../../src/config/ram-policy.ts';
import { readYaml } from '../../src/util/yaml/document.ts';
import { ConfigError } from '../../src/util/yaml/problems.ts';
import { textOf } from '../../src/util/yaml/read-text.ts';
import { requireEqual, requireNoSecret, SECRETS } from '../outputs.ts';
import { requireClearProblems } from '../problems.ts';
import { defineTarget } from '../target.ts';
import { spoilt } from '../texts.ts';
import { type Tree, yamlNear } from '../yaml-texts.ts';

const FILE = '/etc/acr-scan-exporter.yml';
const keys = { access_key_id: 'LTAI5tExample', access_key_secret: SECRETS.accessKeySecret };
const role = 'acs:ram::1234567890123456:role/reader';

const TREES: readonly Tree[] = [
  {
    instances: [
      {
        id: 'cri-1',
        region: 'cn-hangzhou',
        repositories: [{ namespace: 'shop', name: 'api', tags: ['v1.0', 'v1.1'] }],
      },
    ],
  },
  {
    credentials: { type: 'sts', ...keys, security_token: SECRETS.securityToken },
    rate_limit: { requests_per_second: '0.5', max_concurrent: '2' },
    request_timeout: '1m30s',
    intervals: { scanning: '500ms', complete: '1d', failed: '2h', not_scanned: '1h' },
    backoff: { initial: '1s', max: '1m' },
    metrics: { per_tag: 'problems' },
    vulnerabilities: 'false',
    discovery_interval: '90s',
    max_tags: '5000',
    instances: [
      {
        id: 'cri-1',
        region: 'cn-hangzhou',
        endpoint: 'http://127.0.0.1:8080',
        domain: 'r.example.com',
        credentials: {
          type: 'ram_role_arn',
          ...keys,
          role_arn: role,
          role_session_name: 'exporter',
          external_id: '42',
        },
        repositories: [
          {
            namespace: 'shop',
            name: 'api',
            id: 'crr-1',
            vulnerabilities: 'true',
            tags: ['v1.0', { tag: 'v1.1', digest: `sha256:${'ab'.repeat(32)}`, scan_task_id: '838152F9' }],
          },
          { id: 'crr-2', tags: ['v1.0'] },
        ],
        discover: [
          {
            namespaces: ['shop-*'],
            repositories: ['*'],
            exclude_repositories: ['*-cache'],
            tags: ['v?', 'release-*'],
            exclude_tags: ['*-rc*'],
            newest: '20',
            max_age: '30d',
            vulnerabilities: 'true',
          },
        ],
      },
      {
        id: 'cri-2',
        region: 'eu-central-1',
        credentials: { type: 'oidc_role_arn', role_arn: role, oidc_provider_arn: role, oidc_token_file: 'token' },
        discover: [{ tags: ['latest'] }],
      },
      {
        id: 'cri-3',
        region: 'eu-central-1',
        credentials: { type: 'credentials_uri', uri: 'http://127.0.0.1/x' },
        discover: [{ newest: '1' }],
      },
    ],
  },
];
const TEXTS = [
  'everything',
  'minimal',
  'shared-by-alias',
  'text-as-written',
  'blank-values',
  'crlf',
  'discover-only',
].map((name) =>
  readFileSync(new URL(`../../test/fixtures/config/${name}.good.yml`, import.meta.url), 'utf8').replace(
    'LTAI5tExample',
    'LTAI5tExample\n  access_key_secret: '.concat(JSON.stringify(SECRETS.accessKeySecret)),
  ),
);

export const configFiles = defineTarget({
  name: 'config-files',
  sentence:
    'a configuration file gives a configuration that does not depend on the notation of the file, or clear problems',
  share: 3,
  inputs: fc.oneof(
    { weight: 4, arbitrary: yamlNear(TREES, TEXTS).map((text) => Buffer.from(text)) },
    { weight: 1, arbitrary: spoilt(yamlNear(TREES, TEXTS)) },
  ),
  open: () => ({ check: (bytes) => checkFile(bytes) }),
});

function checkFile(bytes: Buffer): string {
  let text: string;
  try {
    text = textOf(bytes, FILE);
  } catch (error) {
    requireProblems(error, bytes.toString());
    return 'no text';
  }
  if (text.length % 8 === 0) requireSameInBatches(text);
  let config: Config;
  try {
    config = parseConfig(text, FILE);
  } catch (error) {
    requireProblems(error, text);
    return 'problems';
  }
  requireUsable(config);
  requireEqual(structuredClone(config), config, 'the configuration from another thread');
  const { value } = readYaml(text, { file: FILE, redaction: REDACTION });
  requireEqual(parseConfig(inFlow(value), FILE), config, 'the configuration written on one line');
  return 'a configuration';
}

/** On one line, every text in quotes; what is left blank stays so. */
function inFlow(value: unknown): string {
  if (typeof value !== 'object' || value === null) return value === null ? '' : JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(inFlow).join(', ')}]`;
  return `{ ${Object.entries(value)
    .map(([key, inner]) => `${JSON.stringify(key)}: ${inFlow(inner)}`)
    .join(', ')} }`;
}

function requireProblems(error: unknown, text: string): void {
  if (!(error instanceof ConfigError)) throw error;
  requireClearProblems(error, text);
}

/** Items of lists are composed early to save memory, which must make no difference. */
function requireSameInBatches(text: string): void {
  const [early, late] = [1, 4_096].map((batch) => {
    try {
      const { value, problems } = readYaml(text, { file: FILE, redaction: REDACTION, batch });
      return { value, problem: problems.isEmpty ? undefined : problems.toError().problems[0] };
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      // Of a text that is no YAML, what is told first may differ.
      return 'no YAML';
    }
  });
  requireEqual(early, late, 'what is read item by item');
}

/** What the program makes of a configuration before it starts. */
function requireUsable(config: Config): void {
  const plan = planPolls(config);
  const shown = `${formatPlan(plan)}${plan.warnings.join()}${patternWarnings(config).join()}${JSON.stringify(ramPolicies(config))}`;
  requireNoSecret(shown, 'the plan');
  if (/\bNaN\b|\[object/.test(shown)) throw new Error(`the plan says ${shown}`);
}
