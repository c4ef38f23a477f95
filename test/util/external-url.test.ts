// External URLs and prefixes as people write them.
import test from 'ava';
import fc from 'fast-check';
import { parseExternalUrl, parseRoutePrefix, pathOf } from '../../src/util/external-url.ts';

for (const [text, url, path] of [
  ['https://example.com', 'https://example.com', ''],
  ['https://example.com/', 'https://example.com', ''],
  ['https://Example.com:443/acr/', 'https://example.com/acr', '/acr'],
  ['http://example.com:8080/a/b//', 'http://example.com:8080/a/b', '/a/b'],
  ['http://[::1]:8080/acr', 'http://[::1]:8080/acr', '/acr'],
  ['https://example.com/扫描', 'https://example.com/%E6%89%AB%E6%8F%8F', '/%E6%89%AB%E6%8F%8F'],
  [
    'https://k8s.example.com/api/v1/namespaces/acr/services/http:acr-scan-exporter:http/proxy/',
    'https://k8s.example.com/api/v1/namespaces/acr/services/http:acr-scan-exporter:http/proxy',
    '/api/v1/namespaces/acr/services/http:acr-scan-exporter:http/proxy',
  ],
  ['/acr/', '/acr', '/acr'],
  ['/', '', ''],
] as const) {
  test(`the external URL ${text} is ${url || 'the root'}`, (t) => {
    t.is(parseExternalUrl(text), url);
    t.is(pathOf(url), path);
  });
}

for (const text of [
  "'https://example.com/acr'",
  '"https://example.com/acr"',
  'https://example.com/acr"',
  "/acr'",
  'example.com/acr',
  'example.com:8080/acr',
  'acr',
  'ftp://example.com/acr',
  'https://',
  'https:///acr',
  'https:example.com',
  'https://exa mple.com',
  'https://example.com/a b',
  'https://user:password@example.com/acr',
  'https://user@example.com/acr',
  'https://example.com/acr?x',
  'https://example.com/acr#x',
  'https://example.com:99999/acr',
  '/acr?x',
  '/../acr',
  '/a//b',
]) {
  test(`${text} is no external URL`, (t) => {
    t.is(parseExternalUrl(text), undefined);
  });
}

for (const [text, prefix] of [
  ['/acr', '/acr'],
  ['acr', '/acr'],
  ['acr/', '/acr'],
  ['//acr//', '/acr'],
  ['/a/b.c/~d', '/a/b.c/~d'],
  ['/http:acr:http/proxy', '/http:acr:http/proxy'],
  ['/', ''],
  ['//', ''],
  ['', ''],
] as const) {
  test(`the prefix ${text || '(nothing)'} is ${prefix || 'the root'}, as in Prometheus`, (t) => {
    t.is(parseRoutePrefix(text), prefix);
  });
}

for (const text of [
  '/a b',
  '/a?b',
  '/a#b',
  '/a%20b',
  '/.',
  '/a/../b',
  '/a//b',
  '/ä',
  "/a'",
  'https://example.com/acr',
]) {
  test(`${text} is no prefix, since clients send it as another path or nginx changes it`, (t) => {
    t.is(parseRoutePrefix(text), undefined);
  });
}

test('a prefix is a path that clients send as it is, whatever was written', (t) => {
  const text = fc.oneof(
    fc.string(),
    fc.array(fc.constantFrom('/', '.', 'a', '%', ':', '@', '~', ' ')).map((all) => all.join('')),
  );
  t.notThrows(() =>
    fc.assert(
      fc.property(text, (each) => {
        const prefix = parseRoutePrefix(each);
        if (prefix === undefined) return;
        t.is(new URL(`${prefix}/metrics`, 'http://exporter').pathname, `${prefix}/metrics`);
        t.is(parseRoutePrefix(prefix), prefix);
      }),
    ),
  );
});
