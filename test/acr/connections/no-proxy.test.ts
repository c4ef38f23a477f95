// The hosts of no_proxy, compared with a table that Go's own package httpproxy (golang.org/x/net) has filled in.
import { readFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { createNoProxy, type Destination } from '../../../src/acr/connections/no-proxy.ts';

/** For each list a letter a URL: P for through the proxy, - for not. */
type Table = { readonly urls: readonly string[]; readonly rows: Readonly<Record<string, string>> };

const { urls, rows }: Table = JSON.parse(
  readFileSync(new URL('../../fixtures/no-proxy/go-httpproxy.json', import.meta.url), 'utf8'),
);

function destinationOf(url: string): Destination {
  const [, protocol, host = ''] = /^(https?):\/\/(.*)$/.exec(url) ?? [];
  return { protocol: protocol === 'https' ? 'https' : 'http', host };
}

const rowOf = (list: string) => {
  const isExcepted = createNoProxy(list);
  return urls.map((url) => (isExcepted(destinationOf(url)) ? '-' : 'P')).join('');
};

test('each entry excepts exactly the URLs that it excepts in Go', (t) => {
  t.true(Object.keys(rows).length * urls.length > 15_000);
  for (const [list, row] of Object.entries(rows)) t.is(rowOf(list), row, JSON.stringify(list));
});

test('any list excepts what one of its entries excepts, in any case and with any blanks', (t) => {
  const entry = fc
    .tuple(fc.constantFrom(...Object.keys(rows)), fc.constantFrom('', ' ', '\t'), fc.boolean())
    .map(([list, blank, isUpper]) => ({
      row: rows[list] ?? '',
      text: blank + (isUpper ? list.toUpperCase() : list) + blank,
    }))
    .filter(({ text }) => /^\p{ASCII}*$/u.test(text));
  const property = fc.property(fc.array(entry, { maxLength: 5 }), (entries) => {
    const expected = urls.map((_, index) =>
      [{ row: rows[''] ?? '' }, ...entries].some(({ row }) => row[index] === '-') ? '-' : 'P',
    );
    t.is(rowOf(entries.map(({ text }) => text).join(',')), expected.join(''));
  });
  t.notThrows(() => fc.assert(property, { numRuns: 200 }));
});
