// Texts of a line that the program takes apart by hand: durations, addresses, passwords, names of certificates, patterns.
import fc from 'fast-check';
import { glob } from '../../src/discovery/glob.ts';
import { formatDuration, parseDuration } from '../../src/util/duration.ts';
import { escapeInvisible } from '../../src/util/invisible-characters.ts';
import { parseListenAddress } from '../../src/util/listen-address.ts';
import { namesOf } from '../../src/web/access/client-certificates.ts';
import { credentialsIn } from '../../src/web/access/passwords.ts';
import { requireEqual } from '../outputs.ts';
import { defineTarget } from '../target.ts';
import { anyText, madeOf, repeated } from '../texts.ts';

const DURATION = [
  '1',
  '9',
  '0',
  '00',
  '15',
  '999999999',
  'd',
  'h',
  'm',
  's',
  'ms',
  ' ',
  '.',
  '-',
  '+',
  'M',
  '٣',
  'e9',
  '\n',
];

export const durations = defineTarget({
  name: 'durations',
  sentence: 'a duration is the sum of its parts, and its written form is read as the same duration',
  share: 0.3,
  inputs: fc.oneof(
    { weight: 3, arbitrary: madeOf(DURATION, 8) },
    { weight: 2, arbitrary: fc.nat().map((ms) => formatDuration(ms)) },
    { weight: 1, arbitrary: anyText() },
    { weight: 1, arbitrary: repeated(DURATION) },
  ),
  open: () => ({
    check: (text) => {
      const ms = parseDuration(text);
      if (ms === undefined) return 'none';
      const parts = [...text.matchAll(/([0-9]+)(ms|[dhms])/g)];
      requireEqual(parts.map(([part]) => part).join(''), text, 'the parts');
      const units = new Map([
        ['ms', 1],
        ['s', 1e3],
        ['m', 6e4],
        ['h', 36e5],
        ['d', 864e5],
      ]);
      const sum = parts.reduce(
        (total, [, count, unit = '']) => total + Number(count) * (units.get(unit) ?? Number.NaN),
        0,
      );
      requireEqual(ms, sum, text);
      requireEqual(parseDuration(formatDuration(ms)), ms, `${text} written again`);
      return 'a duration';
    },
  }),
});

const ADDRESS = [
  '[',
  ']',
  ':',
  '::',
  '::1',
  '0',
  '80',
  '65535',
  '65536',
  '99999',
  'localhost',
  '127.0.0.1',
  '%eth0',
  '.',
  '/',
  ' ',
  'a',
  '\n',
];

export const addresses = defineTarget({
  name: 'listen-addresses',
  sentence: 'a listen address has a valid port, or is refused',
  share: 0.3,
  inputs: fc.oneof(
    fc
      .tuple(
        fc.constantFrom('', 'localhost', '127.0.0.1', '[::1]', '[fe80::1%eth0]', '::1', '[]', '[x]', 'a/b', ' '),
        fc.oneof(fc.nat({ max: 99_999 }).map(String), fc.constantFrom('', '00080', '٨٠', '-1', '1e3')),
      )
      .map(([host, port]) => `${host}:${port}`),
    madeOf(ADDRESS, 6),
    anyText(),
    repeated(ADDRESS),
  ),
  open: () => ({
    check: (text) => {
      const address = parseListenAddress(text);
      if (address === undefined) return 'none';
      const { host = '', port } = address;
      if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error(`a port ${port} in ${text}`);
      if (/[\s/[\]]/.test(host)) throw new Error(`a host ${host} in ${text}`);
      const written = [`${host}:`, `[${host}]:`].filter((start) => text.startsWith(start));
      if (written.length === 0) throw new Error(`a host ${host} that is not in ${text}`);
      return 'an address';
    },
  }),
});

const AUTHORIZATION = [
  'Basic ',
  'basic',
  'BASIC  ',
  'Bearer ',
  'Basic\t',
  ' ',
  '=',
  '==',
  'YWRtaW46c2VjcmV0',
  'Og==',
  'Y',
  '-',
  '_',
  '+',
  '/',
  '\u00ff',
  ',',
  '\0',
  '%',
];
const password = fc.tuple(anyText(20), anyText(20));
type Authorization = { readonly header: string; readonly claim?: { readonly user: string; readonly password: string } };

