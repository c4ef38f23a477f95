// Which package makes the calls: the generated client where it is installed, else the core.
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { loadSdk } from '../../src/acr/sdk.ts';
import { startHttp } from '../helpers/raw-server.ts';
import { failureOf, scanAnswer, scanRequest, testApi } from './setup.ts';

const require = createRequire(import.meta.url);

/** A client as the generator writes them, with the operations in use. */
const generatedClient = `
'use strict';
const $dara = require('@darabonba/typescript');
const core = require('@alicloud/openapi-core');
function model(names) {
  const types = Object.fromEntries(Object.keys(names).map((name) => [name, name === 'isSuccess' ? 'boolean' : 'string']));
  return class extends $dara.Model {
    static names() { return names; }
    static types() { return types; }
    validate() { super.validate(); }
  };
}
function response(Body) {
  return class extends $dara.Model {
    static names() { return { headers: 'headers', statusCode: 'statusCode', body: 'body' }; }
    static types() { return { headers: { type: 'map', keyType: 'string', valueType: 'string' }, statusCode: 'number', body: Body }; }
  };
}
const answer = { code: 'Code', isSuccess: 'IsSuccess', requestId: 'RequestId' };
exports.GetRepoTagScanStatusRequest = model({
  digest: 'Digest', instanceId: 'InstanceId', repoId: 'RepoId', scanTaskId: 'ScanTaskId', scanType: 'ScanType', tag: 'Tag',
});
exports.GetRepositoryRequest = model({
  instanceId: 'InstanceId', repoId: 'RepoId', repoName: 'RepoName', repoNamespaceName: 'RepoNamespaceName',
});
exports.GetRepoTagScanSummaryRequest = model({
  digest: 'Digest', instanceId: 'InstanceId', repoId: 'RepoId', scanTaskId: 'ScanTaskId', tag: 'Tag',
});
exports.ListRepositoryRequest = model({
  instanceId: 'InstanceId', maxResults: 'MaxResults', nextToken: 'NextToken', pageNo: 'PageNo', pageSize: 'PageSize',
  repoName: 'RepoName', repoNamespaceName: 'RepoNamespaceName', repoStatus: 'RepoStatus',
});
exports.ListRepoTagRequest = model({
  instanceId: 'InstanceId', maxResults: 'MaxResults', nextToken: 'NextToken', pageNo: 'PageNo', pageSize: 'PageSize', repoId: 'RepoId',
});
exports.GetRepoTagRequest = model({ instanceId: 'InstanceId', repoId: 'RepoId', tag: 'Tag' });
exports.ListEventCenterRecordRequest = model({
  eventType: 'EventType', instanceId: 'InstanceId', pageNo: 'PageNo', pageSize: 'PageSize',
});
exports.ListEventCenterRuleNameRequest = model({ instanceId: 'InstanceId' });
const AnyResponse = response(model({ ...answer, totalCount: 'TotalCount' }));
const ScanStatusResponse = response(model({ ...answer, status: 'Status', scanService: 'ScanService' }));
const RepositoryResponse = response(model({ ...answer, repoId: 'RepoId', repoName: 'RepoName', repoNamespaceName: 'RepoNamespaceName' }));
exports.default = class Client extends core.default {
  constructor(config) {
    super(config);
    this._productId = 'cr';
    this._endpointRule = 'regional';
    this.checkConfig(config);
    this._endpoint = this.getEndpoint('cr', this._regionId, this._endpointRule, this._network, this._suffix, this._endpointMap, this._endpoint);
  }
  getEndpoint(productId, regionId, endpointRule, network, suffix, endpointMap, endpoint) {
    if (!$dara.isNull(endpoint)) return endpoint;
    return core.OpenApiUtil.getEndpointRules(productId, regionId, endpointRule, network, suffix);
  }
  async run(action, Response, request, runtime) {
    request.validate();
    const query = {};
    for (const [name, wire] of Object.entries(request.constructor.names())) {
      if (!$dara.isNull(request[name])) query[wire] = request[name];
    }
    const req = new core.$OpenApiUtil.OpenApiRequest({ query: core.OpenApiUtil.query(query) });
    const params = new core.$OpenApiUtil.Params({
      action, version: '2018-12-01', protocol: 'HTTPS', pathname: '/', method: 'POST', authType: 'AK', style: 'RPC',
      reqBodyType: 'formData', bodyType: 'json',
    });
    return $dara.cast(await this.callApi(params, req, runtime), new Response({}));
  }
  async getRepoTagScanStatusWithOptions(request, runtime) {
    return await this.run('GetRepoTagScanStatus', ScanStatusResponse, request, runtime);
  }
  async getRepositoryWithOptions(request, runtime) {
    return await this.run('GetRepository', RepositoryResponse, request, runtime);
  }
  async getRepoTagScanSummaryWithOptions(request, runtime) {
    return await this.run('GetRepoTagScanSummary', AnyResponse, request, runtime);
  }
  async listRepositoryWithOptions(request, runtime) {
    return await this.run('ListRepository', AnyResponse, request, runtime);
  }
  async listRepoTagWithOptions(request, runtime) {
    return await this.run('ListRepoTag', AnyResponse, request, runtime);
  }
  async getRepoTagWithOptions(request, runtime) {
    return await this.run('GetRepoTag', AnyResponse, request, runtime);
  }
  async listEventCenterRecordWithOptions(request, runtime) {
    return await this.run('ListEventCenterRecord', AnyResponse, request, runtime);
  }
  async listEventCenterRuleNameWithOptions(request, runtime) {
    return await this.run('ListEventCenterRuleName', AnyResponse, request, runtime);
  }
};
Object.defineProperty(exports, '__esModule', { value: true });
`;

