// A real Prometheus answers the queries of docs/metrics.md, with what must come of them where that can be told: joins with running pods.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { eventually } from '../helpers/eventually.ts';
import { configurationFor, instanceAt, startExporter, startSimulator } from '../helpers/exporter.ts';
import { Prometheus } from './helpers/prometheus.ts';

const DIGEST = `sha256:${'67'.repeat(32)}`;
const OTHER_DIGEST = `sha256:${'11'.repeat(32)}`;
const DOMAIN = 'shop-registry.cn-hangzhou.cr.aliyuncs.com';
const VPC_DOMAIN = 'shop-registry-vpc.cn-hangzhou.cr.aliyuncs.com';
const BAD = { high: 3, medium: 2, low: 1, unknown: 0 };
const CLEAN = { high: 0, medium: 0, low: 0, unknown: 0 };

/** What pods ask for, what the node calls it, and what it is. */
const PODS = [
  { pod: 'plain', spec: `${DOMAIN}/shop/api:bad`, image: `${DOMAIN}/shop/api:another`, digest: OTHER_DIGEST },
  { pod: 'in-vpc', spec: `${VPC_DOMAIN}/shop/api:bad`, image: `${VPC_DOMAIN}/shop/api:bad`, digest: OTHER_DIGEST },
  { pod: 'pinned', spec: `${DOMAIN}/shop/api:bad@${DIGEST}`, image: DIGEST, digest: DIGEST },
  { pod: 'digest-alone', spec: `${DOMAIN}/shop/api@${DIGEST}`, image: DIGEST, digest: DIGEST },
  { pod: 'clean', spec: `${DOMAIN}/shop/api:clean`, image: `${DOMAIN}/shop/api:clean`, digest: OTHER_DIGEST },
  { pod: 'failed', spec: `${DOMAIN}/shop/api:1.10`, image: `${DOMAIN}/shop/api:1.10`, digest: OTHER_DIGEST },
  { pod: 'elsewhere', spec: 'docker.io/shop/api:bad', image: 'docker.io/shop/api:bad', digest: OTHER_DIGEST },
  {
    pod: 'finished',
    spec: `${DOMAIN}/shop/api:bad`,
    image: `${DOMAIN}/shop/api:bad`,
    digest: OTHER_DIGEST,
    running: 0,
  },
];

/** Serves what kube-state-metrics says of the pods. */
function startKubeStateMetrics(t: ExecutionContext): Promise<string> {
  const page = PODS.map(({ pod, spec, image, digest, running = 1 }) => {
    const labels = `namespace="prod",pod="${pod}",uid="1",container="main"`;
    const names = `image_spec="${spec}",image="${image}",image_id="${DOMAIN}/shop/api@${digest}",container_id="containerd://1"`;
    return `kube_pod_container_info{${labels},${names}} 1\nkube_pod_container_status_running{${labels}} ${running}\n`;
  });
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'text/plain; version=0.0.4').end(page.join(''));
  });
  t.teardown(() => server.close());
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(`127.0.0.1:${(server.address() as AddressInfo).port}`));
  });
}

/** The queries of a page by the line before each. */
function documentedQueries(): readonly { question: string; query: string }[] {
  const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
  return [...page.matchAll(/(?:^|\n)([^\n]+)\n\n```promql\n([\s\S]*?)```/g)].map(([, question = '', query = '']) => ({
    question,
    query,
  }));
}

test('documented queries are answered, and find the pods that run what they ask for', async (t) => {
  const tags = [
    { tag: 'bad', status: 'COMPLETE', digest: DIGEST, vulnerabilities: BAD },
    { tag: 'clean', status: 'COMPLETE', vulnerabilities: CLEAN },
    { tag: '1.10', status: 'FAILED' },
  ] as const;
  const repository = { namespace: 'shop', name: 'api', id: 'crr-1' };
  const simulator = await startSimulator(t, {
    instances: [{ id: 'cri-1', repositories: [{ ...repository, tags: [...tags] }] }],
  });
  const watched = [{ tag: 'bad', digest: DIGEST }, 'clean', '1.10'];
  const instance = instanceAt(simulator.address, { domain: DOMAIN, repositories: [{ ...repository, tags: watched }] });
  const { url } = await startExporter(
    t,
    configurationFor(simulator.address, { vulnerabilities: true, instances: [instance] }),
  );
  const { host } = new URL(url);
  // Two replicas of the exporter, which must not disturb a join.
  const replicas = ['replica-1', 'replica-2'].map((name) => ({ targets: [host], labels: { instance: name } }));
  const prometheus = await Prometheus.start(t, `${url}/metrics`, {
    honor_labels: true,
    static_configs: [...replicas, { targets: [await startKubeStateMetrics(t)] }],
  });
  const queries = documentedQueries();
  t.true(queries.length > 12);
  const about = (text: string) => queries.find(({ question }) => question.includes(text))?.query ?? '';
  const podsWith = async (query: string) =>
    (await prometheus.query(query)).map(({ metric, value }) => `${metric.pod}: ${value}`).sort();
  const expected = [
    [about('image with vulnerabilities of high severity'), ['in-vpc: 3', 'pinned: 3', 'plain: 3']],
    [about('image whose scan failed'), ['failed: 1']],
    [about('their platform'), ['digest-alone: 3', 'pinned: 3']],
  ] as const;
  for (const [query, pods] of expected) {
    let found: readonly string[] = [];
    await eventually(
      pods.join(', '),
      async () => {
        found = await podsWith(query);
        return found.join() === pods.join() || undefined;
      },
      () => `found ${found.join(', ')}`,
    );
  }
  for (const { question, query } of queries) await t.notThrowsAsync(prometheus.query(query), question);
});
