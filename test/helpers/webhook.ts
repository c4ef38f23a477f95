// The webhook for events on a server of its own, and what EventBridge sends to it.
import { sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
} from 'node:http';
import type { ExecutionContext } from 'ava';
import type { EventLabels, RegistryEvent, WebhookSettings } from '../../src/model/events.ts';
import { type Clock, systemClock } from '../../src/util/clock.ts';
import { createLogger } from '../../src/util/logger.ts';
import { Redactor } from '../../src/util/redactor.ts';
import { EventWebhook, type WebhookOptions } from '../../src/web/events/event-webhook.ts';
import type { WebServerOptions } from '../../src/web/server.ts';
import { startRoutes } from './routes.ts';
import type { RunningServer } from './web-server.ts';

export const TOKEN = 'token-of-the-tests';
export const REGION = 'cn-hangzhou';
export const CERTIFICATE_URL = `https://${REGION}-eventbridge.oss-accelerate.aliyuncs.com/x509_public_certificate_1.pem`;

/** A certificate with an RSA key, and its key. */
export const CERTIFICATE = readFileSync(new URL('../fixtures/tls/rsa-server.crt', import.meta.url), 'utf8');
const KEY = readFileSync(new URL('../fixtures/tls/rsa-server.key', import.meta.url));

export type Posting = {
  readonly body?: string | Buffer;
  readonly method?: string;
  readonly path?: string;
  readonly headers?: OutgoingHttpHeaders;
};

export type Posted = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: string };

export type RunningWebhook = RunningServer & {
  readonly webhook: EventWebhook;
  /** The events that were taken, in their order. */
  readonly received: readonly RegistryEvent[];
  /** What was counted, as `OUTCOME`, each with its number. */
  readonly counted: () => Readonly<Record<string, number>>;
  readonly labels: readonly EventLabels[];
  /** The URLs of the certificates that were fetched. */
  readonly fetched: readonly string[];
  readonly failures: readonly unknown[];
  readonly stop: () => void;
  /** Sends an event with the token, in JSON; `headers` replace the usual ones, undefined leaves one out. */
  readonly post: (posting?: Posting) => Promise<Posted>;
};

export type WebhookTestOptions = Partial<
  Pick<WebhookOptions, 'fetchCertificate' | 'receive' | 'certificateOrigin' | 'externalUrl' | 'routePrefix'>
> & {
  readonly settings?: WebhookSettings;
  readonly clock?: Clock;
  readonly env?: Readonly<Record<string, string>>;
  readonly server?: Partial<WebServerOptions>;
  /** Of TLS and passwords. */
  readonly webConfig?: string;
};

export const BY_ENV: WebhookSettings = { token: { from: 'env', name: 'TOKEN' }, signature: false };

/** Starts the routes with a webhook, whose token is {@link TOKEN} unless the test wants another. */
export async function startWebhook(t: ExecutionContext, options: WebhookTestOptions = {}): Promise<RunningWebhook> {
  const received: RegistryEvent[] = [];
  const labels: EventLabels[] = [];
  const counts: Record<string, number> = {};
  const log: string[] = [];
  const fetched: string[] = [];
  const failures: unknown[] = [];
  const redactor = new Redactor();
  const stopping = new AbortController();
  t.teardown(() => stopping.abort());
  const { fetchCertificate = async () => CERTIFICATE, receive = (event: RegistryEvent) => void received.push(event) } =
    options;
  const failed = (error: unknown) => void failures.push(error);
  const { externalUrl = '', routePrefix = '' } = options;
  const paths = { externalUrl, routePrefix };
  const webhook = new EventWebhook({
    clock: options.clock ?? systemClock,
    logger: createLogger({ level: 'debug', format: 'logfmt', redactor, write: (line) => log.push(line) }),
    redactor,
    env: options.env ?? { TOKEN },
    stopping: stopping.signal,
    ...paths,
    meter: {
      eventsReceived: (each, count) => {
        labels.push(each);
        counts[each.outcome] = (counts[each.outcome] ?? 0) + count;
      },
    },
    receive,
    failed,
    fetchCertificate: (url) => {
      fetched.push(url);
      return fetchCertificate(url);
    },
    ...(options.certificateOrigin !== undefined && { certificateOrigin: options.certificateOrigin }),
  });
  webhook.configure(options.settings ?? BY_ENV, [REGION]);
  const serverOptions = { hasOwnProof: (request: IncomingMessage) => webhook.isFor(request), ...options.server };
  const server = await startRoutes(t, { events: webhook, failed, ...paths }, serverOptions, options.webConfig);
  return {
    ...server,
    webhook,
    received,
    labels,
    counted: () => ({ ...counts }),
    log,
    fetched,
    failures,
    stop: () => stopping.abort(),
    post: (posting) => post(server.port, posting),
  };
}

