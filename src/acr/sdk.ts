// Loads the Alibaba Cloud SDK. No other file imports it. It is loaded on demand, because that takes 0.2 to 0.4 s.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import {
  type CredentialsModule,
  createSdkProviders,
  type SdkCredentials,
  type SdkProviders,
} from './credentials/sdk-providers.ts';
import { ANSWER_BOUNDS, type AnswerBounds, HttpTransport, NONCE_HEADER } from './http-transport.ts';
import type { ApiAction } from './operations.ts';

const GENERATED = '@alicloud/cr20181201';
const CORE = '@alicloud/openapi-core';
const CREDENTIALS = '@alicloud/credentials';

/** The SDK calls it for the credentials of each request. */
export type SdkCredential = { getCredential(): Promise<SdkCredentials> };

export type CallerOptions = {
  readonly endpoint: { readonly protocol: 'http' | 'https'; readonly host: string };
  readonly region: string;
  readonly credential: SdkCredential;
  /** The timeout of the SDK. */
  readonly timeoutMs: number;
};

/** The fields of a request, by their names in the generated client. */
export type RequestFields = Readonly<Record<string, string | number | undefined>>;

/** Sends one request with this nonce, with parameters as in the generated client. The {@link HttpTransport} reads the answer. */
export type Caller = (action: ApiAction, parameters: RequestFields, nonce: string) => Promise<unknown>;

/** The loaded SDK. */
export type Sdk = {
  /** The package that makes the calls, such as `@alicloud/openapi-core@1.0.8`. */
  readonly label: string;
  readonly transport: HttpTransport;
  readonly providers: SdkProviders;
  createCaller(options: CallerOptions): Caller;
};

/** The parts in use of the two packages that make calls. The core accepts plain objects in place of its models. */
type ClientConfig = {
  readonly endpoint: string;
  readonly protocol: string;
  readonly regionId: string;
  readonly credential: SdkCredential;
  readonly userAgent: string;
};
type CoreClient = { callApi(params: unknown, request: unknown, runtime: unknown): Promise<unknown> };
type CoreModule = { readonly default: new (config: ClientConfig) => CoreClient };
type ClientMethod = (request: unknown, runtime: unknown) => Promise<unknown>;
type RequestModel = new (fields: RequestFields) => unknown;
type GeneratedModule = Readonly<Record<`${ApiAction}Request`, RequestModel>> & {
  readonly default: new (config: ClientConfig) => GeneratedClient;
};
type GeneratedClient = Readonly<Record<`${Uncapitalize<ApiAction>}WithOptions`, ClientMethod>>;

const ACTIONS: readonly ApiAction[] = [
  'GetRepoTagScanStatus',
  'GetRepoTagScanSummary',
  'GetRepository',
  'ListRepository',
  'ListRepoTag',
  'GetRepoTag',
  'ListEventCenterRecord',
  'ListEventCenterRuleName',
];

export type SdkOptions = {
  /** The generated client is looked up from this file or URL. */
  readonly from?: string | URL;
  /** The bounds of answers to requests that are not made through {@link HttpTransport.send}: those of the credentials package. */
  readonly answerBounds?: AnswerBounds;
};

/** Loads the generated client if it is installed, else the core package below it. Throws if the package is broken. */
export async function loadSdk({ from = import.meta.url, answerBounds = ANSWER_BOUNDS }: SdkOptions = {}): Promise<Sdk> {
  const require = createRequire(import.meta.url);
  const credentials: CredentialsModule = require(CREDENTIALS);
  const generated = loadIfInstalled(createRequire(from));
  const shared = {
    transport: new HttpTransport(answerBounds),
    providers: createSdkProviders(credentials),
  };
  if (generated) {
    const caller = (options: CallerOptions) => generatedCaller(generated.module, options);
    return { ...shared, label: generated.label, createCaller: caller };
  }
  const core: CoreModule = require(CORE);
  const caller = (options: CallerOptions) => coreCaller(core, options);
  return { ...shared, label: labelOf(CORE, versionOf(CORE, require)), createCaller: caller };
}