/** A folder with this generated client in its \`node_modules\`, and what that needs beside it. Gives a file in the folder. */
async function installed(t: ExecutionContext, source: string, more: object = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'acr-sdk-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const packages = join(folder, 'node_modules');
  await mkdir(join(packages, '@alicloud/cr20181201'), { recursive: true });
  await mkdir(join(packages, '@darabonba'));
  const ownFolder = (name: string) => dirname(require.resolve(`${name}/package.json`));
  for (const name of ['@alicloud/openapi-core', '@darabonba/typescript']) {
    await symlink(ownFolder(name), join(packages, name));
  }
  const manifest = { name: '@alicloud/cr20181201', version: '2.2.2', main: 'client.js', ...more };
  await writeFile(join(packages, '@alicloud/cr20181201/package.json'), JSON.stringify(manifest));
  await writeFile(join(packages, '@alicloud/cr20181201/client.js'), source);
  return join(folder, 'index.js');
}

test('without the generated client the core makes the calls, and the label says so', async (t) => {
  const { version } = require('@alicloud/openapi-core/package.json');
  t.is((await loadSdk()).label, `@alicloud/openapi-core@${version}`);
});

test('an installed generated client makes the calls, and the same goes over the wire', async (t) => {
  const sdk = await loadSdk({ from: await installed(t, generatedClient) });
  t.is(sdk.label, '@alicloud/cr20181201@2.2.2');
  const seen: (readonly [string | undefined, string | string[] | undefined])[] = [];
  const { host } = await startHttp(t, ({ url, headers }, response) => {
    seen.push([url?.split('?')[1]?.split('&').sort().join('&'), headers['x-acs-action']]);
    const names = { RepoId: 'crr-1', RepoName: 'api', RepoNamespaceName: 'shop' };
    const numbers = { HighSeverity: 1, MediumSeverity: 2, LowSeverity: 3, UnknownSeverity: 4, TotalCount: '1' };
    const lists = { Repositories: [names], Images: [{ Tag: 'v1', Digest: 'sha256:a', ImageUpdate: '1700000000000' }] };
    const events = {
      Records: [{ RecordId: 'crecrr-1', CreateTime: 1_700_000_000_000 }],
      RuleNames: [{ RuleName: 'scans' }],
    };
    response.end(JSON.stringify({ ...scanAnswer, ...names, ...numbers, ...lists, ...events }));
  });
  const request = { ...scanRequest, digest: 'sha256:a', scanTaskId: 'task' };
  const byName = { instanceId: 'cri-1', repoNamespaceName: 'shop', repoName: 'api' };
  const page = { instanceId: 'cri-1', pageNo: 2, pageSize: 100, maxResults: 100, nextToken: 'a+/=*' };
  const ask = async (api: ReturnType<typeof testApi>) => [
    await api.getRepoTagScanStatus(request),
    await api.getRepoTagScanSummary(request),
    await api.getRepository(byName),
    await api.listRepository({ ...page, repoNamespaceName: 'shop', repoName: 'api', repoStatus: 'NORMAL' }),
    await api.listRepoTag({ ...page, repoId: 'crr-1' }),
    await api.getRepoTag({ instanceId: 'cri-1', repoId: 'crr-1', tag: 'v1' }),
    await api.listEventCenterRecord({
      instanceId: 'cri-1',
      eventType: 'cr:Artifact:ScanCompleted',
      pageNo: 2,
      pageSize: 100,
    }),
    await api.listEventCenterRuleName({ instanceId: 'cri-1' }),
  ];
  t.deepEqual(await ask(testApi(host, { sdk })), await ask(testApi(host)));
  t.is(seen.length, 16);
  t.deepEqual(seen.slice(0, 8), seen.slice(8));
});

