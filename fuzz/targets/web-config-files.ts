// Web configuration files: TLS, headers and passwords.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { ReadFiles } from '../../src/util/read-files.ts';
import { ConfigError } from '../../src/util/yaml/problems.ts';
import { loadWebSettings } from '../../src/web/access/load.ts';
import { requireEqual, SECRETS } from '../outputs.ts';
import { requireClearProblems } from '../problems.ts';
import { defineTarget } from '../target.ts';
import { spoilt } from '../texts.ts';
import { type Tree, yamlNear } from '../yaml-texts.ts';

const FILE = '/etc/web.yml';
const FIXTURES = new Map(
  ['server.crt', 'server.key', 'authority.crt', 'rsa-server.crt', 'stranger.key'].map((name) => [
    `/etc/${name}`,
    readFileSync(new URL(`../../test/fixtures/tls/${name}`, import.meta.url)),
  ]),
);
const HASH = '$2b$04$NFCd2wolGqHFOQhJJlsdaeyh0gxkl.sG86M2qVY1CMA8iI566jmBO';
const users = { admin: HASH, scraper: SECRETS.password };

const TREES: readonly Tree[] = [
  { basic_auth_users: { admin: HASH, other: HASH } },
  {
    tls_server_config: {
      cert_file: 'server.crt',
      key_file: 'server.key',
      client_auth_type: 'RequireAndVerifyClientCert',
      client_ca_file: 'authority.crt',
      client_allowed_sans: ['client.test'],
      min_version: 'TLS12',
      max_version: 'TLS13',
      cipher_suites: ['TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256'],
      curve_preferences: ['X25519', 'CurveP256'],
      prefer_server_cipher_suites: 'yes',
    },
    http_server_config: {
      http2: 'true',
      headers: {
        'Strict-Transport-Security': 'max-age=1',
        'X-Frame-Options': 'deny',
        'X-Content-Type-Options': 'nosniff',
      },
    },
    basic_auth_users: { admin: HASH },
  },
  {
    http_server_config: { headers: { 'Content-Security-Policy': "default-src 'self'", 'X-XSS-Protection': '1' } },
    basic_auth_users: users,
  },
];
const TEXTS = [
  `basic_auth_users:\n  admin: ${HASH}\n  scraper: ${JSON.stringify(SECRETS.password)}\n`,
  'tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\nhttp_server_config:\n  headers:\n    X-Frame-Options: deny\n',
];

/** Files that lie in memory. */
class Shelf extends ReadFiles {
  readonly #file: Buffer;

  constructor(file: Buffer) {
    super();
    this.#file = file;
  }

  override read(path: string): Buffer {
    const content = path === FILE ? this.#file : FIXTURES.get(path);
    if (content === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
    return content;
  }
}

export const webConfigFiles = defineTarget({
  name: 'web-config-files',
  sentence: 'a web configuration file gives settings, the same each time, or clear problems that show no password',
  share: 1,
  inputs: fc.oneof(
    { weight: 4, arbitrary: yamlNear(TREES, TEXTS).map((text) => Buffer.from(text)) },
    { weight: 1, arbitrary: spoilt(yamlNear(TREES, TEXTS)) },
  ),
  open: () => ({
    check: (bytes) => {
      const first = outcomeOf(bytes);
      requireEqual(outcomeOf(bytes), first, 'the same file again');
      return first.problems === undefined ? 'settings' : 'problems';
    },
  }),
});

function outcomeOf(bytes: Buffer) {
  try {
    const { headers, passwordHashes, tls } = loadWebSettings(FILE, new Shelf(bytes));
    for (const [name, value] of headers)
      if (/[\r\n\0]/.test(`${name}${value}`)) throw new Error(`a header ${name}: ${value}`);
    return { headers: [...headers], users: [...passwordHashes], clients: tls?.clients };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    requireClearProblems(error, bytes.toString());
    return { problems: error.problems };
  }
}