export const authorizations = defineTarget<Authorization>({
  name: 'authorizations',
  sentence: 'an Authorization header gives the user and password that it was made from, or none',
  share: 3,
  inputs: fc.oneof(
    madeOf(AUTHORIZATION, 10).map((header) => ({ header })),
    repeated(AUTHORIZATION, 16_000).map((header) => ({ header })),
    password.map(([user, secret]) => {
      const claim = { user: user.replaceAll(':', ''), password: secret };
      const text = Buffer.from(`${claim.user}:${claim.password}`);
      const read = text.toString();
      const end = read.indexOf(':');
      return {
        header: `Basic ${text.toString('base64')}`,
        claim: { user: read.slice(0, end), password: read.slice(end + 1) },
      };
    }),
  ),
  open: () => ({
    check: ({ header, claim }) => {
      const found = credentialsIn(header);
      if (claim !== undefined) requireEqual(found, claim, header);
      if (found?.user.includes(':')) throw new Error(`a user with a colon in ${header}`);
      return found === undefined ? 'none' : 'a user and a password';
    },
  }),
});

const SAN = [
  'DNS:',
  'IP Address:',
  'email:',
  'URI:',
  'othername:',
  'a.example.com',
  '127.0.0.1',
  '0:0:0:0:0:0:0:1',
  '"',
  '\\"',
  '\\u0000',
  '\\',
  ', ',
  ',',
  ':',
  'x',
];
type Name = { readonly kind: string; readonly name: string };
const certificateName: fc.Arbitrary<Name> = fc.record({
  kind: fc.constantFrom('DNS', 'email', 'URI', 'DirName'),
  name: fc.oneof(madeOf(['a', '.com', ',', '"', ' ', ':', 'DNS:', '\\', "'", '\n'], 6), anyText(10)),
});
type CertificateNames = { readonly text: string; readonly names?: readonly Name[] };

export const certificateNames = defineTarget<CertificateNames>({
  name: 'certificate-names',
  sentence: 'exactly the names in a certificate are found, whatever they contain',
  share: 3,
  inputs: fc.oneof(
    madeOf(SAN, 10).map((text) => ({ text })),
    repeated(SAN).map((text) => ({ text })),
    fc.array(certificateName, { maxLength: 4 }).map((names) => ({
      // As Node writes them: those with a character that could pass for another entry are JSON.
      text: names
        .map(
          ({ kind, name }) =>
            `${kind}:${/^[^,"'\\\p{Cc}\p{Surrogate}]*$/u.test(name) ? name : escapeInvisible(JSON.stringify(name))}`,
        )
        .join(', '),
      names,
    })),
  ),
  open: () => ({
    check: ({ text, names }) => {
      const found = namesOf({ subjectAltName: text });
      if (names === undefined) return found.length === 0 ? 'none' : 'some names';
      const expected = names.filter(({ kind }) => kind !== 'DirName').map(({ name }) => name);
      requireEqual(found, expected, text);
      return 'the names';
    },
  }),
});

const PATTERN = ['*', '**', '?', 'a', 'aa', 'b', '-', '.', '[', '😀', 'é', '\\', '\n'];

export const patterns = defineTarget({
  name: 'patterns',
  sentence: 'a discovery pattern matches exactly the names that an exhaustive search finds, and quickly',
  share: 3,
  inputs: fc.record({
    pattern: fc.oneof(
      { weight: 4, arbitrary: madeOf(PATTERN, 8) },
      { weight: 1, arbitrary: repeated(['*a', '*', 'a*b', '?'], 255) },
    ),
    name: fc.oneof(
      { weight: 4, arbitrary: madeOf(PATTERN.slice(3), 10) },
      { weight: 1, arbitrary: repeated(['a', 'ab', 'b'], 255) },
    ),
  }),
  open: () => ({
    check: ({ pattern, name }) => {
      const matches = glob(pattern)(name);
      requireEqual(matches, takes([...pattern], [...name]), `${pattern} for ${name}`);
      return matches ? 'taken' : 'left';
    },
  }),
});

/** By a table: whether the first characters of the pattern take the first characters of the name. */
function takes(pattern: readonly string[], name: readonly string[]): boolean {
  let row = [true, ...Array<boolean>(name.length).fill(false)];
  for (const character of pattern) {
    const next = [character === '*' && row[0] === true];
    for (const [index, given] of name.entries()) {
      const isTaken =
        character === '*'
          ? row[index + 1] === true || next[index] === true
          : row[index] === true && (character === '?' || character === given);
      next.push(isTaken);
    }
    row = next;
  }
  return row[name.length] === true;
}
