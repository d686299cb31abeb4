import { parseCents, parseDecimal, type Decimal } from './decimal.js';
import { InvoiceError } from './invoice-error.js';
import { all, text, type Element } from './xml.js';

/** The codes of UNTDID 1001 that EN 16931 takes for a credit note. */
const CREDIT_NOTE_CODES: ReadonlySet<string> = new Set(
  '81 83 261 262 296 308 381 396 420 458 502 503 532'.split(' '),
);

/** The lexical forms of `xs:boolean`. */
const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['1', true],
  ['false', false],
  ['0', false],
]);

/** Tells a credit note from an invoice by the type code in the document. */
export function isCreditNoteCode(code: string | null): boolean {
  return code !== null && CREDIT_NOTE_CODES.has(code);
}

/** The decimal number at a path, or null. */
export function decimal(
  element: Element,
  path: string,
  currency: string | null = null,
): Decimal | null {
  const value = inCurrency(element, path, currency);
  return value === null ? null : parseDecimal(value, path);
}

/** The amount at a path in cents, or null; an amount in another currency than the document's is refused. */
export function cents(element: Element, path: string, currency: string | null): bigint | null {
  const value = inCurrency(element, path, currency);
  return value === null ? null : parseCents(value, path);
}

/** Whether an amount element is in the document's currency, said or unsaid. */
export function isIn(currency: string | null, { attributes }: Element): boolean {
  const given = attributes['currencyID'];
  return given === undefined || currency === null || given === currency;
}

/** The charges among some allowances and charges less the allowances, in cents. */
export function adjustment(
  parts: readonly Element[],
  paths: { readonly indicator: string; readonly amount: string },
  currency: string | null,
): bigint {
  return parts
    .map((part) => {
      const amount = cents(part, paths.amount, currency) ?? 0n;
      return isCharge(part, paths.indicator) ? amount : -amount;
    })
    .reduce((sum, amount) => sum + amount, 0n);
}

function isCharge(part: Element, path: string): boolean {
  const indicator = text(part, path) ?? '';
  const answer = BOOLEANS.get(indicator);
  if (answer === undefined) {
    throw new InvoiceError('bad_value', `${path} is neither true nor false: "${indicator}"`);
  }
  return answer;
}

function inCurrency(element: Element, path: string, currency: string | null): string | null {
  const other = all(element, path).find((found) => !isIn(currency, found));
  if (other !== undefined) {
    throw new InvoiceError(
      'inconsistent',
      `${path} is in ${other.attributes['currencyID']}, the document in ${currency}`,
    );
  }
  return text(element, path);
}
