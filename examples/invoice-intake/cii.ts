import { parseCompactDate } from './calendar.js';
import { parseCents } from './decimal.js';
import { InvoiceError } from './invoice-error.js';
import type { LineReading, Reading, TaxReading, TotalsReading } from './invoice.js';
import { onlyOne } from './only-one.js';
import { all, text, type Element } from './xml.js';
import { adjustment, cents, decimal, isCreditNoteCode, isIn } from './xml-fields.js';

const TRANSACTION = 'rsm:SupplyChainTradeTransaction';
const AGREEMENT = `${TRANSACTION}/ram:ApplicableHeaderTradeAgreement`;
const SETTLEMENT = `${TRANSACTION}/ram:ApplicableHeaderTradeSettlement`;
const SUMMATION = `${SETTLEMENT}/ram:SpecifiedTradeSettlementHeaderMonetarySummation`;

/** Reads a UN/CEFACT Cross Industry Invoice, the XML of Factur-X, ZUGFeRD 2 and XRechnung. */
export function readCii(root: Element): Reading {
  const code = text(root, 'rsm:ExchangedDocument/ram:TypeCode');
  const currency = text(root, `${SETTLEMENT}/ram:InvoiceCurrencyCode`);
  return {
    document_type: documentType(code),
    invoice_number: text(root, 'rsm:ExchangedDocument/ram:ID'),
    issue_date: date(root, 'rsm:ExchangedDocument/ram:IssueDateTime'),
    due_date: date(root, `${SETTLEMENT}/ram:SpecifiedTradePaymentTerms/ram:DueDateDateTime`),
    vendor: {
      name: text(root, `${AGREEMENT}/ram:SellerTradeParty/ram:Name`),
      vat_id: vatId(root),
      country: text(root, `${AGREEMENT}/ram:SellerTradeParty/ram:PostalTradeAddress/ram:CountryID`),
    },
    buyer: {
      name: text(root, `${AGREEMENT}/ram:BuyerTradeParty/ram:Name`),
      reference:
        text(root, `${AGREEMENT}/ram:BuyerReference`) ??
        text(root, `${AGREEMENT}/ram:BuyerOrderReferencedDocument/ram:IssuerAssignedID`),
    },
    currency,
    lines: all(root, `${TRANSACTION}/ram:IncludedSupplyChainTradeLineItem`).map((line) =>
      readLine(line, currency),
    ),
    taxes: all(root, `${SETTLEMENT}/ram:ApplicableTradeTax`).map((tax) => readTax(tax, currency)),
    totals: readTotals(root, currency),
  };
}

function documentType(code: string | null): Reading['document_type'] {
  if (code === null) {
    return null;
  }
  return isCreditNoteCode(code) ? 'credit_note' : 'invoice';
}

function readLine(line: Element, currency: string | null): LineReading {
  const price = 'ram:SpecifiedLineTradeAgreement/ram:NetPriceProductTradePrice';
  const settlement = 'ram:SpecifiedLineTradeSettlement';
  return {
    description:
      text(line, 'ram:SpecifiedTradeProduct/ram:Name') ??
      text(line, 'ram:SpecifiedTradeProduct/ram:Description'),
    quantity: decimal(line, 'ram:SpecifiedLineTradeDelivery/ram:BilledQuantity'),
    price: decimal(line, `${price}/ram:ChargeAmount`, currency),
    priced_by: decimal(line, `${price}/ram:BasisQuantity`),
    adjustment: adjustment(
      all(line, `${settlement}/ram:SpecifiedTradeAllowanceCharge`),
      { indicator: 'ram:ChargeIndicator/udt:Indicator', amount: 'ram:ActualAmount' },
      currency,
    ),
    amount: cents(
      line,
      `${settlement}/ram:SpecifiedTradeSettlementLineMonetarySummation/ram:LineTotalAmount`,
      currency,
    ),
  };
}

function readTax(tax: Element, currency: string | null): TaxReading {
  return {
    base: cents(tax, 'ram:BasisAmount', currency),
    rate: decimal(tax, 'ram:RateApplicablePercent'),
    tax: cents(tax, 'ram:CalculatedAmount', currency),
  };
}

function readTotals(root: Element, currency: string | null): TotalsReading {
  const stated = (name: string): bigint | null => cents(root, `${SUMMATION}/ram:${name}`, currency);
  // A second tax total may state the tax in the currency of the tax authority.
  const tax = onlyOne(
    all(root, `${SUMMATION}/ram:TaxTotalAmount`)
      .filter((amount) => isIn(currency, amount))
      .map((amount) => amount.text),
    'ram:TaxTotalAmount',
  );
  return {
    lines: stated('LineTotalAmount'),
    allowances: stated('AllowanceTotalAmount'),
    charges: stated('ChargeTotalAmount'),
    net: stated('TaxBasisTotalAmount'),
    tax: tax === null ? null : parseCents(tax, 'ram:TaxTotalAmount'),
    total: stated('GrandTotalAmount'),
    prepaid: stated('TotalPrepaidAmount'),
    rounding: stated('RoundingAmount'),
    payable: stated('DuePayableAmount'),
  };
}

function vatId(root: Element): string | null {
  const path = `${AGREEMENT}/ram:SellerTradeParty/ram:SpecifiedTaxRegistration/ram:ID`;
  const ids = all(root, path).filter(({ attributes }) => attributes['schemeID'] === 'VA');
  return onlyOne(
    ids.map((id) => id.text),
    path,
  );
}

/** A date and time of UN/CEFACT; EN 16931 allows one format, 102, which is a date. */
function date(root: Element, path: string): string | null {
  const strings = all(root, `${path}/udt:DateTimeString`);
  const format = strings.map(({ attributes }) => attributes['format']).find((it) => it !== '102');
  if (format !== undefined) {
    throw new InvoiceError('bad_value', `${path} is in date format ${format}, not in 102`);
  }
  const value = text(root, `${path}/udt:DateTimeString`);
  return value === null ? null : parseCompactDate(value, path);
}
