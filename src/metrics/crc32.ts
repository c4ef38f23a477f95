// CRC-32 of two texts one after the other from the CRC-32 of each, as zlib's crc32_combine does it: a checksum is a polynomial over
// GF(2) modulo the one below, and appending n bytes to a text multiplies its checksum by x^(8n).

/** The polynomial of gzip without its highest term, lowest power in the highest bit. */
const POLYNOMIAL = 0xedb88320;
/** The polynomials 1 and x^8. */
const ONE = 0x80000000;
const X8 = 0x00800000;

/** What a checksum is multiplied by when `length` bytes are appended to its text: x^(8 × length). */
export function lengthOperator(length: number): number {
  let operator = ONE;
  let square = X8;
  for (let rest = length; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) operator = multiply(operator, square);
    square = multiply(square, square);
  }
  return operator;
}

/**
 * The checksum of a text that consists of two.
 *
 * @param first checksum of the first part
 * @param second checksum of the second part
 * @param operator the {@link lengthOperator} of the second part's length in bytes
 */
export function combineCrc32(first: number, second: number, operator: number): number {
  return (multiply(operator, first) ^ second) >>> 0;
}

/** The product of two polynomials modulo {@link POLYNOMIAL}. */
function multiply(a: number, b: number): number {
  let product = 0;
  let factor = b;
  for (let rest = a | 0; rest !== 0; rest <<= 1) {
    if (rest < 0) product ^= factor;
    factor = factor & 1 ? (factor >>> 1) ^ POLYNOMIAL : factor >>> 1;
  }
  return product >>> 0;
}
