// Asks the exporter for its metrics as different scrapers do.
import { request } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { parseExposition } from './exposition.ts';
import type { Life, Scrape } from './record.ts';

export type Mode = { readonly name: string; readonly headers: Readonly<Record<string, string>> };

/** Every way to scrape. To add one, add it to the list. */
export const MODES: readonly Mode[] = [
  { name: 'text', headers: {} },
  { name: 'text, gzip', headers: { accept: 'text/plain;version=0.0.4', 'accept-encoding': 'gzip' } },
  { name: 'OpenMetrics', headers: { accept: 'application/openmetrics-text;version=1.0.0' } },
  {
    name: 'as Prometheus asks',
    headers: {
      accept:
        'application/openmetrics-text;version=1.0.0;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1',
      'accept-encoding': 'gzip',
    },
  },
];

export type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
};

/** One request over a connection of its own; rejects when there is no whole answer in time. */
export function get(url: string, headers: Readonly<Record<string, string>>, timeoutMs: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asking = request(url, { headers, agent: false, signal: AbortSignal.timeout(timeoutMs) }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    });
    asking.on('error', reject);
    asking.end();
  });
}

export async function scrape(
  url: string,
  { number: life, clock }: Pick<Life, 'number' | 'clock'>,
  mode: Mode,
  timeoutMs: number,
): Promise<Scrape> {
  const sentAt = Date.now();
  const { status, headers, body } = await get(`${url}/metrics`, mode.headers, timeoutMs);
  const answeredAt = Date.now();
  if (status !== 200) throw new Error(`expected a scrape to be answered with 200, found ${status}`);
  const text = (headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString();
  const isOpenMetrics = String(headers['content-type']).startsWith('application/openmetrics-text');
  return { life, clock, sentAt, answeredAt, mode: mode.name, exposition: parseExposition(text, isOpenMetrics) };
}
