import { createHash } from 'node:crypto';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { centsToNumber, formatCents, parseCents } from './decimal.js';
import { InvoiceError } from './invoice-error.js';
import type { DocumentType, Invoice } from './invoice.js';
import { invoiceSchema } from './schema.js';

/** What the ledger gets: a record whose debits equal its credits. */
export type Booking = {
  readonly booking_id: string;
  readonly document_type: DocumentType;
  readonly invoice_number: string;
  readonly vendor: string;
  readonly booked_on: string;
  readonly due_date: string | null;
  readonly reference: string | null;
  readonly currency: string;
  readonly entries: readonly BookingEntry[];
  readonly total_debit: number;
  readonly total_credit: number;
};

/** One side of a booking: either `debit` or `credit` is 0, and neither is negative. */
type BookingEntry = {
  readonly account: string;
  readonly name: string;
  readonly debit: number;
  readonly credit: number;
};

const ACCOUNTS = {
  purchases: { account: '4000', name: 'Purchases' },
  inputVat: { account: '1400', name: 'Input VAT' },
  payables: { account: '2000', name: 'Trade payables' },
} as const;

const ajv = new Ajv2020({ allErrors: true });
formats.default(ajv, ['date']);
const isInvoice = ajv.compile<Invoice>(invoiceSchema);

/**
 * Books an approved invoice: purchases and input VAT against what is owed to the vendor.
 *
 * 1. The same step and invoice give the same record, booking id included, so a repeat books nothing twice.
 * 2. A credit note, or a negative amount, takes the other side; VAT of 0 gets no entry.
 * 3. The invoice is checked again, because a reviewer may have corrected it: a shape other than the
 *    schema's, a missing figure, or net and tax that do not make the total are refused.
 *
 * @throws InvoiceError
 */
export function bookInvoice(approved: unknown, stepId: string): Booking {
  if (!isInvoice(approved)) {
    const reasons = ajv.errorsText(isInvoice.errors, { dataVar: 'invoice' });
    throw new InvoiceError('bad_value', `what was approved is not an invoice: ${reasons}`);
  }
  const known = {
    document_type: approved.document_type,
    invoice_number: approved.invoice_number,
    issue_date: approved.issue_date,
    vendor: approved.vendor.name,
    currency: approved.currency,
    net_amount: approved.net_amount,
    tax_amount: approved.tax_amount,
    total_amount: approved.total_amount,
  };
  if (!isComplete(known)) {
    const missing = Object.entries(known).flatMap(([name, value]) => (value === null ? name : []));
    throw new InvoiceError('incomplete', `cannot be booked without ${missing.join(', ')}`);
  }
  const postings = post(known);
  return {
    booking_id: `bkg_${createHash('sha256').update(stepId).digest('hex').slice(0, 20)}`,
    document_type: known.document_type,
    invoice_number: known.invoice_number,
    vendor: known.vendor,
    booked_on: known.issue_date,
    due_date: approved.due_date,
    reference: approved.buyer.reference,
    currency: known.currency,
    entries: postings.map(({ account, cents }) => ({
      ...account,
      debit: centsToNumber(debit(cents)),
      credit: centsToNumber(debit(-cents)),
    })),
    total_debit: centsToNumber(postings.reduce((sum, { cents }) => sum + debit(cents), 0n)),
    total_credit: centsToNumber(postings.reduce((sum, { cents }) => sum + debit(-cents), 0n)),
  };
}

/** An account and what is posted to it, in cents: a debit is positive, a credit negative. */
type Posting = {
  readonly account: (typeof ACCOUNTS)[keyof typeof ACCOUNTS];
  readonly cents: bigint;
};

function post(invoice: {
  readonly document_type: DocumentType;
  readonly invoice_number: string;
  readonly net_amount: number;
  readonly tax_amount: number;
  readonly total_amount: number;
}): readonly Posting[] {
  const net = parseCents(String(invoice.net_amount), 'net_amount');
  const tax = parseCents(String(invoice.tax_amount), 'tax_amount');
  const total = parseCents(String(invoice.total_amount), 'total_amount');
  if (net + tax !== total) {
    throw new InvoiceError(
      'inconsistent',
      `${invoice.invoice_number}: net amount plus tax comes to ${formatCents(net + tax)}, ` +
        `the total amount is ${formatCents(total)}`,
    );
  }
  const sign = invoice.document_type === 'credit_note' ? -1n : 1n;
  return [
    { account: ACCOUNTS.purchases, cents: sign * net },
    { account: ACCOUNTS.inputVat, cents: sign * tax },
    { account: ACCOUNTS.payables, cents: -sign * total },
  ].filter(({ cents }) => cents !== 0n);
}

function debit(cents: bigint): bigint {
  return cents > 0n ? cents : 0n;
}

function isComplete<T extends object>(fields: T): fields is { [K in keyof T]: NonNullable<T[K]> } {
  return Object.values(fields).every((value) => value !== null);
}
