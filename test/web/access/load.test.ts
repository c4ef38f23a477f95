// Web configuration files, good and bad. That promtool judges them the same is shown in test/e2e/web-config.test.ts.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { ConfigError, formatProblems } from '../../../src/util/yaml/problems.ts';
import { loadWebSettings } from '../../../src/web/access/load.ts';
import { certificateOf, HASH, TLS_FILES, webDirectory } from '../../helpers/web-server.ts';

function problemsOf(t: ExecutionContext, text: string): string[] {
  const { file } = webDirectory(t, text);
  const error = t.throws(() => loadWebSettings(file), { instanceOf: ConfigError }, text);
  return formatProblems(error?.problems ?? []).map((line) => line.replace(file, 'web.yml'));
}

const TLS_KEYS =
  'cert_file, key_file, cert, key, client_auth_type, client_ca_file, client_ca, client_allowed_sans, min_version, max_version, ' +
  'cipher_suites, curve_preferences, prefer_server_cipher_suites';

const HEADERS =
  'Content-Security-Policy, Strict-Transport-Security, X-Content-Type-Options, X-Frame-Options, X-XSS-Protection';

const SANS_TYPES = 'client_auth_type RequireAndVerifyClientCert or RequireAnyClientCert beside it';

const BAD: readonly (readonly [text: string, ...problems: string[]])[] = [
  [
    'tls_config: {}',
    '1:1: tls_config: expected one of tls_server_config, http_server_config, basic_auth_users, rate_limit, found an unknown key',
  ],
  [
    `tls_server_config: { ${TLS_FILES}, ca: x }`,
    `1:67: tls_server_config.ca: expected one of ${TLS_KEYS}, found an unknown key`,
  ],
  ['tls_server_config: { cert_file: server.crt }', '1:1: tls_server_config: expected key_file or key, found neither'],
  [
    'tls_server_config: { client_auth_type: NoClientCert }',
    '1:1: tls_server_config: expected cert_file or cert, found neither',
  ],
  [
    'tls_server_config: { cert_file: none.crt, key_file: server.key }',
    '1:33: tls_server_config.cert_file: expected a file that can be read, found none',
  ],
  [
    'tls_server_config: { cert_file: ., key_file: server.key }',
    '1:33: tls_server_config.cert_file: expected a file that can be read, found a directory',
  ],
  [
    'tls_server_config: { cert_file: server.key, key_file: server.key }',
    '1:33: tls_server_config.cert_file: expected a certificate in PEM, found none',
  ],
  [
    'tls_server_config: { cert_file: server.crt, key_file: server.crt }',
    '1:55: tls_server_config.key_file: expected a private key in PEM without a passphrase, found none',
  ],
  [
    'tls_server_config: { cert_file: authority.crt, key_file: server.key }',
    '1:58: tls_server_config.key_file: expected the key of the certificate, found the key of another one',
  ],
  [
    'tls_server_config: { cert_file: server.crt, key: my-secret-key }',
    '1:50: tls_server_config.key: expected a private key in PEM without a passphrase, found none',
  ],
  [
    `tls_server_config: { ${TLS_FILES}, client_ca_file: authority.crt }`,
    '1:1: tls_server_config: expected a client_auth_type beside the authorities of clients, found none',
  ],
  [
    `tls_server_config: { ${TLS_FILES}, client_auth_type: RequireAndVerifyClientCert, client_ca_file: server.key }`,
    '1:129: tls_server_config.client_ca_file: expected a certificate in PEM, found none',
  ],
  [
    `tls_server_config: { ${TLS_FILES}, client_auth_type: Always }`,
    '1:85: tls_server_config.client_auth_type: expected one of NoClientCert, RequestClientCert, RequireAnyClientCert, RequireClientCert, VerifyClientCertIfGiven, RequireAndVerifyClientCert, found "Always"',
  ],
  [
    `tls_server_config: { ${TLS_FILES}, client_allowed_sans: [a] }`,
    `1:67: tls_server_config.client_allowed_sans: expected ${SANS_TYPES}, found NoClientCert`,
  ],
  [
    `tls_server_config: { ${TLS_FILES}, client_auth_type: RequireAnyClientCert, client_allowed_sans: [] }`,
    '1:128: tls_server_config.client_allowed_sans: expected a list of at least one name, found an empty list',
  ],
  [
    `tls_server_config: { ${TLS_FILES}, min_version: TLS9 }`,
    '1:80: tls_server_config.min_version: expected one of TLS10, TLS11, TLS12, TLS13, found "TLS9"',
  ],
  [
    `tls_server_config: { ${TLS_FILES}, min_version: TLS13, max_version: TLS12 }`,
    '1:100: tls_server_config.max_version: expected a version from min_version TLS13 on, found TLS12',
  ],
  [
    `tls_server_config: { ${TLS_FILES}, cipher_suites: [TLS_RSA_WITH_RC4_128_SHA] }`,
    '1:83: tls_server_config.cipher_suites[0]: expected a cipher suite that Go lists as secure, found "TLS_RSA_WITH_RC4_128_SHA"',
  ],
  [
    `tls_server_config: { ${TLS_FILES}, curve_preferences: [toString] }`,
    '1:87: tls_server_config.curve_preferences[0]: expected one of CurveP256, CurveP384, CurveP521, X25519, found "toString"',
  ],
  [
    `tls_server_config: { ${TLS_FILES}, prefer_server_cipher_suites: 1 }`,
    '1:96: tls_server_config.prefer_server_cipher_suites: expected true or false, found "1"',
  ],
  ['http_server_config: { http2: maybe }', '1:30: http_server_config.http2: expected true or false, found "maybe"'],
  [
    'http_server_config: { headers: { X-Frame-Options: allow } }',
    '1:51: http_server_config.headers.X-Frame-Options: expected one of deny, sameorigin, found "allow"',
  ],
  [
    'http_server_config: { headers: { Server: x } }',
    `1:34: http_server_config.headers.Server: expected one of ${HEADERS}, found an unknown key`,
  ],
  [
    'http_server_config: { headers: { X-XSS-Protection: "\\u0007" } }',
    '1:52: http_server_config.headers.X-XSS-Protection: expected a text without control characters, found "\\u0007"',
  ],
  [
    'basic_auth_users: { alice: hunter2 }',
    '1:28: basic_auth_users.alice: expected a bcrypt hash such as htpasswd -nBC 10 "" prints, found a text of 7 characters',
  ],
  [
    'basic_auth_users: { alice: }',
    '1:28: basic_auth_users.alice: expected a bcrypt hash such as htpasswd -nBC 10 "" prints, found nothing',
  ],
  [
    'basic_auth_users: [alice]',
    '1:19: basic_auth_users: expected a map of users and the bcrypt hashes of their passwords, found a list',
  ],
  [
    'basic_auth_users: {}\nbasic_auth_users: {}',
    '2:1: basic_auth_users: expected each key once, found it again (first at line 1)',
  ],
  [
    'tls_server_config: { cert_file: none.crt, key_file: server.crt }\nbasic_auth_users: { alice: no }',
    '1:33: tls_server_config.cert_file: expected a file that can be read, found none',
    '1:53: tls_server_config.key_file: expected a private key in PEM without a passphrase, found none',
    '2:28: basic_auth_users.alice: expected a bcrypt hash such as htpasswd -nBC 10 "" prints, found a text of 2 characters',
  ],
  [
    'rate_limit: { interval: 1 }',
    '1:25: rate_limit.interval: expected a duration such as 100ms, 1s or 1m30s, or 0 for no limit, found "1"',
  ],
  [
    'rate_limit: { interval: -1s, burst: -1 }',
    '1:25: rate_limit.interval: expected a duration such as 100ms, 1s or 1m30s, or 0 for no limit, found "-1s"',
    '1:37: rate_limit.burst: expected a whole number, found "-1"',
  ],
  ['rate_limit: { interval: 1s, burst: 1.5 }', '1:36: rate_limit.burst: expected a whole number, found "1.5"'],
  ['rate_limit: { interval: 1s }', '1:1: rate_limit: expected a burst beside the interval, found none'],
  ['rate_limit: 5', '1:13: rate_limit: expected a map with the keys interval, burst, found "5"'],
  [
    'rate_limit: { interval: 1s, burst: 5, bursts: 5 }',
    '1:39: rate_limit.bursts: expected one of interval, burst, found an unknown key (did you mean burst?)',
  ],
  [
    'tls_server_config: { key_file: none, min_version: 3 }\nbasic_auth_users: { alice: no }',
    '1:51: tls_server_config.min_version: expected one of TLS10, TLS11, TLS12, TLS13, found "3"',
    '2:28: basic_auth_users.alice: expected a bcrypt hash such as htpasswd -nBC 10 "" prints, found a text of 2 characters',
  ],
];

