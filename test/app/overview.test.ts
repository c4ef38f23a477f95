// What the exporter tells of its tags as JSON: where they come from, and what their scans found.
import test from 'ava';
import { eventually } from '../helpers/eventually.ts';
import {
  type ConfigurationInput,
  configurationFor,
  instanceAt,
  startExporter,
  startSimulator,
} from '../helpers/exporter.ts';

const LONG = { scanning: '1h', complete: '1h', failed: '1h' };
const NONE = { high: 0, medium: 0, low: 0, unknown: 0 };

const SCENARIO = {
  instances: [
    {
      id: 'cri-1',
      repositories: [
        {
          namespace: 'shop',
          name: 'api',
          id: 'crr-api',
          tags: [
            { tag: 'listed', status: 'COMPLETE', vulnerabilities: { high: 3, medium: 2, low: 1, unknown: 4 } },
            { tag: 'clean', status: 'COMPLETE', vulnerabilities: NONE },
            { tag: 'refused', status: 'COMPLETE' },
            { tag: 'failed', status: 'FAILED' },
          ],
        },
        { namespace: 'shop', name: 'quiet', id: 'crr-quiet', tags: [{ tag: 'unasked', status: 'COMPLETE' }] },
      ],
    },
  ],
  faults: [
    {
      operation: 'GetRepoTagScanSummary' as const,
      tag: 'refused',
      error: { code: 'NoPrivilege', message: 'Not you.' },
    },
  ],
};

/** Lists one tag and discovers the others, of `shop/quiet` without asking what was found. */
function configurationAt(address: string): ConfigurationInput {
  const repositories = [{ namespace: 'shop', name: 'api', id: 'crr-api', tags: ['listed'] }];
  const discover = [{ repositories: ['quiet'], vulnerabilities: false }, { namespaces: ['shop'] }];
  return configurationFor(address, {
    intervals: LONG,
    backoff: { initial: '1h', max: '1h' },
    vulnerabilities: true,
    instances: [instanceAt(address, { repositories, discover })],
  });
}

type Target = {
  readonly tag: string;
  readonly source: string;
  readonly vulnerabilities: unknown;
  readonly vulnerabilitiesError: {
    readonly code: string;
    readonly message: string;
    readonly requestId: string;
    readonly time: string;
  } | null;
};

async function ask(url: string, query = ''): Promise<readonly Target[]> {
  const response = await fetch(`${url}/api/v1/targets?${query}`);
  const { data } = (await response.json()) as { readonly data: { readonly targets: readonly Target[] } };
  return data.targets;
}

const names = (targets: readonly Target[]) => targets.map(({ tag }) => tag).sort();

test('a row of the page has the source of a tag, what its scan found, and why that is not known', async (t) => {
  const startedMs = Date.now();
  const simulator = await startSimulator(t, SCENARIO);
  const { url } = await startExporter(t, configurationAt(simulator.address));
  const targets = await eventually('all were asked', async () => {
    const found = await ask(url);
    const answered = found.filter(
      ({ vulnerabilities, vulnerabilitiesError }) => vulnerabilities ?? vulnerabilitiesError,
    );
    const polls = simulator.requests().filter(({ action }) => action === 'GetRepoTagScanStatus');
    return found.length === 5 && answered.length === 3 && polls.length === 5 ? found : undefined;
  });
  const byName = new Map(targets.map(({ tag, source, vulnerabilities }) => [tag, { source, vulnerabilities }]));
  t.deepEqual(Object.fromEntries(byName), {
    listed: { source: 'listed', vulnerabilities: { high: 3, medium: 2, low: 1, unknown: 4 } },
    clean: { source: 'discovered', vulnerabilities: NONE },
    refused: { source: 'discovered', vulnerabilities: null },
    failed: { source: 'discovered', vulnerabilities: null },
    unasked: { source: 'discovered', vulnerabilities: null },
  });
  const errors = targets.filter(({ vulnerabilitiesError }) => vulnerabilitiesError !== null);
  t.deepEqual(names(errors), ['refused']);
  const { code, message, requestId, time } = errors[0]?.vulnerabilitiesError ?? t.fail();
  t.deepEqual([code, message], ['NoPrivilege', 'HTTP 403: Not you.']);
  t.regex(requestId, /^[0-9A-F-]{36}$/);
  t.true(Date.parse(time) >= startedMs && Date.parse(time) <= Date.now(), time);

  t.deepEqual(names(await ask(url, 'source=listed')), ['listed']);
  t.deepEqual(names(await ask(url, 'source=discovered')), ['clean', 'failed', 'refused', 'unasked']);
  t.deepEqual(names(await ask(url, 'severity=high')), ['listed']);
  t.deepEqual(names(await ask(url, 'q=noprivilege')), ['refused']);
  t.is((await fetch(`${url}/api/v1/targets?source=both`)).status, 400);
});