/** The generated client; undefined if none is installed. */
function loadIfInstalled(
  require: NodeJS.Require,
): { readonly module: GeneratedModule; readonly label: string } | undefined {
  const version = versionOf(GENERATED, require);
  const label = labelOf(GENERATED, version);
  if (/^[01]\./.test(version ?? '')) {
    const found = 'found one of the first generation, which makes its requests in another way';
    throw new Error(`${label}: expected version 2.2.2 or newer, ${found}: install ${GENERATED}@2, or remove it`);
  }
  const loaded = requireIfThere(require, label, version !== undefined);
  if (loaded === undefined) return undefined;
  if (isGenerated(loaded.module)) return { module: loaded.module, label };
  throw new Error(`${label}: expected a client with ${ACTIONS.join(', ')}, found another package`);
}

/** Whether a module has a client and request models with the operations in use. */
function isGenerated(module: unknown): module is GeneratedModule {
  const parts = Object(module);
  const methods = Object(parts.default?.prototype);
  return ACTIONS.every((action) => {
    return typeof parts[`${action}Request`] === 'function' && typeof methods[methodOf(action)] === 'function';
  });
}

function requireIfThere(
  require: NodeJS.Require,
  label: string,
  isInstalled: boolean,
): { readonly module: unknown } | undefined {
  try {
    return { module: require(GENERATED) };
  } catch (error) {
    const [reason = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    // A missing package that the client itself needs is an error.
    if (!isInstalled && reason.startsWith(`Cannot find module '${GENERATED}'`)) return undefined;
    throw new Error(
      `${label}: expected a package that can be loaded, found one that fails with "${reason}": install it again, or remove it`,
    );
  }
}

/** The version of an installed package; undefined if there is none. Read from the file, because `exports` may hide package.json. */
function versionOf(name: string, require: NodeJS.Require): string | undefined {
  for (const folder of require.resolve.paths(name) ?? []) {
    try {
      const manifest: unknown = JSON.parse(readFileSync(join(folder, name, 'package.json'), 'utf8'));
      return String(Object(manifest).version);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) return 'unknown';
    }
  }
  return undefined;
}

function labelOf(name: string, version: string | undefined): string {
  return version === undefined ? name : `${name}@${version}`;
}

/** The SDK ignores the proxy variables of the environment. The user agent is not taken from the environment either. */
function clientConfig({ endpoint, region, credential }: CallerOptions): ClientConfig {
  const { host, protocol } = endpoint;
  return { endpoint: host, protocol, regionId: region, credential, userAgent: 'acr-scan-exporter' };
}

/** Without `retryOptions` the SDK does not retry. These headers replace its own. */
function runtimeOptions(timeoutMs: number, nonce: string) {
  const extendsParameters = { headers: { [NONCE_HEADER]: nonce } };
  return { readTimeout: timeoutMs, connectTimeout: timeoutMs, extendsParameters };
}

/** `bodyType: 'binary'` keeps the core from parsing the body: {@link HttpTransport} has it already. */
function coreCaller(core: CoreModule, options: CallerOptions): Caller {
  const client = new core.default(clientConfig(options));
  return (action, parameters, nonce) => {
    const params = {
      action,
      version: '2018-12-01',
      protocol: 'HTTPS',
      pathname: '/',
      method: 'POST',
      authType: 'AK',
      style: 'RPC',
      reqBodyType: 'formData',
      bodyType: 'binary',
    };
    return client.callApi(params, { query: queryOf(parameters) }, runtimeOptions(options.timeoutMs, nonce));
  };
}

/** `repoId` in the generated client is `RepoId` on the wire, and so on for all parameters. Undefined ones are not sent. */
function queryOf(parameters: RequestFields): Record<string, string> {
  const query: Record<string, string> = {};
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) query[`${name.charAt(0).toUpperCase()}${name.slice(1)}`] = String(value);
  }
  return query;
}

function generatedCaller(generated: GeneratedModule, options: CallerOptions): Caller {
  const client = new generated.default(clientConfig(options));
  return (action, parameters, nonce) => {
    const request = new generated[`${action}Request`](parameters);
    return client[methodOf(action)](request, runtimeOptions(options.timeoutMs, nonce));
  };
}

function methodOf(action: ApiAction): keyof GeneratedClient {
  const name = `${action.charAt(0).toLowerCase()}${action.slice(1)}` as Uncapitalize<ApiAction>;
  return `${name}WithOptions`;
}