for (const [text, ...problems] of BAD) {
  test(`is refused with its place: ${text.replaceAll('\n', ' ')}`, (t) => {
    t.deepEqual(
      problemsOf(t, text),
      problems.map((problem) => `web.yml:${problem}`),
    );
  });
}

test('a certificate and a key of different types are no pair, whichever is which', (t) => {
  const { cert, key } = certificateOf('rsa-server');
  const inline = (name: string, pem: Buffer) => `${name}: ${JSON.stringify(pem.toString())}`;
  t.deepEqual(problemsOf(t, `tls_server_config: { key_file: server.key, ${inline('cert', cert)} }`), [
    'web.yml:1:32: tls_server_config.key_file: expected the key of the certificate, found the key of another one',
  ]);
  t.regex(
    problemsOf(t, `tls_server_config: { cert_file: server.crt, ${inline('key', key)} }`).join(),
    /tls_server_config\.key: expected the key of the certificate, found the key of another one$/,
  );
  const { file } = webDirectory(t, `tls_server_config: { ${inline('cert', cert)}, ${inline('key', key)} }`);
  t.deepEqual(loadWebSettings(file).tls?.options.key, key);
});

test('a file that is missing, a directory or not UTF-8 is a problem of the file', (t) => {
  const { directory, file } = webDirectory(t, '');
  const found = (path: string) =>
    t.throws(() => loadWebSettings(path), { instanceOf: ConfigError })?.problems.map((problem) => problem.found);
  t.deepEqual(found(join(directory, 'none.yml')), ['none']);
  t.deepEqual(found(directory), ['a directory']);
  writeFileSync(file, Buffer.from([0x61, 0xff]));
  t.deepEqual(found(file), ['bytes that are not']);
});

