// Texts and bytes as they should not be, made of pieces so that what fails can be made small.
import fc from 'fast-check';

/** Any characters at all, halves of surrogate pairs among them. */
export function anyText(maxLength = 40): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 4, arbitrary: fc.string({ maxLength }) },
    { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength }) },
    { weight: 1, arbitrary: fc.string({ unit: ODD_CHARACTER, maxLength }) },
  );
}

const ODD_CHARACTER = fc.constantFrom(
  ...['\0', '\t', '\n', '\r', '\u001b', '"', "'", '\\', '<', '>', '&', '%', ';', ',', '=', ' '],
  ...[
    '\u0085',
    '\u00a0',
    '\u200b',
    '\u202e',
    '\u2028',
    '\ufeff',
    '\ufffd',
    '\ud800',
    '\udfff',
    '👩‍👩‍👧',
    'é',
    'e\u0301',
    'ß',
    'İ',
  ],
);

/** Texts of these pieces. */
export function madeOf(pieces: readonly string[], maxLength = 12): fc.Arbitrary<string> {
  return fc.array(fc.constantFrom(...pieces), { maxLength }).map((parts) => parts.join(''));
}

/** Mostly few, so that the rest of the time is left for other inputs. */
const TIMES = [2, 5, 10, 30, 30, 100, 100, 300, 300, 1_000, 1_000];

/** One piece many times, between two others: what makes a careless regular expression take its time. */
export function repeated(pieces: readonly string[], most = 20_000): fc.Arbitrary<string> {
  const piece = fc.constantFrom(...pieces);
  return fc
    .tuple(piece, piece, fc.constantFrom(...TIMES, most), piece)
    .map(
      ([before, each, times, after]) =>
        before + each.repeat(Math.ceil(Math.min(times, most) / Math.max(1, each.length))) + after,
    );
}

/** An edit of a text: at a place (a share of the length) so many characters go, and others come, or some of the text come again. */
type Edit = { readonly at: number; readonly length: number; readonly piece: string | { readonly from: number } };

/** Good texts with a few edits, the pieces of which are those of a language. */
export function edited(texts: readonly string[], pieces: readonly string[], mostEdits = 4): fc.Arbitrary<string> {
  const at = fc.nat({ max: 65_535 });
  const piece: fc.Arbitrary<Edit['piece']> = fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(...pieces) },
    { weight: 2, arbitrary: anyText(8) },
    { weight: 2, arbitrary: fc.record({ from: at }) },
  );
  const length = fc.oneof(fc.constant(0), fc.nat({ max: 8 }), fc.nat({ max: 60 }), fc.constant(65_535));
  const edit: fc.Arbitrary<Edit> = fc.record({ at, length, piece });
  return fc
    .tuple(fc.constantFrom(...texts), fc.array(edit, { maxLength: mostEdits }))
    .map(([text, edits]) => edits.reduce(apply, text));
}

function apply(text: string, { at, length, piece }: Edit): string {
  const place = Math.floor((at / 65_536) * (text.length + 1));
  const from = typeof piece === 'string' ? 0 : Math.floor((piece.from / 65_536) * text.length);
  const added = typeof piece === 'string' ? piece : text.slice(from, from + 40);
  return text.slice(0, place) + added + text.slice(place + length);
}

/** The bytes of texts, some of them changed, so that they may be UTF-8 no more. */
export function spoilt(texts: fc.Arbitrary<string>): fc.Arbitrary<Buffer> {
  const change = fc.tuple(
    fc.nat({ max: 65_535 }),
    fc.oneof(fc.constantFrom(0, 0x7f, 0x80, 0xc0, 0xed, 0xfe, 0xff), fc.nat({ max: 255 })),
  );
  return fc.tuple(texts, fc.array(change, { maxLength: 2 })).map(([text, changes]) => {
    const bytes = Buffer.from(text);
    for (const [at, value] of changes) if (bytes.length > 0) bytes[Math.floor((at / 65_536) * bytes.length)] = value;
    return bytes;
  });
}
