// The bare SDK, as a child process: `bare.js ADDRESS RATE` calls the API at this rate, like the exporter.
import { createRequire } from 'node:module';

const [address = '', rate = '1'] = process.argv.slice(2);
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

let calls = 0;
setInterval(() => {
  calls += 1;
  void client.callApi(params, { query: { InstanceId: 'cri-bench', RepoId: 'crr-bench', Tag: 'v1' } }, {});
}, 1_000 / Number(rate));
process.on('message', () => process.send?.({ calls }));
process.send?.('running');
