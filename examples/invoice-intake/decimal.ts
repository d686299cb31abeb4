import { InvoiceError } from './invoice-error.js';

/** An exact decimal number: `units` divided by ten to the power of `scale`. */
export type Decimal = { readonly units: bigint; readonly scale: number };

/** The lexical form of `xs:decimal`: no exponent, no grouping. */
const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?$/;

/** A double keeps fifteen significant digits, so an amount below this survives JSON to the cent. */
const MAX_CENTS = 10n ** 15n;

/** Reads a decimal number exactly, or refuses the text in the words of `what`. */
export function parseDecimal(text: string, what: string): Decimal {
  const [, sign = '', whole = '', fraction = ''] = DECIMAL.exec(text) ?? [];
  const digits = whole + fraction;
  if (digits === '' || digits.length > 30) {
    throw new InvoiceError('bad_value', `${what} is not a decimal number: "${text.slice(0, 40)}"`);
  }
  return { units: BigInt(`${sign === '-' ? '-' : ''}${digits}`), scale: fraction.length };
}

/** Reads an amount of money in cents. Anything finer than a cent is refused, not rounded. */
export function parseCents(text: string, what: string): bigint {
  const { units, scale } = parseDecimal(text, what);
  const divisor = 10n ** BigInt(scale);
  const cents = (units * 100n) / divisor;
  if (cents * divisor !== units * 100n) {
    throw new InvoiceError('bad_value', `${what} is finer than a cent: ${text}`);
  }
  if (cents >= MAX_CENTS || cents <= -MAX_CENTS) {
    throw new InvoiceError('bad_value', `${what} is too large to be an amount: ${text}`);
  }
  return cents;
}

/** Divides and rounds half away from zero, as commercial rounding does. */
export function divideRounded(dividend: bigint, divisor: bigint): bigint {
  const negative = dividend < 0n !== divisor < 0n;
  const [top, bottom] = [dividend < 0n ? -dividend : dividend, divisor < 0n ? -divisor : divisor];
  const quotient = (2n * top + bottom) / (2n * bottom);
  return negative ? -quotient : quotient;
}

/** The JSON number of an amount: the double nearest to it, which prints as the same figure. */
export function centsToNumber(cents: bigint): number {
  return Number(cents) / 100;
}

/** The JSON number of a decimal. */
export function decimalToNumber({ units, scale }: Decimal): number {
  return Number(`${units}e-${scale}`);
}

/** An amount as people read it: `1204.50`. */
export function formatCents(cents: bigint): string {
  const digits = (cents < 0n ? -cents : cents).toString().padStart(3, '0');
  return `${cents < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}
