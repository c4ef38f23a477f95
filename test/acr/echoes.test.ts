// What an answer gives back of the request is shown nowhere: not in messages, codes, statuses or what was found in place of a field.
import type { IncomingHttpHeaders } from 'node:http';
import test from 'ava';
import { startHttp } from '../helpers/raw-server.ts';
import { failureOf, scanRequest, testApi } from './setup.ts';

const PAGE = { instanceId: 'cri-1', pageNo: 1, pageSize: 100 };

/** What may not be shown of a request. */
function secretsOf(headers: IncomingHttpHeaders): string[] {
  const authorization = String(headers.authorization);
  const signature = authorization.split('Signature=')[1] ?? '';
  const found = [authorization, signature, headers['x-acs-security-token'], headers['x-acs-signature-nonce']];
  return found.map(String);
}

for (const [how, body] of [
  ['a message', (echo: string) => ({ Code: 'SystemError', Message: `Bad request, got: ${echo}` })],
  ['a message that is cut', (echo: string) => ({ Code: 'SystemError', Message: `${'x'.repeat(200)}${echo}` })],
  ['a message with it encoded', (echo: string) => ({ Code: 'SystemError', Message: encodeURIComponent(echo) })],
  ['a message with JSON', (echo: string) => ({ Code: 'SystemError', Message: JSON.stringify({ echo }) })],
  ['a code', (echo: string) => ({ Code: echo })],
  ['a code and a request id', (echo: string) => ({ Code: 'X', RequestId: echo })],
  ['a status', (echo: string) => ({ IsSuccess: true, Status: echo, ScanService: echo })],
  ['a number', (echo: string) => ({ IsSuccess: true, HighSeverity: echo, TotalCount: 1, Repositories: echo })],
] as const) {
  test(`headers that come back in ${how} are not shown`, async (t) => {
    let secrets: string[] = [];
    let which = 0;
    const { host } = await startHttp(t, ({ headers }, response) => {
      secrets = secretsOf(headers);
      const status = how.includes('message') || how.includes('code') ? 400 : 200;
      response.writeHead(status).end(JSON.stringify(body(secrets[which] ?? '')));
    });
    const api = testApi(host);
    const asks = [
      () => api.getRepoTagScanStatus(scanRequest),
      () => api.getRepoTagScanSummary(scanRequest),
      () => api.listRepository(PAGE),
    ];
    for (const ask of asks) {
      for (which = 0; which < 4; which += 1) {
        const shown = await ask().then(
          (answer) => JSON.stringify(answer),
          async (error: unknown) =>
            JSON.stringify({ ...(await failureOf(Promise.reject(error))), error: String(error) }),
        );
        for (const secret of secrets) t.false(shown.includes(secret.slice(0, 40)), shown);
      }
    }
  });
}

test('any quoted signature is removed, and the rest of the message stays', async (t) => {
  const Message =
    'wrong: AccessKeyId=LTAI1 Signature=Zm9vYmFyYmF6+/= "SecurityToken": "CAISabcdefgh1234" SignatureMethod=HMAC-SHA1';
  const { host } = await startHttp(t, (_, response) => {
    response.writeHead(400).end(JSON.stringify({ Code: 'SystemError', Message }));
  });
  const { message } = await failureOf(testApi(host).getRepoTagScanStatus(scanRequest));
  t.is(
    message,
    'HTTP 400: wrong: AccessKeyId=LTAI1 Signature=[redacted] "SecurityToken": "[redacted]" SignatureMethod=HMAC-SHA1',
  );
});
