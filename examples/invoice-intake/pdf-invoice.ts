import { parseWrittenDate } from './calendar.js';
import { countryCode } from './country.js';
import { parseCents, parseDecimal } from './decimal.js';
import { InvoiceError } from './invoice-error.js';
import type { DocumentType, LineReading, Reading, TaxReading } from './invoice.js';
import type { Cell, Row } from './pdf-text.js';

/** The columns of the lines, as the heading of their table names them. */
const COLUMNS = 'description | quantity | unit price | amount';

const DOCUMENT_TYPES: ReadonlyMap<string, DocumentType> = new Map([
  ['invoice', 'invoice'],
  ['credit note', 'credit_note'],
]);

/**
 * Reads an invoice in English from the rows of a PDF.
 *
 * 1. Above the table: a label and its answer side by side; lines below an answer, under it, go on with it.
 * 2. The table: a heading, one row of four cells a line, and rows with the rest of a long description.
 * 3. Below: `Net total`, `VAT 20% on 240.00`, `VAT total` and `Total EUR`, each with its amount.
 *
 * This knows one family of layouts. What it cannot read is null or refused, which is what the
 * review gate is for; another extractor fits in the same place.
 */
export function readPdfInvoice(rows: readonly Row[]): Reading {
  const heading = rows.findIndex((row) => joined(row, ' | ').toLowerCase() === COLUMNS);
  const above = rows.slice(0, heading === -1 ? rows.length : heading);
  const fields = readFields(above);
  const documentType = readDocumentType(above);
  if (documentType === null || heading === -1) {
    throw new InvoiceError('not_an_invoice', 'is a PDF that does not read as an invoice');
  }
  const title = documentType.replace('_', ' ');
  const below = rows.slice(heading + 1);
  const firstTotal = below.findIndex((row) => row.length === 2);
  const body = firstTotal === -1 ? below : below.slice(0, firstTotal);
  const totals = readFields(firstTotal === -1 ? [] : below.slice(firstTotal));
  const [vendor = null, ...vendorAddress] = answer(fields, 'from');
  const [currency = null, total = null] = readTotal(totals);
  return {
    document_type: documentType,
    invoice_number: one(fields, `${title} number`),
    issue_date: date(fields, `${title} date`),
    due_date: date(fields, 'due date'),
    vendor: {
      name: vendor,
      vat_id: one(fields, 'vat id'),
      country: countryCode(vendorAddress.at(-1) ?? ''),
    },
    buyer: { name: answer(fields, 'bill to')[0] ?? null, reference: one(fields, 'your reference') },
    currency,
    lines: readLines(body),
    taxes: readTaxes(totals),
    totals: {
      lines: null,
      allowances: null,
      charges: null,
      net: money(totals, 'net total'),
      tax: money(totals, 'vat total'),
      total,
      prepaid: null,
      rounding: null,
      payable: null,
    },
  };
}

/** What stands beside each label, by the label in lower case and without a colon; one answer for each time it occurs. */
type Fields = ReadonlyMap<string, readonly (readonly string[])[]>;

function readFields(rows: readonly Row[]): Fields {
  const fields = new Map<string, string[][]>();
  let current: { readonly x: number; readonly answer: string[] } | null = null;
  for (const row of rows) {
    const [first, second] = row;
    if (first !== undefined && second !== undefined) {
      const label = first.text.toLowerCase().replace(/:$/, '');
      current = { x: second.x, answer: [joined(row.slice(1), ' ')] };
      fields.set(label, [...(fields.get(label) ?? []), current.answer]);
    } else if (first !== undefined && current !== null && isAt(current.x, first)) {
      current.answer.push(first.text);
    } else {
      current = null;
    }
  }
  return fields;
}

/** The rows of the answer to a label. A label that occurs twice is refused: which one is meant is a guess. */
function answer(fields: Fields, label: string): readonly string[] {
  const [rows = [], ...others] = fields.get(label) ?? [];
  if (others.length > 0) {
    throw new InvoiceError('inconsistent', `"${label}" is given ${others.length + 1} times`);
  }
  return rows;
}

function one(fields: Fields, label: string): string | null {
  const rows = answer(fields, label);
  return rows.length === 0 ? null : rows.join(' ');
}

function date(fields: Fields, label: string): string | null {
  const value = one(fields, label);
  return value === null ? null : parseWrittenDate(value, label);
}

function money(fields: Fields, label: string): bigint | null {
  const value = one(fields, label);
  return value === null ? null : parseCents(ungrouped(value), label);
}

/** The title says what it is: a row that holds nothing but `Invoice` or `Credit note`. */
function readDocumentType(rows: readonly Row[]): DocumentType | null {
  const titles = rows.map((row) => DOCUMENT_TYPES.get(joined(row, ' ').toLowerCase()));
  return titles.find((title) => title !== undefined) ?? null;
}

function readLines(rows: readonly Row[]): readonly LineReading[] {
  const lines: LineReading[] = [];
  for (const row of rows) {
    const [description, quantity, price, amount] = row;
    const last = lines.at(-1);
    if (
      description !== undefined &&
      quantity !== undefined &&
      price !== undefined &&
      amount !== undefined &&
      row.length === 4
    ) {
      lines.push({
        description: description.text,
        quantity: parseDecimal(ungrouped(quantity.text.replace(/ \p{L}+$/u, '')), 'a quantity'),
        price: parseDecimal(ungrouped(price.text), 'a unit price'),
        priced_by: null,
        adjustment: 0n,
        amount: parseCents(ungrouped(amount.text), 'an amount'),
      });
    } else if (row.length === 1 && last !== undefined) {
      lines[lines.length - 1] = { ...last, description: `${last.description} ${joined(row, ' ')}` };
    } else {
      throw new InvoiceError(
        'bad_value',
        `a row of the table cannot be read: "${joined(row, ' | ')}"`,
      );
    }
  }
  return lines;
}

function readTaxes(totals: Fields): readonly TaxReading[] {
  const taxes: TaxReading[] = [];
  for (const label of totals.keys()) {
    const [, rate, base] = /^vat ([\d.]+) ?% on ([\d.,]+)$/.exec(label) ?? [];
    if (rate !== undefined && base !== undefined) {
      taxes.push({
        base: parseCents(ungrouped(base), `the base of ${label}`),
        rate: parseDecimal(rate, 'a VAT rate'),
        tax: money(totals, label),
      });
    }
  }
  return taxes;
}

function readTotal(totals: Fields): readonly [string, bigint | null] | readonly [] {
  const label = [...totals.keys()].find((key) => /^total [a-z]{3}$/.test(key));
  return label === undefined
    ? []
    : [label.slice('total '.length).toUpperCase(), money(totals, label)];
}

/** A number without its thousands separators. `1.234,56` stays as it is, and is then refused rather than misread. */
function ungrouped(number: string): string {
  return /^-?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?$/.test(number) ? number.replaceAll(',', '') : number;
}

function joined(row: Row, separator: string): string {
  return row.map(({ text }) => text).join(separator);
}

function isAt(x: number, cell: Cell): boolean {
  return Math.abs(cell.x - x) < 2;
}