test('errors through the generated client are the same as through the core', async (t) => {
  const sdk = await loadSdk({ from: await installed(t, generatedClient) });
  const answers = [
    [400, '{"Code":"Throttling.User","Message":"Slow down.","RequestId":"R-1"}'],
    [200, '{"Code":"TAG_NOT_EXIST","IsSuccess":false,"RequestId":"R-2"}'],
    [200, '{"Status":5,"IsSuccess":true}'],
    [200, '{"Status":["COMPLETE"],"IsSuccess":true}'],
    [200, 'null'],
    [502, '<html>'],
  ] as const;
  for (const [status, body] of answers) {
    const { host } = await startHttp(t, (_, response) => response.writeHead(status).end(body));
    const generated = await failureOf(testApi(host, { sdk }).getRepoTagScanStatus(scanRequest));
    const core = await failureOf(testApi(host).getRepoTagScanStatus(scanRequest));
    t.deepEqual({ ...generated, message: generated.message }, { ...core, message: core.message }, body);
  }
});

test('a call that never settles and never sends ends at the deadline', async (t) => {
  const stuck = generatedClient.replace('request.validate();', 'await new Promise(() => {});');
  const sdk = await loadSdk({ from: await installed(t, stuck) });
  const api = testApi('127.0.0.1:1', { sdk, requestTimeoutMs: 50 });
  t.is((await failureOf(api.getRepoTagScanStatus(scanRequest))).code, 'RequestTimeout');
});

test('a request that is sent only after the deadline does not reach the server', async (t) => {
  const late = generatedClient.replace(
    'request.validate();',
    'await new Promise((go) => { globalThis.sendLate = go; });',
  );
  const sdk = await loadSdk({ from: await installed(t, late) });
  const { host } = await startHttp(t, () => t.fail('the request arrived'));
  const api = testApi(host, { sdk, requestTimeoutMs: 50 });
  t.is((await failureOf(api.getRepoTagScanStatus(scanRequest))).code, 'RequestTimeout');
  const sendLate: () => void = Reflect.get(globalThis, 'sendLate');
  sendLate();
  const other = await startHttp(t, (_, response) => response.end(JSON.stringify(scanAnswer)));
  await t.notThrowsAsync(testApi(other.host).getRepoTagScanStatus(scanRequest), 'another one does');
});

test('an answer that the client leaves unread is whole when its connection closes', async (t) => {
  const sdk = await loadSdk({
    from: await installed(t, generatedClient.replace("bodyType: 'json'", "bodyType: 'binary'")),
  });
  const { host } = await startHttp(t, (_, response) => {
    response.writeHead(200, { connection: 'close' }).end(JSON.stringify(scanAnswer));
  });
  t.is((await testApi(host, { sdk }).getRepoTagScanStatus(scanRequest)).status, 'complete');
});

