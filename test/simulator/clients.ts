// Two ways to ask the simulator: the official SDK's core, and a plain HTTP client that signs by the book.
import { createHash, createHmac, randomUUID } from 'node:crypto';
import { type IncomingHttpHeaders, request } from 'node:http';
import { createRequire } from 'node:module';
import type { ExecutionContext } from 'ava';
import { DEFAULT_KEYS, type ScenarioInput } from '../../src/simulator/scenario.ts';
import { createSimulator, type Simulator, type SimulatorOptions } from '../../src/simulator/simulator.ts';

type CoreClient = {
  callApi(params: unknown, request: unknown, runtime: unknown): Promise<{ statusCode: number; body: Fields }>;
};
type Fields = Readonly<Record<string, unknown>>;

// In CommonJS terms the class is `default`; to an ESM import it would be `default.default`.
const core: { default: new (config: unknown) => CoreClient } = createRequire(import.meta.url)('@alicloud/openapi-core');

export type Key = { readonly id: string; readonly secret: string; readonly token?: string };

const [{ access_key_id: defaultId = '', access_key_secret: defaultSecret = '' } = {}] = DEFAULT_KEYS;
export const KEY: Key = { id: defaultId, secret: defaultSecret };

export const SMALL: ScenarioInput = {
  instances: [
    {
      id: 'cri-1',
      repositories: [{ namespace: 'shop', name: 'api', id: 'crr-1', tags: [{ tag: 'v1', status: 'COMPLETE' }] }],
    },
  ],
};
export const V1 = { InstanceId: 'cri-1', RepoId: 'crr-1', Tag: 'v1' };

/** A simulator on a free port of loopback, closed when the test ends. */
export async function start(
  t: ExecutionContext,
  options: SimulatorOptions = {},
): Promise<{ simulator: Simulator; address: string }> {
  const simulator = createSimulator({ scenario: SMALL, ...options });
  const { address } = await simulator.listen('127.0.0.1', 0);
  t.teardown(() => simulator.close());
  return { simulator, address };
}

/** Calls an operation as the generated client does. */
export function callWithSdk(address: string, action: string, query: Fields, key: Key = KEY, extra: Fields = {}) {
  const client = new core.default({
    endpoint: address,
    protocol: 'HTTP',
    accessKeyId: key.id,
    accessKeySecret: key.secret,
    ...(key.token === undefined ? {} : { securityToken: key.token, type: 'sts' }),
  });
  const params = {
    action,
    version: '2018-12-01',
    protocol: 'HTTPS',
    pathname: '/',
    method: 'POST',
    authType: 'AK',
    style: 'RPC',
    reqBodyType: 'formData',
    bodyType: 'json',
  };
  return client.callApi(params, { query, ...extra }, { readTimeout: 5_000, connectTimeout: 5_000 });
}

export type Reply = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** Node's code of the error that ended it, if one did. */
  readonly error: string | undefined;
};

export type Sent = {
  readonly method?: string;
  readonly key?: Key;
  readonly form?: string;
  /** Sent in place of the form that was signed. */
  readonly otherForm?: string;
  readonly date?: Date;
  readonly nonce?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signedHeaders?: readonly string[];
  /** Destroys the request when this has been received and nothing more is to be waited for. */
  readonly cutAfter?: 'head' | 'data';
  readonly signal?: AbortSignal;
};

/** Sends a request that was signed here, independently of the code under test. */
export function send(
  address: string,
  action: string,
  parameters: Readonly<Record<string, string>>,
  sent: Sent = {},
): Promise<Reply> {
  const { method = 'POST', form = '' } = sent;
  const query = encodePairs(parameters);
  const headers = sign(address, action, method, query, form, sent);
  return exchange({ address, method, path: `/?${query}`, headers, body: sent.otherForm ?? form }, sent);
}

/** The JSON of a reply. */
export function json(reply: Reply): Record<string, unknown> {
  return JSON.parse(reply.text);
}

export type Message = {
  readonly address: string;
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
};

/** One HTTP exchange on a connection of its own; never rejects. */
export function exchange(
  { address, method, path, headers = {}, body = '' }: Message,
  { signal, cutAfter }: Sent = {},
): Promise<Reply> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let seen: { status: number; headers: IncomingHttpHeaders } = { status: 0, headers: {} };
    const finish = (error?: Error & { code?: string }) =>
      resolve({ ...seen, text: Buffer.concat(chunks).toString(), error: error && (error.code ?? error.name) });
    const [host, port] = address.split(':');
    const sending = request({ host, port, method, path, headers, agent: false, ...(signal ? { signal } : {}) });
    sending.on('error', finish);
    sending.on('response', (response) => {
      seen = { status: response.statusCode ?? 0, headers: response.headers };
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        if (cutAfter === 'data') sending.destroy();
      });
      response.on('error', finish);
      response.on('end', () => finish());
      if (cutAfter === 'head') sending.destroy();
    });
    sending.end(body);
  });
}

function sign(
  address: string,
  action: string,
  method: string,
  query: string,
  form: string,
  sent: Sent,
): Record<string, string> {
  const { key = KEY, date = new Date(), nonce = randomUUID() } = sent;
  const headers: Record<string, string> = {
    host: address,
    'x-acs-action': action,
    'x-acs-version': '2018-12-01',
    'x-acs-date': date.toISOString().replace(/\.\d+/, ''),
    'x-acs-signature-nonce': nonce,
    'x-acs-content-sha256': sha256(form),
    ...(key.token === undefined ? {} : { 'x-acs-security-token': key.token }),
    ...(form === '' ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
  };
  const names = [...(sent.signedHeaders ?? Object.keys(headers))].sort();
  const lines = names.map((name) => `${name}:${headers[name] ?? ''}\n`).join('');
  const canonical = `${method}\n/\n${query}\n${lines}\n${names.join(';')}\n${sha256(form)}`;
  const signature = createHmac('sha256', key.secret)
    .update(`ACS3-HMAC-SHA256\n${sha256(canonical)}`)
    .digest('hex');
  const authorization = `ACS3-HMAC-SHA256 Credential=${key.id},SignedHeaders=${names.join(';')},Signature=${signature}`;
  return { ...headers, authorization, ...sent.headers };
}

function encodePairs(parameters: Readonly<Record<string, string>>): string {
  return Object.keys(parameters)
    .sort()
    .map((name) => `${encode(name)}=${encode(parameters[name] ?? '')}`)
    .join('&');
}

function encode(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) => {
      const char = String.fromCharCode(byte);
      return /[A-Za-z0-9\-_.~]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
