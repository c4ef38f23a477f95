// The web server alone, behind the access control with a web configuration file, and clients that come to it with certificates and passwords.
import { copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { systemClock } from '../../src/util/clock.ts';
import type { ListenAddress } from '../../src/util/listen-address.ts';
import { createLogger } from '../../src/util/logger.ts';
import { Redactor } from '../../src/util/redactor.ts';
import { AccessControl } from '../../src/web/access/access-control.ts';
import { WebConfigWatcher } from '../../src/web/access/web-config-watcher.ts';
import { WebServer, type WebServerOptions } from '../../src/web/server.ts';

const FIXTURES = fileURLToPath(new URL('../fixtures/tls/', import.meta.url));

/** The certificate of the authority that signed the server's certificates and `client`, but not `stranger`. */
export const AUTHORITY = readFileSync(join(FIXTURES, 'authority.crt'));

/** Of `secret`, at the lowest cost. */
export const HASH = '$2b$04$NFCd2wolGqHFOQhJJlsdaeyh0gxkl.sG86M2qVY1CMA8iI566jmBO';
/** Of `other-secret`. */
export const OTHER_HASH = '$2b$04$vb7q6iGduPdtEYdCl6/mW.PXeAMjc5vllOq0ZIzLqzltEgmeSz5s.';

export const TLS_FILES = 'cert_file: server.crt, key_file: server.key';

export type Answer = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** The common name of the server's certificate; empty without TLS. */
  readonly servedBy: string;
};

export type ClientOptions = Pick<
  RequestOptions,
  'agent' | 'auth' | 'headers' | 'method' | 'path' | 'minVersion' | 'maxVersion' | 'ciphers'
> & {
  /** The name of a certificate among the fixtures. */
  readonly certificate?: string;
  readonly body?: string;
};

export type RunningServer = {
  /** Of the first address. */
  readonly port: number;
  /** `HOST:PORT` of each. */
  readonly addresses: readonly string[];
  readonly directory: string;
  readonly log: readonly string[];
  readonly accessControl: AccessControl;
  /** Replaces the web configuration file in one step. */
  readonly write: (text: string) => void;
  /** Puts a fixture in the place of a file that the configuration names. */
  readonly copy: (fixture: string, name: string) => void;
  /** Lets the server's clock go on, as far as the looks for changes are concerned. */
  readonly pass: (ms: number) => void;
  readonly ask: (options?: ClientOptions) => Promise<Answer>;
};

/** A directory with the fixtures' certificates and `web.yml`, that goes with the test. */
export function webDirectory(t: ExecutionContext, text: string): { directory: string; file: string } {
  const directory = mkdtempSync(join(tmpdir(), 'acr-scan-exporter-web-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  for (const name of ['server.crt', 'server.key', 'authority.crt'])
    copyFileSync(join(FIXTURES, name), join(directory, name));
  const file = join(directory, 'web.yml');
  writeFileSync(file, text);
  return { directory, file };
}

type StartOptions = Partial<WebServerOptions> & {
  readonly handshakeTimeoutMs?: number;
  readonly listenOn?: readonly ListenAddress[];
};

/** Starts a server; `text` is the web configuration, undefined for none. Every request is answered by `listener`. */
export async function startWebServer(
  t: ExecutionContext,
  text: string | undefined,
  listener: RequestListener = (_request, response) => response.end('hello\n'),
  { handshakeTimeoutMs, listenOn = [{ host: '127.0.0.1', port: 0 }], ...options }: StartOptions = {},
): Promise<RunningServer> {
  const { directory, file } = webDirectory(t, text ?? '');
  const log: string[] = [];
  let passedMs = 0;
  const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + passedMs };
  const logger = createLogger({
    level: 'debug',
    format: 'logfmt',
    redactor: new Redactor(),
    write: (line) => log.push(line),
  });
  const webSettings = text === undefined ? undefined : new WebConfigWatcher(file, { clock, logger });
  const accessControl = new AccessControl(webSettings, { clock, logger }, handshakeTimeoutMs);
  const server = new WebServer({ listener, accessControl, clock, logger, ...options });
  t.teardown(() => server.close(0));
  const addresses = await server.listen(listenOn);
  const port = Number(addresses[0]?.split(':').at(-1));
  return {
    port,
    addresses,
    directory,
    log,
    accessControl,
    write: (content) => {
      writeFileSync(`${file}.new`, content);
      renameSync(`${file}.new`, file);
    },
    copy: (fixture, name) => copyFileSync(join(FIXTURES, fixture), join(directory, name)),
    pass: (ms) => {
      passedMs += ms;
    },
    ask: (client = {}) => ask(port, accessControl.isEncrypted, client),
  };
}

/** A client's own certificate and key. */
export function certificateOf(name: string): { cert: Buffer; key: Buffer } {
  return { cert: readFileSync(join(FIXTURES, `${name}.crt`)), key: readFileSync(join(FIXTURES, `${name}.key`)) };
}

function ask(port: number, isEncrypted: boolean, { certificate, body, ...options }: ClientOptions): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = (isEncrypted ? httpsRequest : httpRequest)({
      host: '127.0.0.1',
      port,
      agent: false,
      ...options,
      ...(isEncrypted && { ca: AUTHORITY }),
      ...(certificate !== undefined && certificateOf(certificate)),
    });
    request.on('error', reject);
    request.on('response', async (response) => {
      const { socket } = response;
      const servedBy = isEncrypted ? (socket as TLSSocket).getPeerCertificate().subject.CN : '';
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', reject);
      response.on('end', () => {
        const { statusCode: status = 0, headers } = response;
        resolve({ status, headers, body: Buffer.concat(parts).toString(), servedBy: String(servedBy) });
      });
    });
    request.end(body);
  });
}
