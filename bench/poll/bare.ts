// The bare SDK, as a child process: `bare.js ADDRESS CALLS` asks the simulator so many times, four at a time, and tells what it cost.
import { createRequire } from 'node:module';

const [address = '', calls = '0'] = process.argv.slice(2);
const { default: core } = createRequire(import.meta.url)('@alicloud/openapi-core');
const client = new core({
  endpoint: address,
  protocol: 'HTTP',
  accessKeyId: 'bench-key',
  accessKeySecret: 'bench-key-secret',
});
const params = {
  action: 'GetRepoTagScanStatus',
  version: '2018-12-01',
  protocol: 'HTTPS',
  pathname: '/',
  method: 'POST',
  authType: 'AK',
  style: 'RPC',
  reqBodyType: 'formData',
  bodyType: 'json',
};

let left = Number(calls);
async function worker(): Promise<void> {
  while (left-- > 0)
    await client.callApi(params, { query: { InstanceId: 'cri-bench', RepoId: 'crr-bench', Tag: 'v1' } }, {});
}

const WARM_UP = 500;
left = WARM_UP;
await Promise.all([worker(), worker(), worker(), worker()]);
left = Number(calls);
const before = process.cpuUsage();
await Promise.all([worker(), worker(), worker(), worker()]);
const { user, system } = process.cpuUsage(before);
process.send?.({ cpuMs: (user + system) / 1_000 });
process.disconnect?.();