for (const text of [
  '',
  '# nothing',
  '{}',
  'tls_server_config:\nhttp_server_config:\nbasic_auth_users:\n',
  'tls_server_config: { min_version: TLS13 }',
  '~',
  'null\n',
  'tls_server_config: ~\nhttp_server_config: Null\nbasic_auth_users: NULL # none',
  'tls_server_config: { cert_file: ~, min_version: null }\nhttp_server_config: { headers: { X-XSS-Protection: ~ } }',
]) {
  test(`leaves access open: ${JSON.stringify(text)}`, (t) => {
    const { tls, headers, passwordHashes } = loadWebSettings(webDirectory(t, text).file);
    t.deepEqual([tls, headers.size, passwordHashes.size], [undefined, 0, 0]);
  });
}

test('words for null are the defaults of a TLS block', (t) => {
  const keys = [
    'client_auth_type',
    'client_ca_file',
    'min_version',
    'max_version',
    'cipher_suites',
    'curve_preferences',
  ];
  const { tls } = loadWebSettings(
    webDirectory(t, `tls_server_config: { ${TLS_FILES}, ${keys.map((key) => `${key}: ~`).join(', ')} }`).file,
  );
  t.deepEqual(tls, loadWebSettings(webDirectory(t, `tls_server_config: { ${TLS_FILES} }`).file).tls);
});

for (const text of [
  '"~"',
  'basic_auth_users: "~"',
  "basic_auth_users: 'null'",
  'basic_auth_users: nUll',
  'basic_auth_users: { alice: ~ }',
  'http_server_config: { headers: { X-Frame-Options: ~ } }',
]) {
  test(`is text, not null: ${text}`, (t) => {
    t.is(problemsOf(t, text).length, 1);
  });
}

test('paths start at the directory of the file, and TLS 1.2 is the oldest version by default', (t) => {
  const { tls } = loadWebSettings(webDirectory(t, `tls_server_config: { ${TLS_FILES} }`).file);
  t.like(tls?.options, {
    ...certificateOf('server'),
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    requestCert: false,
  });
  t.deepEqual(tls?.clients, { isRequired: false, isVerified: false, allowedNames: undefined });
});

test('a certificate and key may stand in the file itself, and a file that is named beside them counts', (t) => {
  const { cert, key } = certificateOf('next-server');
  const inline = `cert: ${JSON.stringify(cert.toString())}, key: ${JSON.stringify(key.toString())}`;
  const serves = (text: string) => loadWebSettings(webDirectory(t, text).file).tls?.options.cert;
  t.deepEqual(serves(`tls_server_config: { ${inline} }`), cert);
  t.deepEqual(serves(`tls_server_config: { ${inline}, ${TLS_FILES} }`), certificateOf('server').cert);
});

test("suites, curves and versions have OpenSSL's names, and TLS 1.3 keeps its suites", (t) => {
  const keys =
    'cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256], curve_preferences: [X25519, CurveP256], ' +
    'min_version: TLS11, max_version: TLS12, prefer_server_cipher_suites: no';
  const { tls } = loadWebSettings(webDirectory(t, `tls_server_config: { ${TLS_FILES}, ${keys} }`).file);
  t.like(tls?.options, {
    ciphers:
      'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:ECDHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0',
    ecdhCurve: 'X25519:prime256v1',
    minVersion: 'TLSv1.1',
    maxVersion: 'TLSv1.2',
    honorCipherOrder: false,
  });
});

