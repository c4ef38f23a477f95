// One configuration after another in a program that runs, as against a program that starts with the last one.
import fc from 'fast-check';
import { ANSWER_BOUNDS, HttpTransport } from '../../src/acr/http-transport.ts';
import { loadSdk, type Sdk } from '../../src/acr/sdk.ts';
import { App } from '../../src/app/app.ts';
import { parseConfig } from '../../src/config/load.ts';
import { systemClock } from '../../src/util/clock.ts';
import { createLogger } from '../../src/util/logger.ts';
import { Redactor } from '../../src/util/redactor.ts';
import { ConfigError } from '../../src/util/yaml/problems.ts';
import { requireEqual, requireNoSecret, SECRETS } from '../outputs.ts';
import { type Labels, readPage } from '../page-reader.ts';
import { defineTarget } from '../target.ts';

const few = <Value>(...values: readonly Value[]) => fc.constantFrom(...values);
const digest = (digit: string) => `sha256:${digit.repeat(64)}`;
const credentials = few<object>(
  { type: 'access_key', access_key_id: 'LTAI5tExample', access_key_secret: SECRETS.accessKeySecret },
  {
    type: 'sts',
    access_key_id: 'STS.x',
    access_key_secret: SECRETS.accessKeySecret,
    security_token: SECRETS.securityToken,
  },
);
const tag = fc.oneof(
  few('v1', 'v2', 'v3', 'latest'),
  fc.record(
    { tag: few('v1', 'v2', 'v3'), digest: few(digest('a'), digest('b')), scan_task_id: few('T-1', 'T-2') },
    { requiredKeys: ['tag'] },
  ),
);
const tags = fc.uniqueArray(tag, {
  minLength: 1,
  maxLength: 3,
  selector: (each) => (typeof each === 'string' ? each : each.tag),
});
const repository = fc.oneof(
  fc.record(
    { namespace: few('shop', 'ops'), name: few('api', 'web'), tags, vulnerabilities: few('true', 'false') },
    { requiredKeys: ['namespace', 'name', 'tags'] },
  ),
  fc.record({ id: few('crr-1', 'crr-2'), tags }),
  few('api', 'web').chain((name) => tags.map((list) => ({ namespace: 'shop', name, id: `crr-${name}`, tags: list }))),
);
/** Nothing is to be discovered: what was listed before would stay until discovery says whether it does. */
const instance = fc.record(
  {
    id: few('cri-1', 'cri-2', 'cri-3'),
    region: few('cn-hangzhou', 'eu-central-1'),
    domain: few('r.example.com', 'r2.example.com'),
    credentials,
    repositories: fc.array(repository, { minLength: 1, maxLength: 3 }),
  },
  { requiredKeys: ['id', 'region', 'repositories'] },
);
const configuration = fc.record(
  {
    credentials,
    instances: fc.uniqueArray(instance, { minLength: 1, maxLength: 3, selector: ({ id }) => id }),
    metrics: fc.record({ per_tag: few('full', 'problems', 'none') }),
    max_tags: few('1', '5', '1000'),
    vulnerabilities: few('true', 'false'),
    rate_limit: few({ requests_per_second: '1' }, { requests_per_second: '20', max_concurrent: '3' }),
  },
  { requiredKeys: ['instances', 'credentials'] },
);

const NOW_MS = Date.UTC(2026, 0, 1);

/** Answers nothing. */
class Silence extends HttpTransport {
  override send(): Promise<never> {
    return new Promise(() => undefined);
  }
}

export const configReloads = defineTarget({
  name: 'config-reloads',
  sentence: 'after any series of reloads, the page is the same as after a start with the last good file',
  share: 1,
  batch: 50,
  inputs: fc.array(
    configuration.map((each) => JSON.stringify(each)),
    { minLength: 2, maxLength: 4 },
  ),
  open: async () => {
    const sdk: Sdk = { ...(await loadSdk()), transport: new Silence(ANSWER_BOUNDS) };
    return {
      check: async (texts) => {
        const good = texts.filter((text) => isGood(text));
        const [first, ...rest] = texts.slice(texts.findIndex((text) => good.includes(text)));
        const last = good.at(-1);
        if (first === undefined || last === undefined || good.length === 0) return 'no start';
        const [reloaded, started] = [await runApp(sdk, [first, ...rest], isGood), await runApp(sdk, [last], isGood)];
        requireEqual(reloaded, started, 'what is shown after the reloads');
        return rest.length === 0 ? 'a start' : `${rest.length} reloads`;
      },
    };
  },
});

function isGood(text: string): boolean {
  try {
    parseConfig(text, '/etc/c.yml');
    return true;
  } catch (error) {
    if (error instanceof ConfigError) return false;
    throw error;
  }
}

/** What is shown after a start and reloads. */
async function runApp(sdk: Sdk, [first = '', ...rest]: readonly string[], isExpectedGood: (text: string) => boolean) {
  let present = first;
  const app = new App(parseConfig(first, '/etc/c.yml'), {
    clock: { ...systemClock, now: () => NOW_MS },
    random: () => 0.5,
    logger: createLogger({
      level: 'debug',
      format: 'json',
      redactor: new Redactor(),
      write: (line) => requireNoSecret(line, 'the log'),
    }),
    droppedLogLines: () => 0,
    redactor: new Redactor(),
    env: {},
    loadConfig: async () => parseConfig(present, '/etc/c.yml'),
    loadSdk: async () => sdk,
    listenAddresses: [{ host: '127.0.0.1', port: 0 }],
    externalUrl: '',
    routePrefix: '',
    telemetryPath: '/metrics',
    webSettings: undefined,
    fetchCertificate: () => Promise.reject(new Error('nothing is fetched')),
    processMetrics: false,
    enableLifecycle: false,
    build: { version: '1.2.3', revision: '', nodeVersion: 'v20' },
  });
  try {
    const { addresses } = await app.start();
    for (const text of rest) {
      present = text;
      const { problems } = await app.reload();
      requireEqual(problems.length === 0, isExpectedGood(text), `whether a reload of ${text} succeeded`);
    }
    return await shownBy(`http://${addresses[0]}`);
  } finally {
    await app.stop();
  }
}

const SHOWN = [
  'acr_scan_tags',
  'acr_scan_tag_status',
  'acr_scan_tag_info',
  'acr_api_rate_limit',
  'acr_scheduler_running',
];

async function shownBy(url: string) {
  const headers = { connection: 'close' };
  const page = await (await fetch(`${url}/metrics`, { headers })).text();
  const list = await (await fetch(`${url}/api/v1/targets`, { headers })).text();
  requireNoSecret(page + list, 'what is shown');
  const samples = readPage(page, false)
    .filter(({ name }) => SHOWN.some((each) => name.startsWith(each)) && !name.endsWith('_seconds'))
    .map(({ name, labels, value }) => `${name}${keyOf(labels)} ${value}`)
    .sort();
  const targets: readonly Readonly<Record<string, unknown>>[] = JSON.parse(list).data.targets;
  return { samples, targets: targets.map(({ since: _since, nextPoll: _next, ...rest }) => rest) };
}

function keyOf(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).sort());
}
