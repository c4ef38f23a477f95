// The page of an exporter that shows problems only, first scraped when nearly all tags are already complete.
import test from 'ava';
import { eventually } from '../helpers/eventually.ts';
import { configurationFor, type Exporter, instanceAt, startExporter, startSimulator } from '../helpers/exporter.ts';
import { parsePage } from '../helpers/exposition.ts';

const MANY = 130;
const FAILED = `v${MANY - 1}`;

/** Waits for every tag to be answered without scraping. */
async function untilAllAnswered({ url, log }: Exporter): Promise<void> {
  const totalOf = async (query: string) => {
    const answer = await fetch(`${url}/api/v1/targets?${query}`);
    return /"total":(\d+)/.exec(await answer.text())?.[1];
  };
  await eventually(
    'all tags are answered',
    async () => {
      const totals = [await totalOf('status=complete'), await totalOf('status=failed')];
      return totals.join() === `${MANY - 1},1` || undefined;
    },
    () => log.slice(-10).join(''),
  );
}

for (const encoding of ['identity', 'gzip']) {
  test(`with problems only, the first scrape of ${MANY} tags of which the last has failed shows that one: ${encoding}`, async (t) => {
    const names = Array.from({ length: MANY }, (_, index) => `v${index}`);
    const tags = names.map((tag) => ({ tag, status: tag === FAILED ? 'FAILED' : 'COMPLETE' }) as const);
    const repository = { namespace: 'shop', name: 'api', id: 'crr-1' };
    const simulator = await startSimulator(t, {
      instances: [{ id: 'cri-1', repositories: [{ ...repository, tags }] }],
    });
    const exporter = await startExporter(
      t,
      configurationFor(simulator.address, {
        metrics: { per_tag: 'problems' },
        instances: [instanceAt(simulator.address, { repositories: [{ ...repository, tags: names }] })],
      }),
    );
    await untilAllAnswered(exporter);
    const answer = await fetch(`${exporter.url}/metrics`, {
      headers: { 'accept-encoding': encoding },
      signal: AbortSignal.timeout(20_000),
    });
    t.is(answer.status, 200);
    const { families } = parsePage(await answer.text());
    const shown = families.get('acr_scan_tag_status')?.samples.map(({ labels }) => [labels.tag, labels.status]);
    t.deepEqual(shown, [[FAILED, 'failed']]);
  });
}