/** What a browser would show of a part of the page: tags away. */
async function textOf(url: string, part: RegExp): Promise<string | undefined> {
  const html = await (await fetch(url)).text();
  const [found] = part.exec(html) ?? [];
  return found
    ?.replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

const DISCOVERY = /<th[^>]*><span class="quiet">Discovery<\/span> <bdi>cri-1<\/bdi>.*?<\/tr>/s;

test('the page shows the state of discovery: what it found, what it left out, and its last error', async (t) => {
  const simulator = await startSimulator(t, SCENARIO);
  const found = { ...configurationAt(simulator.address), max_tags: 3, discovery_interval: '200ms' };
  const { url, write, app } = await startExporter(t, found);
  const shown = await eventually('a pass', async () => {
    const text = await textOf(url, DISCOVERY);
    return text?.includes('truncated') ? text : undefined;
  });
  t.regex(shown, /^Discovery cri-1 truncated: more than max_tags \(3\) 2 tags found ; rule 1: .* \d+ s ago$/);

  simulator.setFaults([{ operation: 'ListRepository', error: { code: 'NoPrivilege', message: 'Not this list.' } }]);
  const failing = await eventually('a pass that fails', async () => {
    const text = await textOf(url, DISCOVERY);
    return text?.includes('failing') ? text : undefined;
  });
  t.regex(failing, /failing NoPrivilege .*HTTP 403: Not this list\. \d+ s ago RequestId [0-9A-F-]{36}/);
  t.regex(failing, /2 tags found/, 'a failed pass removes nothing');

  write(configurationFor(simulator.address));
  t.deepEqual(await app.reload(), { problems: [] });
  t.is(await textOf(url, DISCOVERY), undefined, 'no line where nothing is discovered');
});

test('the page adds up what was found in all tags, and says of how many that is known', async (t) => {
  const simulator = await startSimulator(t, SCENARIO);
  const { url } = await startExporter(t, configurationAt(simulator.address));
  const summary = /<h3>Vulnerabilities<\/h3>.*?<\/p>/s;
  const shown = await eventually('two tags that are known', async () => {
    const text = await textOf(url, summary);
    return text?.endsWith('known of 2 of 4 tags') ? text : undefined;
  });
  t.is(shown, 'Vulnerabilities 3 high 2 medium 1 low 4 unknown known of 2 of 4 tags');
});

const VERDICT = /<p class="sentence">.*?<\/p>/s;

test('the page says first what is wrong and where, and leads to it, from the sums down to a tag with its history', async (t) => {
  const simulator = await startSimulator(t, SCENARIO);
  const { url, write, app } = await startExporter(t, configurationAt(simulator.address));
  await eventually('the failed scan', async () =>
    (await textOf(url, VERDICT)) === '1 scan failed in shop/api' ? true : undefined,
  );
  const html = await (await fetch(url)).text();
  t.regex(html, /<title>✕ 1 scan failed in shop\/api · acr-scan-exporter<\/title>/);
  t.regex(html, /href="\.\/\?repository=shop%2Fapi&amp;status=failed#targets">1</, 'the number of the repository');
  const rows = async (query: string) =>
    (await (await fetch(`${url}/${query}`)).text()).match(/<tr class="row">/g)?.length;
  t.is(await rows('?repository=shop/api&status=failed'), 1);
  t.is(await rows('?repository=shop/api'), 4);
  t.is(await rows('?repository=shop/quiet'), 1);
  t.is(await rows('?repository=shop/qui'), undefined);
  t.regex(await (await fetch(`${url}/?by=repository`)).text(), /1 to 1 of 1 repository with problems/);

  simulator.setStatus('cri-1', 'crr-api', 'listed', 'FAILED');
  write({ ...configurationAt(simulator.address), intervals: { complete: '100ms' } });
  t.deepEqual(await app.reload(), { problems: [] });
  const tag = `${url}/?repository=shop/api&tag=listed`;
  const text = await eventually('the change of the status', async () => {
    const found = await textOf(tag, /<article.*?<\/article>/s);
    return found?.includes('failed from') ? found : undefined;
  });
  t.regex(text, /failed from .* complete from /);
  t.regex(text, /acr_scan_tag_status\{instance_id=&quot;cri-1&quot;,.*,tag=&quot;listed&quot;\}/);
  t.regex(text, /aliyun cr GetRepoTagScanStatus --InstanceId cri-1 --RepoId crr-api --Tag listed/);

  write('instances: [');
  t.not((await app.reload()).problems.length, 0);
  t.regex((await textOf(url, VERDICT)) ?? '', /^The reload of the configuration failed 0 s ago: \d+ problem/);
});
