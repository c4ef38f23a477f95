// Sources of credentials for one test each, by a manual clock, and the services that they ask: on loopback, or stubs.
import type { RequestListener } from 'node:http';
import type { ExecutionContext } from 'ava';
import { ApiError } from '../../src/acr/api-error.ts';
import type { Routes } from '../../src/acr/connections/routes.ts';
import { type CredentialSource, createCredentialSource } from '../../src/acr/credentials/credentials.ts';
import type { ProviderRequest } from '../../src/acr/credentials/provider-request.ts';
import type { SdkProviders, SdkSession, SessionProvider } from '../../src/acr/credentials/sdk-providers.ts';
import type { CredentialSettings, SecretSource } from '../../src/model/credential-settings.ts';
import { createLogger } from '../../src/util/logger.ts';
import { Redactor } from '../../src/util/redactor.ts';
import { sdk, testRoutes } from '../acr/setup.ts';
import { ManualClock } from './manual-clock.ts';
import { startHttp } from './raw-server.ts';

export const literal = (value: string): SecretSource => ({ from: 'value', value });
export const inFile = (path: string): SecretSource => ({ from: 'file', path });

export type SourceSetup = {
  readonly clock?: ManualClock;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly redactor?: Redactor;
  readonly providers?: SdkProviders;
  readonly routes?: Routes;
};

export type TestSource = CredentialSource & {
  readonly clock: ManualClock;
  readonly redactor: Redactor;
  /** The lines of the log so far, without their time. */
  readonly log: string[];
};

/** A source that is stopped when the test ends. */
export function sourceOf(t: ExecutionContext, settings: CredentialSettings, setup: SourceSetup = {}): TestSource {
  const { clock = new ManualClock(), redactor = new Redactor(), env = {} } = setup;
  const log: string[] = [];
  const write = (line: string) => log.push(line.trimEnd().replace(/^ts=\S+ /, ''));
  const logger = createLogger({ level: 'info', format: 'logfmt', redactor, write });
  const report = (error: unknown) => t.fail(String(error));
  const providers = setup.providers ?? sdk.providers;
  const options = {
    name: 'default',
    providers,
    routes: setup.routes ?? testRoutes(),
    env,
    clock,
    logger,
    redactor,
    report,
  };
  const source = createCredentialSource(settings, options);
  t.teardown(() => source.stop());
  return Object.assign(source, { clock, redactor, log });
}

/** Why there are no credentials. */
export async function unavailable(source: CredentialSource): Promise<ApiError> {
  const error = await source.ensure().then(
    () => new Error('expected no credentials'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof ApiError)) throw error;
  if (error.code !== 'CredentialsUnavailable' || error.kind !== 'refused') throw error;
  if (source.current() !== undefined) throw new Error('the credentials before are still there');
  return error;
}

/** A session as services describe it, which ends so much later. */
export function sessionAt(nowMs: number, count: number, lifetimeMs = 3_600_000) {
  return {
    Code: 'Success',
    AccessKeyId: `STS.NUabcdefgh${count}`,
    AccessKeySecret: `session-secret-${count}`,
    SecurityToken: `session-token-${count}`,
    Expiration: new Date(nowMs + lifetimeMs).toISOString().replace(/\.\d+/, ''),
  };
}

/** Providers of the SDK that ask a server on loopback for everything, in place of the metadata service and the STS. */
export function redirectedTo(host: string, timeoutMs?: number): SdkProviders {
  return {
    ...sdk.providers,
    createSessionProvider(type, fields, routes) {
      const timeouts = timeoutMs === undefined ? {} : { readTimeout: timeoutMs, connectTimeout: timeoutMs };
      const provider = sdk.providers.createSessionProvider(type, { ...fields, ...timeouts }, routes);
      const send = provider.doRequest;
      provider.doRequest = (request) => send(type === 'credentials_uri' ? request : towards(request, host));
      return provider;
    },
  };
}

function towards(request: ProviderRequest, host: string): ProviderRequest {
  const { host: _, pathname, search } = new URL(request.toRequestURL());
  return Object.assign(Object.create(request), { toRequestURL: () => `http://${host}${pathname}${search}` });
}

export type StubbedService = {
  readonly providers: SdkProviders;
  /** When it was asked, by the monotonic clock. */
  readonly askedAtMs: number[];
  /** What it does from now on; each call is one attempt. */
  answer: (count: number) => Promise<SdkSession>;
};

/** A service whose answers a test gives without a network, so that the manual clock decides about everything. */
export function stubbedService(clock: ManualClock, answer: StubbedService['answer']): StubbedService {
  const askedAtMs: number[] = [];
  const service: StubbedService = {
    askedAtMs,
    answer,
    providers: {
      ...sdk.providers,
      createSessionProvider: (): SessionProvider => ({
        refresher: () => {
          askedAtMs.push(clock.monotonic());
          return service.answer(askedAtMs.length);
        },
        doRequest: () => Promise.reject(new Error('nothing is asked over the network')),
      }),
    },
  };
  return service;
}

/** The answer of a stub: a session that ends so much later. */
export function grantedAt(clock: ManualClock, lifetimeMs = 3_600_000): StubbedService['answer'] {
  return async (count) => ({
    accessKeyId: `STS.NUabcdefgh${count}`,
    accessKeySecret: `session-secret-${count}`,
    securityToken: `session-token-${count}`,
    expiration: new Date(clock.now() + lifetimeMs).toISOString(),
  });
}

export type AskedServer = { readonly host: string; readonly asked: string[] };

/** An HTTP server that keeps what it is asked, as `GET /path`. */
export async function startAsked(t: ExecutionContext, listener: RequestListener): Promise<AskedServer> {
  const asked: string[] = [];
  const { host } = await startHttp(t, (request, response) => {
    asked.push(`${request.method} ${request.url}`);
    listener(request, response);
  });
  return { host, asked };
}