test('a client that sends nothing is an error, whatever it returns or throws', async (t) => {
  for (const instead of ['return {};', 'throw new TypeError("odd");', 'throw undefined;', 'throw null;']) {
    const sdk = await loadSdk({ from: await installed(t, generatedClient.replace('request.validate();', instead)) });
    const error = await failureOf(testApi('127.0.0.1:1', { sdk }).getRepoTagScanStatus(scanRequest));
    t.is(error.code, 'NetworkError');
  }
});

const broken = (reason: string) =>
  `@alicloud/cr20181201@2.2.2: expected a package that can be loaded, found one that fails with "${reason}": install it again, or remove it`;

test('a generated client that is there but broken is named, in one line', async (t) => {
  const throwing = await installed(t, 'throw new Error("broken install");');
  await t.throwsAsync(loadSdk({ from: throwing }), { message: broken('broken install') });
  const incomplete = await installed(t, "require('@alicloud/not-there');");
  await t.throwsAsync(loadSdk({ from: incomplete }), { message: broken("Cannot find module '@alicloud/not-there'") });
  const odd = await installed(t, 'throw undefined;');
  await t.throwsAsync(loadSdk({ from: odd }), { message: broken('undefined') });
});

test('a generated client without the operations in use is reported', async (t) => {
  for (const source of [
    'exports.default = class Client {};',
    'module.exports = null;',
    generatedClient.replace('async getRepositoryWithOptions', 'async getSomethingElse'),
  ]) {
    const from = await installed(t, source);
    await t.throwsAsync(loadSdk({ from }), { message: /^@alicloud\/cr20181201@2\.2\.2: expected a client with/ });
  }
});

test('a generated client without its main file, or with a broken manifest, is named', async (t) => {
  const from = await installed(t, '');
  const folder = join(dirname(from), 'node_modules/@alicloud/cr20181201');
  await rm(join(folder, 'client.js'));
  await t.throwsAsync(loadSdk({ from }), { message: /^@alicloud\/cr20181201@2\.2\.2: .*Cannot find module/ });
  await writeFile(join(folder, 'package.json'), '{"version":');
  const { message = '' } = (await t.throwsAsync(loadSdk({ from }))) ?? {};
  t.true(message.startsWith('@alicloud/cr20181201@unknown: expected a package that can be loaded'), message);
  t.false(message.includes('\n'));
});

test('a generated client of the first generation is refused by its version, whatever it has', async (t) => {
  const from = await installed(t, generatedClient, { version: '1.0.1' });
  await t.throwsAsync(loadSdk({ from }), {
    message:
      '@alicloud/cr20181201@1.0.1: expected version 2.2.2 or newer, found one of the first generation, which makes its requests in another way: install @alicloud/cr20181201@2, or remove it',
  });
});

test('exports that hide package.json do not stop the start', async (t) => {
  const from = await installed(t, generatedClient, { exports: './client.js' });
  t.is((await loadSdk({ from })).label, '@alicloud/cr20181201@2.2.2');
});

test('a generated client that knows no tokens goes on by page number', async (t) => {
  const before = generatedClient.replaceAll("maxResults: 'MaxResults', nextToken: 'NextToken', ", '');
  const sdk = await loadSdk({ from: await installed(t, before) });
  const asked: string[] = [];
  const { host } = await startHttp(t, ({ url = '' }, response) => {
    asked.push(new URL(url, 'http://x').search);
    response.end(JSON.stringify({ ...scanAnswer, Images: [], TotalCount: '0' }));
  });
  const page = { pageNo: 2, pageSize: 100, maxResults: 100, nextToken: 'a' };
  await testApi(host, { sdk }).listRepoTag({ instanceId: 'cri-1', repoId: 'crr-1', ...page });
  t.deepEqual(asked, ['?InstanceId=cri-1&PageNo=2&PageSize=100&RepoId=crr-1']);
});
