import type { Decimal } from './decimal.js';

/** What the intake makes of a document. A field the document does not fill is null, never a guess. */
export type Invoice = {
  readonly document_type: DocumentType | null;
  readonly invoice_number: string | null;
  readonly issue_date: string | null;
  readonly due_date: string | null;
  readonly vendor: {
    readonly name: string | null;
    readonly vat_id: string | null;
    readonly country: string | null;
  };
  readonly buyer: { readonly name: string | null; readonly reference: string | null };
  readonly currency: string | null;
  readonly net_amount: number | null;
  readonly tax_amount: number | null;
  readonly total_amount: number | null;
  readonly lines: readonly InvoiceLine[];
};

/** One line of an invoice. `unit_price` is for one unit, also where the document prices by the hundred. */
export type InvoiceLine = {
  readonly description: string | null;
  readonly quantity: number | null;
  readonly unit_price: number | null;
  readonly amount: number | null;
};

/** Whether money is asked for or given back. Amounts of a credit note are positive, as on paper. */
export type DocumentType = 'invoice' | 'credit_note';

/** An invoice as its document states it: exact figures, before anything is checked or rounded. */
export type Reading = Pick<
  Invoice,
  'document_type' | 'invoice_number' | 'issue_date' | 'due_date' | 'vendor' | 'buyer' | 'currency'
> & {
  readonly lines: readonly LineReading[];
  readonly taxes: readonly TaxReading[];
  readonly totals: TotalsReading;
};

/** One line as stated. `adjustment` is its charges less its allowances, in cents. */
export type LineReading = {
  readonly description: string | null;
  readonly quantity: Decimal | null;
  readonly price: Decimal | null;
  /** How many units the price is for; null means one. */
  readonly priced_by: Decimal | null;
  readonly adjustment: bigint;
  readonly amount: bigint | null;
};

/** One row of the VAT breakdown: the taxable base, its rate in percent, and the tax, in cents. */
export type TaxReading = {
  readonly base: bigint | null;
  readonly rate: Decimal | null;
  readonly tax: bigint | null;
};

/** The totals as stated, in cents. */
export type TotalsReading = {
  readonly lines: bigint | null;
  readonly allowances: bigint | null;
  readonly charges: bigint | null;
  readonly net: bigint | null;
  readonly tax: bigint | null;
  readonly total: bigint | null;
  readonly prepaid: bigint | null;
  readonly rounding: bigint | null;
  readonly payable: bigint | null;
};