test('a curve that is named twice counts once', (t) => {
  const keys = 'curve_preferences: [CurveP256, X25519, CurveP256]';
  const { tls } = loadWebSettings(webDirectory(t, `tls_server_config: { ${TLS_FILES}, ${keys} }`).file);
  t.is(tls?.options.ecdhCurve, 'prime256v1:X25519');
});

test('a pair that fits but that OpenSSL refuses is a problem of the block', (t) => {
  const { cert, key } = certificateOf('weak-server');
  const pair = `cert: ${JSON.stringify(cert.toString())}, key: ${JSON.stringify(key.toString())}`;
  t.deepEqual(problemsOf(t, `tls_server_config: { ${pair} }`), [
    'web.yml:1:1: tls_server_config: expected what OpenSSL can serve TLS with, found ERR_SSL_EE_KEY_TOO_SMALL',
  ]);
});

test('headers are taken as one line each, empty ones not at all', (t) => {
  const headers =
    "{ X-Frame-Options: sameorigin, X-XSS-Protection: '', Content-Security-Policy: \"default-src 'self';\\n  img-src *\\n\" }";
  const settings = loadWebSettings(webDirectory(t, `http_server_config: { headers: ${headers} }`).file);
  t.deepEqual([...settings.headers].sort(), [
    ['Content-Security-Policy', "default-src 'self';   img-src *"],
    ['X-Frame-Options', 'sameorigin'],
  ]);
});

for (const [interval, intervalMs] of [
  ['1s', 1_000],
  ['100ms', 100],
  ['1.5s', 1_500],
  ['.5h', 1_800_000],
  ['1m30s', 90_000],
  ['250us', 0.25],
  ['1µs', 0.001],
  ['1d', 86_400_000],
] as const) {
  test(`an interval between requests is understood: ${interval}`, (t) => {
    const { file } = webDirectory(t, `rate_limit: { interval: ${interval}, burst: 20 }`);
    t.deepEqual(loadWebSettings(file).rateLimit, { intervalMs, burst: 20 });
  });
}

for (const interval of ['""', 's', '1', '1 s', '1x', '1s1', '-1s', '1w', `${'9'.repeat(400)}h`, '3000000h']) {
  test(`an interval between requests is refused: ${interval.slice(0, 20)}`, (t) => {
    t.is(problemsOf(t, `rate_limit: { interval: ${interval}, burst: 20 }`).length, 1);
  });
}

for (const text of [
  'rate_limit:',
  'rate_limit: {}',
  'rate_limit: { burst: 20 }',
  'rate_limit: { interval: 0, burst: 20 }',
  'rate_limit: { interval: 0s }',
  'rate_limit: { interval: ~, burst: ~ }',
]) {
  test(`does not limit the rate of requests: ${text}`, (t) => {
    t.is(loadWebSettings(webDirectory(t, text).file).rateLimit, undefined);
  });
}

test('a burst of 0 beside an interval is taken as it is', (t) => {
  const { file } = webDirectory(t, 'rate_limit: { interval: 1s, burst: 0 }');
  t.deepEqual(loadWebSettings(file).rateLimit, { intervalMs: 1_000, burst: 0 });
});

test('users and hashes come as they are', (t) => {
  const { passwordHashes } = loadWebSettings(
    webDirectory(t, `basic_auth_users: { alice: ${HASH}, 007: ${HASH} }`).file,
  );
  t.deepEqual([...passwordHashes.keys()].sort(), ['007', 'alice']);
  t.is(passwordHashes.get('alice'), HASH);
});

test('any text gives settings or problems, which do not show what may be secret', (t) => {
  const { file } = webDirectory(t, '');
  const secret = 'Sup3r/Secret$Value';
  const scrap = fc.oneof(
    fc.constantFrom(
      'tls_server_config',
      'basic_auth_users',
      'alice',
      'key',
      'cert',
      'client_ca',
      ': ',
      ':\n  ',
      '- ',
      '{',
      '}',
      '[',
      ']',
      '\n',
      '  ',
      '"',
      "'",
      ',',
    ),
    fc.constant(secret),
  );
  const texts = fc.array(scrap, { maxLength: 12 }).map((scraps) => scraps.join(''));
  const isUnderstood = (text: string) => {
    writeFileSync(file, `basic_auth_users:\n  alice: ${secret}\n${text}`);
    try {
      loadWebSettings(file);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return !formatProblems(error.problems).some((line) => /alice.*Sup3r/.test(line));
    }
    return true;
  };
  t.notThrows(() => fc.assert(fc.property(texts, isUnderstood), { numRuns: 300 }));
});
