// Accept and Accept-Encoding headers: which format and encoding a scraper gets.
import fc from 'fast-check';
import { preferredFormat, prefersGzip } from '../../src/web/request.ts';
import { defineTarget } from '../target.ts';
import { anyText, madeOf, repeated } from '../texts.ts';

/** A header that is written by the rules, and what it asks for; or any text. */
type Header = { readonly text: string | undefined; readonly ranges?: readonly Range[] };
type Range = {
  readonly type: string;
  readonly subtype: string;
  readonly parameters: string;
  readonly quality: number | undefined;
};

const space = fc.constantFrom('', '', ' ', '\t', '  ');
const quality = fc.option(
  fc.integer({ min: 0, max: 1_000 }).map((thousandths) => thousandths / 1_000),
  { nil: undefined },
);
const range: fc.Arbitrary<Range> = fc.record({
  type: fc.constantFrom('text', 'application', '*', 'image', 'TEXT'),
  subtype: fc.constantFrom('plain', 'openmetrics-text', '*', 'html', 'Plain'),
  parameters: fc.constantFrom(
    '',
    '',
    ';version=0.0.4',
    ';version=1.0.0',
    ';version=0.0.1',
    ';escaping=allow-utf-8',
    ';charset="utf-8"',
    ';version=1.0.0;escaping=values',
  ),
  quality,
});
const wellFormed: fc.Arbitrary<Header> = fc
  .tuple(fc.array(range, { minLength: 1, maxLength: 6 }), space)
  .map(([given, blank]) => {
    const ranges = given.filter(({ type, subtype }) => type !== '*' || subtype === '*');
    const text = ranges
      .map(
        ({ type, subtype, parameters, quality: q }) =>
          `${type}/${subtype}${parameters}${q === undefined ? '' : `;${blank}q=${q}`}`,
      )
      .join(`,${blank}`);
    return ranges.length === 0 ? { text: undefined } : { text, ranges };
  });

const PIECES = [
  ...[
    'text/plain',
    'application/openmetrics-text',
    '*/*',
    'text/*',
    ';version=0.0.4',
    ';version=1.0.0',
    ';q=',
    '0',
    '1',
    '0.5',
    ';',
    ',',
    ' ',
    '\t',
    '=',
  ],
  ...[
    '"',
    '\\',
    ';escaping=',
    'charset=',
    'gzip',
    'identity',
    'deflate',
    '*',
    '/',
    'q',
    '+',
    '-1',
    '1e9',
    'NaN',
    '__proto__',
    'constructor',
  ],
];
const odd = fc.oneof(madeOf(PIECES, 16), anyText(), repeated(PIECES, 16_000)).map((text): Header => ({ text }));

type Coding = { readonly name: string; readonly quality: number | undefined };
type Encoding = { readonly text: string | undefined; readonly codings?: readonly Coding[] };

const coding: fc.Arbitrary<Coding> = fc.record({
  name: fc.constantFrom('gzip', 'GZIP', 'identity', '*', 'deflate', 'br'),
  quality,
});
const encodings: fc.Arbitrary<Encoding> = fc.oneof(
  fc
    .tuple(fc.uniqueArray(coding, { maxLength: 5, selector: ({ name }) => name.toLowerCase() }), space)
    .map(([codings, blank]) => ({
      text: codings
        .map(({ name, quality: q }) => `${name}${q === undefined ? '' : `;${blank}q=${q}`}`)
        .join(`,${blank}`),
      codings,
    })),
  odd,
);

export const negotiation = defineTarget({
  name: 'negotiation',
  sentence:
    'the negotiated format and encoding are acceptable by the headers, as far as these follow the rules of HTTP',
  share: 3,
  inputs: fc.record({
    accept: fc.oneof({ weight: 2, arbitrary: wellFormed }, { weight: 1, arbitrary: odd }),
    acceptEncoding: encodings,
  }),
  open: () => ({
    check: ({ accept, acceptEncoding }) => {
      const format = preferredFormat(accept.text);
      const gzip = prefersGzip(acceptEncoding.text);
      if (accept.ranges !== undefined) requirePreferred(format, accept.ranges, accept.text);
      if (acceptEncoding.codings !== undefined) requireEncoding(gzip, acceptEncoding.codings, acceptEncoding.text);
      return `${format}${gzip ? ' with gzip' : ''}`;
    },
  }),
});

/** RFC 9110, section 12.5.3: what is not named is as `*` says; `identity` is accepted unless something says otherwise. */
function requireEncoding(gzip: boolean, codings: readonly Coding[], text: string | undefined): void {
  const qualityOfCoding = (name: string) => {
    const named = codings.find((each) => each.name.toLowerCase() === name) ?? codings.find((each) => each.name === '*');
    return named === undefined ? undefined : (named.quality ?? 1);
  };
  const [compressed, plain] = [qualityOfCoding('gzip') ?? 0, qualityOfCoding('identity')];
  const isRight = gzip ? compressed > 0 && compressed >= (plain ?? 0) : compressed <= (plain ?? 1) || compressed === 0;
  if (!isRight) throw new Error(`Accept-Encoding: ${text} ${gzip ? 'gives' : 'does not give'} gzip`);
}

type Offered = { readonly format: string; readonly type: string; readonly subtype: string; readonly version: string };

const TEXT: Offered = { format: 'text', type: 'text', subtype: 'plain', version: '0.0.4' };
const OPENMETRICS: Offered = {
  format: 'openmetrics',
  type: 'application',
  subtype: 'openmetrics-text',
  version: '1.0.0',
};

/** RFC 9110, section 12.5.1. Between formats that are accepted equally well it leaves the choice. */
function requirePreferred(format: string, ranges: readonly Range[], text: string | undefined): void {
  const [chosen, other] = format === 'text' ? [TEXT, OPENMETRICS] : [OPENMETRICS, TEXT];
  const [quality, otherQuality] = [qualityOf(chosen, ranges), qualityOf(other, ranges)];
  if (quality < otherQuality || (quality === 0 && format !== 'text')) {
    throw new Error(`Accept: ${text} gives ${format}, of quality ${quality} as against ${otherQuality}`);
  }
}

/** The quality of the range that is most specific of those that take the format. */
function qualityOf(offered: Offered, ranges: readonly Range[]): number {
  let best = { specificity: -1, quality: 0 };
  for (const range of ranges) {
    const [specificity, quality] = [specificityOf(range, offered), range.quality ?? 1];
    const isBetter = specificity > best.specificity || (specificity === best.specificity && quality > best.quality);
    if (specificity >= 0 && isBetter) best = { specificity, quality };
  }
  return best.quality;
}

function specificityOf(range: Range, offered: Offered): number {
  const [type, subtype] = [range.type.toLowerCase(), range.subtype.toLowerCase()];
  const version = /version=([\d.]+)/.exec(range.parameters)?.[1];
  const takes = (text: string, own: string) => text === '*' || text === own;
  if (!takes(type, offered.type) || !takes(subtype, offered.subtype)) return -1;
  if (version !== undefined && version !== offered.version) return -1;
  return (type === '*' ? 0 : 4) + (subtype === '*' ? 0 : 2) + (version === undefined ? 0 : 1);
}
