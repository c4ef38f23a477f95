// What the simulator shows of itself: a page for people, the truth about every tag, the log of requests; and faults to set.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { faultsSchema } from './fault-schema.ts';
import { readBody, targetOf } from './incoming.ts';
import { check, ScenarioError } from './problems.ts';
import type { Simulation } from './simulation.ts';
import { truthOf } from './truth.ts';

const LARGEST_FAULTS = 2 ** 20;
const DEFAULT_LIMIT = 10_000;
const JSON_TYPE = 'application/json; charset=utf-8';

type Page = {
  readonly methods: readonly string[];
  readonly serve: (simulation: Simulation, query: URLSearchParams, request: IncomingMessage) => Reply | Promise<Reply>;
};
type Reply = { readonly status: number; readonly type: string; readonly body: string };

const READ = ['GET', 'HEAD'];

const PAGES: Readonly<Record<string, Page>> = {
  '/': { methods: [...READ, 'POST'], serve: welcome }, // POST itself goes to the API
  '/_sim/state': { methods: READ, serve: (simulation) => json(200, truthOf(simulation)) },
  '/_sim/requests': { methods: READ, serve: requests },
  '/_sim/faults': { methods: ['PUT'], serve: (simulation, _query, request) => putFaults(simulation, request) },
};

/** Answers a request that is not one to the API. */
export async function servePage(
  simulation: Simulation,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { path, query } = targetOf(request);
  const page = Object.hasOwn(PAGES, path) ? PAGES[path] : undefined;
  if (!page) return send(response, text(404, 'Nothing here; see /.\n'));
  if (!page.methods.includes(request.method ?? '')) {
    response.setHeader('allow', page.methods.join(', '));
    return send(response, text(405, `Expected ${page.methods.join(' or ')}.\n`));
  }
  send(response, await page.serve(simulation, new URLSearchParams(query), request));
}

function send(response: ServerResponse, { status, type, body }: Reply): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

function text(status: number, body: string): Reply {
  return { status, type: 'text/plain; charset=utf-8', body };
}

function json(status: number, value: unknown): Reply {
  return { status, type: JSON_TYPE, body: `${JSON.stringify(value)}\n` };
}

function welcome({ registry, log }: Simulation): Reply {
  const repositories = [...registry.values()].flatMap((instance) => instance.repositories);
  const tags = repositories.reduce((sum, repository) => sum + repository.tags.size, 0);
  return text(
    200,
    `acr-simulator: an API of Alibaba Cloud Container Registry (2018-12-01) on this machine.

${registry.size} instances, ${repositories.length} repositories, ${tags} tags; ${log.total} requests so far.

GET /_sim/state      the truth about every tag
GET /_sim/requests   the log of requests, ?since=INDEX&limit=NUMBER
PUT /_sim/faults     other faults, a JSON list as in the scenario
`,
  );
}

function requests({ log }: Simulation, query: URLSearchParams): Reply {
  const since = wholeNumber(query.get('since') ?? '0');
  const limit = wholeNumber(query.get('limit') ?? String(DEFAULT_LIMIT));
  if (since === undefined || limit === undefined) return text(400, 'Expected whole numbers for since and limit.\n');
  const page = log.page(since, limit);
  const next = (page.at(-1)?.index ?? Math.max(since, log.first) - 1) + 1;
  return json(200, { first: log.first, next, total: log.total, requests: page });
}

async function putFaults(simulation: Simulation, request: IncomingMessage): Promise<Reply> {
  try {
    const faults = check(faultsSchema, parseJson(await readBody(request, LARGEST_FAULTS)), ['faults']);
    simulation.setFaults(faults);
    return json(200, { faults: faults.length });
  } catch (error) {
    if (error instanceof ScenarioError) return json(400, { problems: error.message.split('\n') });
    throw error;
  }
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    throw new ScenarioError([{ path: ['faults'], message: 'expected a JSON list, found no JSON' }]);
  }
}

function wholeNumber(written: string): number | undefined {
  return /^\d{1,15}$/.test(written) ? Number(written) : undefined;
}
