// The admin API of the simulator: an overview, the true state of every tag, the log of requests, and changes of the running simulation.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { check, ScenarioError } from './check-scenario.ts';
import { changedDelivery, deliverySchema } from './event-settings.ts';
import { faultsSchema } from './faults.ts';
import { readBody, targetOf } from './http-messages.ts';
import { addRepository, deleteRepository, deleteTag, pushTag, RegistryError } from './registry-changes.ts';
import { keysSchema, latencySchema } from './scenario.ts';
import { CERTIFICATE_PATH, type Simulation } from './simulation.ts';
import { countTags, truthOf } from './truth.ts';

const MAX_CHANGE_BYTES = 2 ** 20;
const DEFAULT_LIMIT = 10_000;
const PEM_TYPE = 'application/x-pem-file';
const JSON_TYPE = 'application/json; charset=utf-8';

type AdminPage = {
  readonly methods: readonly string[];
  readonly serve: (
    simulation: Simulation,
    query: URLSearchParams,
    request: IncomingMessage,
  ) => AdminReply | Promise<AdminReply>;
};
type AdminReply = { readonly status: number; readonly type: string; readonly body: string };

/** Makes the change in `input`, and gives its result. */
type Change = (simulation: Simulation, input: unknown) => unknown;

const HTTP_STATUS = { missing: 404, taken: 409 } as const;
const READ = ['GET', 'HEAD'];

const PAGES: Readonly<Record<string, AdminPage>> = {
  '/': { methods: [...READ, 'POST'], serve: overview }, // a POST itself goes to the API
  '/_sim/state': { methods: READ, serve: (simulation) => json(200, truthOf(simulation)) },
  '/_sim/requests': { methods: READ, serve: ({ log }, query) => logPage('requests', log, query) },
  '/_sim/events': readOrChange(events, changes({ PUT: setEvents, PATCH: changeEvents })),
  [CERTIFICATE_PATH]: {
    methods: READ,
    serve: ({ signer }) => ({ status: 200, type: PEM_TYPE, body: signer.certificate }),
  },
  '/_sim/faults': changes({ PUT: setFaults }),
  '/_sim/latency': changes({ PUT: setLatency }),
  '/_sim/keys': changes({ PUT: setKeys }),
  '/_sim/tags': changes({ POST: pushTag, DELETE: deleteTag }),
  '/_sim/repositories': changes({ POST: addRepository, DELETE: deleteRepository }),
};

/** Answers a request that is not for the ACR API. */
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

function send(response: ServerResponse, { status, type, body }: AdminReply): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

function text(status: number, body: string): AdminReply {
  return { status, type: 'text/plain; charset=utf-8', body };
}

function json(status: number, value: unknown): AdminReply {
  return { status, type: JSON_TYPE, body: `${JSON.stringify(value)}\n` };
}

function overview(simulation: Simulation): AdminReply {
  const { registry, log } = simulation;
  const repositories = [...registry.values()].reduce((sum, { size }) => sum + size, 0);
  return text(
    200,
    `acr-simulator: an API of Alibaba Cloud Container Registry (2018-12-01) on this machine.

${registry.size} instances, ${repositories} repositories, ${countTags(simulation)} tags; ${log.total} requests so far.

GET /_sim/state      the truth about every tag
GET /_sim/requests   the log of requests, ?since=INDEX&limit=NUMBER
GET /_sim/events     the log of events, ?since=INDEX&limit=NUMBER
PUT /_sim/faults     other faults, a JSON list as in the scenario
PUT /_sim/latency    another latency, as in the scenario
PUT /_sim/keys       other keys, a JSON list as in the scenario
PUT /_sim/events     another delivery of events, as in the scenario; null sends none
PATCH /_sim/events   changes of the delivery of events, with some of its keys

POST, DELETE /_sim/tags           push to a tag, delete it
POST, DELETE /_sim/repositories   add a repository, delete it
`,
  );
}

/** A log whose entries are numbered from 0 on. */
type Log = {
  readonly first: number;
  readonly total: number;
  readonly page: (since: number, limit: number) => readonly { readonly index: number }[];
};

function logPage(name: string, log: Log, query: URLSearchParams): AdminReply {
  const since = wholeNumber(query.get('since') ?? '0');
  const limit = wholeNumber(query.get('limit') ?? String(DEFAULT_LIMIT));
  if (since === undefined || limit === undefined) return text(400, 'Expected whole numbers for since and limit.\n');
  const page = log.page(since, limit);
  const next = (page.at(-1)?.index ?? Math.max(since, log.first) - 1) + 1;
  return json(200, { first: log.first, next, total: log.total, [name]: page });
}

function events(simulation: Simulation, query: URLSearchParams): AdminReply {
  simulation.elapsedMs(); // what is due happens
  return logPage('events', simulation.eventLog, query);
}

function setEvents(simulation: Simulation, input: unknown): unknown {
  const settings = input === null ? undefined : check(deliverySchema, input, ['events']);
  simulation.setDelivery(settings);
  return { sends: settings !== undefined };
}

function changeEvents(simulation: Simulation, input: unknown): unknown {
  simulation.setDelivery(changedDelivery(simulation.delivery, input));
  return { sends: true };
}

function setFaults(simulation: Simulation, input: unknown): unknown {
  const faults = check(faultsSchema, input, ['faults']);
  simulation.setFaults(faults);
  return { faults: faults.length };
}

function setLatency(simulation: Simulation, input: unknown): unknown {
  const latency = check(latencySchema, input, ['latency']);
  simulation.setLatency(latency);
  return latency;
}

function setKeys({ authenticator }: Simulation, input: unknown): unknown {
  const keys = check(keysSchema, input, ['keys']);
  authenticator.setKeys(keys);
  return { keys: keys.length };
}

/**
 * A page where each method makes a change and answers with its result or its problems. The input is JSON; that of DELETE is the query,
 * because many clients send no body with DELETE.
 */
function changes(byMethod: Readonly<Record<string, Change>>): AdminPage {
  return {
    methods: Object.keys(byMethod),
    async serve(simulation, query, request) {
      const body = await readBody(request, MAX_CHANGE_BYTES);
      const { method = '' } = request;
      try {
        const input = method === 'DELETE' ? Object.fromEntries(query) : parseJson(body);
        return json(200, byMethod[method]?.(simulation, input) ?? {});
      } catch (error) {
        if (error instanceof ScenarioError) return json(400, { problems: error.problems });
        if (error instanceof RegistryError) return json(HTTP_STATUS[error.reason], { problems: [error.message] });
        throw error;
      }
    },
  };
}

/** A page that a GET reads; other methods change. */
function readOrChange(read: AdminPage['serve'], change: AdminPage): AdminPage {
  const serve: AdminPage['serve'] = (simulation, query, request) =>
    READ.includes(request.method ?? '') ? read(simulation, query, request) : change.serve(simulation, query, request);
  return { methods: [...READ, ...change.methods], serve };
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    throw new ScenarioError(['expected JSON, found something else']);
  }
}

function wholeNumber(written: string): number | undefined {
  return /^\d{1,15}$/.test(written) ? Number(written) : undefined;
}
