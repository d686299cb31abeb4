import { readCii } from './cii.js';
import { centsToNumber, decimalToNumber, divideRounded, type Decimal } from './decimal.js';
import { InvoiceError } from './invoice-error.js';
import type { Invoice, LineReading, Reading } from './invoice.js';
import { readPdfInvoice } from './pdf-invoice.js';
import { readPdfRows } from './pdf-text.js';
import { reconcile } from './reconcile.js';
import { readUbl } from './ubl.js';
import { readXml } from './xml.js';

/** A document as it arrives: its name, what it claims to be, and its bytes. */
export type InvoiceDocument = {
  readonly name: string;
  readonly media_type: 'application/xml' | 'application/pdf';
  readonly content_base64: string;
};

/** Far above any invoice: those of this example have 3 to 10 kB. */
const MAX_BYTES = 2_000_000;

/**
 * Makes an invoice of a document: an EN 16931 e-invoice (UBL or UN/CEFACT CII) or a PDF with text.
 *
 * 1. What the document does not say is null; nothing is guessed from something else.
 * 2. Amounts are read exactly and must agree with each other (see `reconcile`), so that no sum is wrong in silence.
 * 3. The same document gives the same invoice: nothing else is read.
 *
 * @throws InvoiceError, whose message begins with the document's name.
 */
export async function extractInvoice(document: InvoiceDocument): Promise<Invoice> {
  try {
    const reading = await read(document);
    reconcile(reading);
    return toInvoice(reading);
  } catch (error) {
    if (error instanceof InvoiceError) {
      throw new InvoiceError(error.code, `${document.name}: ${error.message}`, { cause: error });
    }
    throw error;
  }
}

async function read({ media_type, content_base64 }: InvoiceDocument): Promise<Reading> {
  const bytes = decode(content_base64);
  switch (media_type) {
    case 'application/xml':
      return readXmlInvoice(bytes);
    case 'application/pdf':
      return readPdfInvoice(await readPdfRows(bytes));
    default:
      throw new InvoiceError(
        'bad_input',
        `is ${String(media_type)}, not application/xml or application/pdf`,
      );
  }
}

function readXmlInvoice(bytes: Uint8Array): Reading {
  const root = readXml(bytes);
  switch (root.name) {
    case 'ubl:Invoice':
    case 'ubl:CreditNote':
      return readUbl(root);
    case 'rsm:CrossIndustryInvoice':
      return readCii(root);
    default:
      throw new InvoiceError(
        'not_an_invoice',
        `is neither a UBL invoice or credit note nor a CII invoice: its root is ${root.name}`,
      );
  }
}

function decode(base64: string): Uint8Array {
  if (base64.length > (MAX_BYTES / 3) * 4) {
    throw new InvoiceError('bad_input', `is over ${MAX_BYTES} bytes`);
  }
  if (base64.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) {
    throw new InvoiceError('bad_input', 'has a content that is not base64');
  }
  return new Uint8Array(Buffer.from(base64, 'base64'));
}

function toInvoice(reading: Reading): Invoice {
  return {
    document_type: reading.document_type,
    invoice_number: reading.invoice_number,
    issue_date: reading.issue_date,
    due_date: reading.due_date,
    vendor: reading.vendor,
    buyer: reading.buyer,
    currency: reading.currency,
    net_amount: amount(reading.totals.net),
    tax_amount: amount(reading.totals.tax),
    total_amount: amount(reading.totals.total),
    lines: reading.lines.map((line) => ({
      description: line.description,
      quantity: line.quantity === null ? null : decimalToNumber(line.quantity),
      unit_price: unitPrice(line),
      amount: amount(line.amount),
    })),
  };
}

function amount(cents: bigint | null): number | null {
  return cents === null ? null : centsToNumber(cents);
}

/** The price of one unit, to six decimals where the document prices by the hundred or the like. */
function unitPrice({ price, priced_by }: LineReading): number | null {
  if (price === null || priced_by === null) {
    return price === null ? null : decimalToNumber(price);
  }
  const units = divideRounded(
    price.units * 10n ** BigInt(6 + priced_by.scale),
    priced_by.units * 10n ** BigInt(price.scale),
  );
  const perUnit: Decimal = { units, scale: 6 };
  return decimalToNumber(perUnit);
}
