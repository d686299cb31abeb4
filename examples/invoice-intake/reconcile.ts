import { divideRounded, formatCents } from './decimal.js';
import { InvoiceError } from './invoice-error.js';
import type { LineReading, Reading, TaxReading } from './invoice.js';

/** Peppol BIS Billing 3.0 lets a line differ by 0.02 from quantity times price (rule R120). */
const LINE_SLACK = 2n;

/** EN 16931 lets a VAT row differ by less than one unit of currency, for tax rounded line by line (BR-CO-17). */
const TAX_SLACK = 99n;

/**
 * Checks that the figures of an invoice agree with each other; the rules are those of EN 16931.
 *
 * 1. Each line is its quantity times its price, with its own charges and allowances.
 * 2. The lines add up to their sum, and with charges and allowances of the document to the net amount (BR-CO-10, -13).
 * 3. Each VAT row is its base times its rate; the rows add up to the net amount and to the tax (BR-CO-14, -17).
 * 4. Net and tax make the total; less what is prepaid, and rounded, it is what is payable (BR-CO-15, -16).
 *
 * A figure the document leaves out is not checked and not made up. The first contradiction is
 * thrown, with both figures.
 */
export function reconcile({ lines, taxes, totals }: Reading): void {
  lines.forEach(checkLine);
  const linesSum = sum(lines.map(({ amount }) => amount));
  agree('the sum of the lines', linesSum, totals.lines);
  const net = sum([totals.lines ?? linesSum, -(totals.allowances ?? 0n), totals.charges ?? 0n]);
  agree('the net amount by the lines', net, totals.net);
  taxes.forEach(checkTax);
  const basesSum = sum(taxes.map(({ base }) => base));
  agree('the net amount by the VAT rows', basesSum, totals.net, TAX_SLACK);
  agree('the sum of the VAT rows', sum(taxes.map(({ tax }) => tax)), totals.tax);
  agree('net amount plus tax', sum([totals.net, totals.tax]), totals.total);
  const payable = sum([totals.total, -(totals.prepaid ?? 0n), totals.rounding ?? 0n]);
  agree('the amount payable', payable, totals.payable);
}

function checkLine(line: LineReading, index: number): void {
  agree(`the amount of line ${index + 1}`, lineAmount(line), line.amount, LINE_SLACK);
}

function lineAmount({ quantity, price, priced_by, adjustment }: LineReading): bigint | null {
  if (quantity === null || price === null) {
    return null;
  }
  const per = priced_by ?? { units: 1n, scale: 0 };
  if (per.units === 0n) {
    throw new InvoiceError('bad_value', 'a price is given for a quantity of 0');
  }
  const dividend = quantity.units * price.units * 100n * 10n ** BigInt(per.scale);
  const divisor = per.units * 10n ** BigInt(quantity.scale + price.scale);
  return divideRounded(dividend, divisor) + adjustment;
}

function checkTax({ base, rate, tax }: TaxReading, index: number): void {
  const computed =
    base === null || rate === null
      ? null
      : divideRounded(base * rate.units, 100n * 10n ** BigInt(rate.scale));
  agree(`the tax of VAT row ${index + 1}`, computed, tax, TAX_SLACK);
}

function agree(what: string, computed: bigint | null, stated: bigint | null, slack = 0n): void {
  if (computed === null || stated === null) {
    return;
  }
  const difference = computed - stated;
  if (difference > slack || difference < -slack) {
    throw new InvoiceError(
      'inconsistent',
      `${what} comes to ${formatCents(computed)}, the document states ${formatCents(stated)}`,
    );
  }
}

/** The sum, or null where a part is unknown or where there is nothing to add. */
function sum(parts: readonly (bigint | null)[]): bigint | null {
  const known = parts.filter((part) => part !== null);
  return parts.length === 0 || known.length < parts.length
    ? null
    : known.reduce((total, part) => total + part, 0n);
}
