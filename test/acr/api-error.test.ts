import test from 'ava';
import { networkFailure } from '../../src/acr/api-error.ts';
import { Redactor } from '../../src/util/redactor.ts';

const failed = (code: string | undefined, message = `connect ${code}`) => Object.assign(new Error(message), { code });

const cases = [
  ['ECONNREFUSED', 'ConnectionRefused'],
  ['ECONNRESET', 'ConnectionReset'],
  ['EPIPE', 'ConnectionReset'],
  ['ENOTFOUND', 'DnsFailure'],
  ['EAI_AGAIN', 'DnsFailure'],
  ['EAI_FAIL', 'DnsFailure'],
  ['CERT_HAS_EXPIRED', 'TlsFailure'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'TlsFailure'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'TlsFailure'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'TlsFailure'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'TlsFailure'],
  ['EPROTO', 'TlsFailure'],
  ['ETIMEDOUT', 'NetworkError'],
  ['EHOSTUNREACH', 'NetworkError'],
  ['HPE_INVALID_CONSTANT', 'NetworkError'],
  ['constructor', 'NetworkError'],
] as const;

for (const [code, expected] of cases) {
  test(`${code} is ${expected}`, (t) => {
    const failure = networkFailure(failed(code), new Redactor());
    t.is(failure.code, expected);
    t.is(failure.kind, 'transport');
    t.is(failure.message, `connect ${code}`);
  });
}

test('with several addresses the most specific failure decides the code, and the message has all of them', (t) => {
  const attempts = [
    failed('ENETUNREACH', 'connect ENETUNREACH ::1'),
    failed('ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1'),
  ];
  const failure = networkFailure(new AggregateError(attempts), new Redactor());
  t.is(failure.code, 'ConnectionRefused');
  t.is(failure.message, 'connect ENETUNREACH ::1; connect ECONNREFUSED 127.0.0.1');
});

test('what is thrown without a code or a message is still a failure', (t) => {
  for (const thrown of [new Error(''), undefined, null, 'text', failed(undefined, ''), new AggregateError([])]) {
    const failure = networkFailure(thrown, new Redactor());
    t.is(failure.code, 'NetworkError');
    t.is(failure.message, 'the request failed without a reason');
  }
});

test('the URL that the HTTP layer appends is left out, secrets are redacted', (t) => {
  const redactor = new Redactor();
  redactor.add('verysecret');
  const message = 'connect ECONNREFUSED verysecretPOST http://127.0.0.1/?Tag=v1 failed.';
  t.is(networkFailure(failed('ECONNREFUSED', message), redactor).message, 'connect ECONNREFUSED [redacted]');
});