/** Sends an event to a webhook. */
export function post(port: number, posting: Posting = {}): Promise<Posted> {
  const { body = scanCompleted(), method = 'POST', path = '/api/v1/events', headers = {} } = posting;
  return new Promise((resolve, reject) => {
    const bytes = Buffer.from(body);
    const all: OutgoingHttpHeaders = {
      'content-type': 'application/cloudevents+json',
      'x-eventbridge-signature-token': TOKEN,
      'content-length': bytes.length,
      ...headers,
    };
    const sent = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
    const request = httpRequest({ host: '127.0.0.1', port, method, path, agent: false, headers: sent });
    request.on('error', reject);
    request.on('response', (response) => {
      let text = '';
      response.on('data', (part: Buffer) => {
        text += part.toString();
      });
      response.on('error', reject);
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
      });
    });
    request.end(bytes);
  });
}

/** An event as EventBridge documents it; `changes` replace fields of the envelope, `data` those within, undefined leaves one out. */
export function cloudEvent(
  changes: Readonly<Record<string, unknown>> = {},
  data: Readonly<Record<string, unknown>> = {},
) {
  return {
    id: '45ef4dew-7c35-447a-bd93-fab1',
    source: 'acs.cr',
    specversion: '1.0',
    subject: 'acs.cr:cn-hangzhou:123456789098:215672',
    time: '2026-01-01T08:00:41+08:00',
    type: 'cr:Artifact:ScanCompleted',
    aliyunaccountid: '123456789098',
    aliyunpublishtime: '2026-01-01T08:00:42Z',
    aliyuneventbusname: 'default',
    aliyunregionid: REGION,
    data: {
      RegionId: REGION,
      InstanceId: 'cri-1',
      InstanceName: 'shop',
      RepoId: 'crr-1',
      RepoName: 'api',
      RepoNamespaceName: 'shop',
      Tag: 'latest',
      ImageUpdate: '2026-01-01 07:59:12',
      Status: 'COMPLETE',
      HighSeverity: 1,
      MediumSeverity: '2',
      ...data,
    },
    ...changes,
  };
}

export function scanCompleted(changes: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify(cloudEvent(changes));
}

export type Signing = {
  readonly url: string;
  readonly body: string;
  readonly timeMs?: number;
  readonly token?: string;
  readonly certificateUrl?: string;
  /** What the signed text ends with, after the body. */
  readonly ending?: string;
  readonly key?: Buffer;
};

/** The headers of a request that EventBridge has signed. */
export function signedHeaders({ url, body, timeMs = Date.now(), ...more }: Signing): Record<string, string> {
  const { token = TOKEN, certificateUrl = CERTIFICATE_URL, ending = '', key = KEY } = more;
  const headers = {
    'x-eventbridge-signature-timestamp': String(timeMs),
    'x-eventbridge-hash-method': 'SHA256',
    'x-eventbridge-signature-version': '1.0',
    'x-eventbridge-signature-url': certificateUrl,
    'x-eventbridge-signature-token': token,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const text = `${url}\n${lines.join('\n')}\n${body}${ending}`;
  return { ...headers, 'x-eventbridge-signature-v2': sign('RSA-SHA256', Buffer.from(text), key).toString('base64') };
}
