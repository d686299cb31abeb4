import type { Json } from '../domain/json.js';

/** A decimal number without a limit of digits: no leading zeros in `whole`, no trailing ones in `fraction`. */
export type Decimal = {
  readonly isNegative: boolean;
  readonly whole: string;
  readonly fraction: string;
};

const SPELLING = /^(-?)(\d+)(?:\.(\d+))?$/;
/** More digits than any amount has; each one is compared. */
const MAX_DIGITS = 1_000;

/**
 * The number that a JSON number or a decimal string such as `-12.50` says, exactly; null for anything else.
 *
 * A string has digits, one point at most and no exponent: neither `1,250.00` nor `1e3` is a decimal string, and which
 * of several conventions an odd one follows would be a guess.
 */
export function parseDecimal(value: Json): Decimal | null {
  const text = typeof value === 'number' ? spellOut(value) : value;
  if (typeof text !== 'string' || text.length > MAX_DIGITS) {
    return null;
  }
  const match = SPELLING.exec(text);
  if (match === null) {
    return null;
  }
  const [, sign, digits = '', decimals = ''] = match;
  const whole = digits.replace(/^0+/, '');
  const fraction = decimals.replace(/0+$/, '');
  const isZero = whole === '' && fraction === '';
  return { isNegative: sign === '-' && !isZero, whole, fraction };
}

/** Below zero if `left` is less than `right`, above if it is greater, zero if they are the same number. */
export function compareDecimals(left: Decimal, right: Decimal): number {
  if (left.isNegative !== right.isNegative) {
    return left.isNegative ? -1 : 1;
  }
  return left.isNegative ? compareSizes(right, left) : compareSizes(left, right);
}

function compareSizes(left: Decimal, right: Decimal): number {
  return (
    left.whole.length - right.whole.length ||
    compareDigits(left.whole, right.whole) ||
    compareDigits(left.fraction, right.fraction)
  );
}

function compareDigits(left: string, right: string): number {
  if (left === right) {
    return 0;
  }
  return left < right ? -1 : 1;
}

/** A finite number in digits, where JavaScript writes an exponent: 1e21, 5e-7. */
function spellOut(value: number): string {
  const [mantissa = '', exponent] = String(value).split('e');
  if (exponent === undefined) {
    return mantissa;
  }
  const sign = mantissa.startsWith('-') ? '-' : '';
  const [whole = '', fraction = ''] = mantissa.replace('-', '').split('.');
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  return point <= 0
    ? `${sign}0.${'0'.repeat(-point)}${digits}`
    : `${sign}${digits.padEnd(point, '0')}`;
}
