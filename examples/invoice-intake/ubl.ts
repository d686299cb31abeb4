import { parseIsoDate } from './calendar.js';
import { parseCents } from './decimal.js';
import type { LineReading, Reading, TaxReading, TotalsReading } from './invoice.js';
import { onlyOne } from './only-one.js';
import { all, text, type Element } from './xml.js';
import { adjustment, cents, decimal, isCreditNoteCode, isIn } from './xml-fields.js';

/** Reads a UBL 2.1 `Invoice` or `CreditNote` by the terms of EN 16931. */
export function readUbl(root: Element): Reading {
  const isCredit = root.name === 'ubl:CreditNote';
  const currency = text(root, 'cbc:DocumentCurrencyCode');
  // A second tax total may state the tax in the currency of the tax authority.
  const taxTotals = all(root, 'cac:TaxTotal').filter((total) =>
    all(total, 'cbc:TaxAmount').every((amount) => isIn(currency, amount)),
  );
  const seller = 'cac:AccountingSupplierParty/cac:Party';
  const buyer = 'cac:AccountingCustomerParty/cac:Party';
  return {
    document_type:
      isCredit || isCreditNoteCode(text(root, 'cbc:InvoiceTypeCode')) ? 'credit_note' : 'invoice',
    invoice_number: text(root, 'cbc:ID'),
    issue_date: date(root, 'cbc:IssueDate'),
    // A credit note has no DueDate of its own; its date stands with the means of payment.
    due_date: date(root, 'cbc:DueDate') ?? date(root, 'cac:PaymentMeans/cbc:PaymentDueDate'),
    vendor: {
      name: partyName(root, seller),
      vat_id: vatId(root, seller),
      country: text(root, `${seller}/cac:PostalAddress/cac:Country/cbc:IdentificationCode`),
    },
    buyer: {
      name: partyName(root, buyer),
      reference: text(root, 'cbc:BuyerReference') ?? text(root, 'cac:OrderReference/cbc:ID'),
    },
    currency,
    lines: all(root, isCredit ? 'cac:CreditNoteLine' : 'cac:InvoiceLine').map((line) =>
      readLine(line, isCredit ? 'cbc:CreditedQuantity' : 'cbc:InvoicedQuantity', currency),
    ),
    taxes: taxTotals.flatMap((total) => readTaxes(total, currency)),
    totals: readTotals(root, taxTotals, currency),
  };
}

function readLine(line: Element, quantity: string, currency: string | null): LineReading {
  return {
    description: text(line, 'cac:Item/cbc:Name') ?? text(line, 'cac:Item/cbc:Description'),
    quantity: decimal(line, quantity),
    price: decimal(line, 'cac:Price/cbc:PriceAmount', currency),
    priced_by: decimal(line, 'cac:Price/cbc:BaseQuantity'),
    adjustment: adjustment(
      all(line, 'cac:AllowanceCharge'),
      { indicator: 'cbc:ChargeIndicator', amount: 'cbc:Amount' },
      currency,
    ),
    amount: cents(line, 'cbc:LineExtensionAmount', currency),
  };
}

function readTaxes(total: Element, currency: string | null): readonly TaxReading[] {
  return all(total, 'cac:TaxSubtotal').map((part) => ({
    base: cents(part, 'cbc:TaxableAmount', currency),
    rate: decimal(part, 'cac:TaxCategory/cbc:Percent'),
    tax: cents(part, 'cbc:TaxAmount', currency),
  }));
}

function readTotals(
  root: Element,
  taxTotals: readonly Element[],
  currency: string | null,
): TotalsReading {
  const stated = (name: string): bigint | null =>
    cents(root, `cac:LegalMonetaryTotal/cbc:${name}`, currency);
  const tax = onlyOne(
    taxTotals.flatMap((total) => text(total, 'cbc:TaxAmount') ?? []),
    'cac:TaxTotal/cbc:TaxAmount',
  );
  return {
    lines: stated('LineExtensionAmount'),
    allowances: stated('AllowanceTotalAmount'),
    charges: stated('ChargeTotalAmount'),
    net: stated('TaxExclusiveAmount'),
    tax: tax === null ? null : parseCents(tax, 'cac:TaxTotal/cbc:TaxAmount'),
    total: stated('TaxInclusiveAmount'),
    prepaid: stated('PrepaidAmount'),
    rounding: stated('PayableRoundingAmount'),
    payable: stated('PayableAmount'),
  };
}

function partyName(root: Element, party: string): string | null {
  return (
    text(root, `${party}/cac:PartyLegalEntity/cbc:RegistrationName`) ??
    text(root, `${party}/cac:PartyName/cbc:Name`)
  );
}

function vatId(root: Element, party: string): string | null {
  const ids = all(root, `${party}/cac:PartyTaxScheme`)
    .filter((scheme) => text(scheme, 'cac:TaxScheme/cbc:ID') === 'VAT')
    .flatMap((scheme) => text(scheme, 'cbc:CompanyID') ?? []);
  return onlyOne(ids, `${party}/cac:PartyTaxScheme/cbc:CompanyID`);
}

function date(element: Element, path: string): string | null {
  const value = text(element, path);
  return value === null ? null : parseIsoDate(value, path);
}
