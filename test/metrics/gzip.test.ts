import { crc32 } from 'node:zlib';
import test from 'ava';
import fc from 'fast-check';
import { combineCrc32, lengthOperator } from '../../src/metrics/gzip.ts';

test('the combined checksum of any two texts is the checksum of both together', (t) => {
  const bytes = fc.uint8Array({ maxLength: 5000 });
  t.notThrows(() =>
    fc.assert(
      fc.property(bytes, bytes, (first, second) => {
        const combined = combineCrc32(crc32(first), crc32(second), lengthOperator(second.length));
        return combined === crc32(Buffer.concat([first, second]));
      }),
    ),
  );
});

test('nothing appended changes nothing, and a text after nothing has its own checksum', (t) => {
  const checksum = crc32('text');
  t.is(combineCrc32(checksum, 0, lengthOperator(0)), checksum);
  t.is(combineCrc32(0, checksum, lengthOperator(4)), checksum);
});

test('a length operator holds beyond 32 bits: it is what two shorter ones make together', (t) => {
  // Appending 5 GiB to a checksum is appending 2.5 GiB twice.
  const half = lengthOperator(2.5 * 2 ** 30);
  const checksum = crc32('text');
  const twice = combineCrc32(combineCrc32(checksum, 0, half), 0, half);
  t.is(combineCrc32(checksum, 0, lengthOperator(5 * 2 ** 30)), twice);
});
