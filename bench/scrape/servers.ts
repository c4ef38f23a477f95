// The measured servers: they serve the same series on /metrics. Each is a function of the number of tags.
import type { RequestListener } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { Gauge, Registry } from 'prom-client';
import { Exposition } from '../../src/metrics/exposition.ts';
import { SelfMetrics } from '../../src/metrics/self-metrics.ts';
import { SCAN_STATUSES } from '../../src/model/scan.ts';
import type { RepositoryTotals, StoreObserver, WatchedTag } from '../../src/state/store.ts';
import { readSelection } from '../../src/web/request.ts';
import { sendChunks } from '../../src/web/responses.ts';
import { type ChangeKind, INSTANCE_ID, InventedTags } from './tags.ts';

export type MeasuredServer = {
  readonly listener: RequestListener;
  readonly change: (count: number, kind: ChangeKind) => void;
};

export const SERVERS = {
  /** This exporter. */
  exporter: (tags: number): MeasuredServer => {
    const exposition = makeExposition();
    const invented = new InventedTags(tags, exposition);
    return { listener: expositionListener(exposition), change: (count, kind) => invented.change(count, kind) };
  },
  /** The same bytes from one buffer: the lower limit. */
  buffer: async (tags: number): Promise<MeasuredServer> => {
    const exposition = makeExposition();
    const invented = new InventedTags(tags, exposition);
    const page = async (gzip: boolean) => Buffer.concat((await exposition.scrape({ format: 'text', gzip })).chunks);
    const pages = { identity: await page(false), gzip: await page(true) };
    return {
      listener: (request, response) => {
        const encoding = request.headers['accept-encoding'] === 'gzip' ? 'gzip' : 'identity';
        response.writeHead(200, { 'Content-Encoding': encoding, 'Content-Length': pages[encoding].length });
        response.end(pages[encoding]);
      },
      change: (count, kind) => invented.change(count, kind),
    };
  },
  /** prom-client's registry as it is commonly used, with gauges for the same series. */
  'prom-client': (tags: number): MeasuredServer => {
    const observer = new StockGauges();
    const invented = new InventedTags(tags, observer);
    return {
      listener: (request, response) => observer.serve(request.headers['accept-encoding'] === 'gzip', response),
      change: (count, kind) => invented.change(count, kind),
    };
  },
} as const satisfies Record<string, (tags: number) => MeasuredServer | Promise<MeasuredServer>>;

export type ServerName = keyof typeof SERVERS;

function makeExposition(): Exposition {
  const own = new SelfMetrics({
    schedulers: () => [],
    discoveries: () => [],
    events: () => [],
    saves: () => undefined,
    droppedLogLines: () => 0,
    processMetrics: true,
  });
  own.setInstances([INSTANCE_ID]);
  return new Exposition(own);
}

function expositionListener(exposition: Exposition): RequestListener {
  return async (request, response) => {
    const gzip = request.headers['accept-encoding'] === 'gzip';
    const selection = readSelection(new URL(request.url ?? '/', 'http://localhost').searchParams);
    const { chunks, length, contentType, done } = await exposition.scrape({ format: 'text', gzip, selection });
    const encoding = gzip ? 'gzip' : 'identity';
    response.writeHead(200, { 'Content-Type': contentType, 'Content-Encoding': encoding, 'Content-Length': length });
    await sendChunks(response, chunks);
    done();
  };
}

const gzipAsync = promisify(gzip);
const REPOSITORY_LABELS = ['instance_id', 'repo_namespace', 'repo_name'];
const TAG_LABELS = [...REPOSITORY_LABELS, 'tag'];

class StockGauges implements StoreObserver {
  readonly #registry = new Registry();
  readonly #tags = this.#gauge('acr_scan_tags', [...REPOSITORY_LABELS, 'status']);
  readonly #status = this.#gauge('acr_scan_tag_status', [...TAG_LABELS, 'status']);
  readonly #since = this.#gauge('acr_scan_tag_status_since_timestamp_seconds', TAG_LABELS);
  readonly #lastSuccess = this.#gauge('acr_scan_tag_last_success_timestamp_seconds', TAG_LABELS);
  readonly #pollSuccess = this.#gauge('acr_scan_tag_poll_success', TAG_LABELS);
  readonly #info = this.#gauge('acr_scan_tag_info', [...TAG_LABELS, 'repo_id', 'digest', 'scan_service', 'image']);

  async serve(compressed: boolean, response: Parameters<RequestListener>[1]): Promise<void> {
    const text = await this.#registry.metrics();
    const body = compressed ? await gzipAsync(text) : text;
    response.writeHead(200, { 'Content-Encoding': compressed ? 'gzip' : 'identity' }).end(body);
  }

  tagAdded(tag: WatchedTag): void {
    this.tagChanged(tag);
  }

  tagChanged({ target, state }: WatchedTag): void {
    const { repository, tag, digest } = target;
    const labels = { ...repositoryLabels(target), tag };
    for (const status of SCAN_STATUSES) {
      if (status === state.status) this.#status.set({ ...labels, status }, 1);
      else this.#status.remove({ ...labels, status });
    }
    this.#since.set(labels, state.sinceMs / 1000);
    if (state.lastSuccessMs === undefined) return;
    this.#lastSuccess.set(labels, state.lastSuccessMs / 1000);
    this.#pollSuccess.set(labels, 1);
    const image = `${repository.domain}/${repository.namespace}/${repository.name}:${tag}`;
    this.#info.set({ ...labels, repo_id: repository.id, digest, scan_service: state.scanService, image }, 1);
  }

  repositoryAdded(totals: RepositoryTotals): void {
    this.repositoryChanged(totals);
  }

  repositoryChanged({ repository, counts }: RepositoryTotals): void {
    for (const status of SCAN_STATUSES) this.#tags.set({ ...repositoryLabels({ repository }), status }, counts[status]);
  }

  tagRemoved(): void {}
  repositoryRemoved(): void {}

  #gauge(name: string, labelNames: string[]): Gauge {
    return new Gauge({ name, help: name, labelNames, registers: [this.#registry] });
  }
}

function repositoryLabels({ repository }: { repository: RepositoryTotals['repository'] }) {
  return { instance_id: repository.instanceId, repo_namespace: repository.namespace, repo_name: repository.name };
}
