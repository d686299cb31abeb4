import { describe, expect, test } from 'vitest';
import { changed, encode, pdfDocument, xmlDocument } from './changed-documents.js';
import { extractInvoice, type InvoiceDocument } from './extract.js';
import { InvoiceError } from './invoice-error.js';
import { expected } from './invoices.expected.js';
import { readPdfInvoice } from './pdf-invoice.js';
import { createPdfPage } from './pdf-page.js';
import { readPdfRows, type Row } from './pdf-text.js';

const UBL = 'de-linden-2026-0418.xml';
const CII = 'brandt-RE-20417.xml';
const TWO_RATES = 'norrviken-58214.xml';

describe('figures that contradict each other', () => {
  test.each([
    [
      'a line',
      UBL,
      '>48.50<',
      '>58.50<',
      'the amount of line 1 comes to 48.50, the document states 58.50',
    ],
    [
      'the lines',
      UBL,
      /107\.25(?=<\/cbc:LineExtensionAmount>)/,
      '107.26',
      'the sum of the lines comes to 107.25, the document states 107.26',
    ],
    [
      'the net amount',
      UBL,
      /107\.25(?=<\/cbc:TaxExclusiveAmount>)/,
      '170.25',
      'the net amount by the lines comes to 107.25, the document states 170.25',
    ],
    [
      'a VAT row',
      TWO_RATES,
      '>1002.38<',
      '>1020.38<',
      'the tax of VAT row 1 comes to 1002.38, the document states 1020.38',
    ],
    [
      'the VAT rows',
      TWO_RATES,
      '>1030.70<',
      '>1030.71<',
      'the sum of the VAT rows comes to 1030.70, the document states 1030.71',
    ],
    [
      'the base of VAT',
      TWO_RATES,
      '>236.00</cbc:TaxableAmount>',
      '>238.00</cbc:TaxableAmount>',
      'the net amount by the VAT rows comes to 4247.50, the document states 4245.50',
    ],
    [
      'the total',
      UBL,
      /129\.77(?=<\/cbc:TaxInclusiveAmount>)/,
      '129.78',
      'net amount plus tax comes to 129.77, the document states 129.78',
    ],
    [
      'the amount payable',
      TWO_RATES,
      '>5276.00<',
      '>5276.20<',
      'the amount payable comes to 5276.00, the document states 5276.20',
    ],
    [
      'the net amount, in CII',
      CII,
      '>204.44</ram:AllowanceTotalAmount>',
      '>204.45</ram:AllowanceTotalAmount>',
      'the net amount by the lines comes to 10017.75, the document states 10017.76',
    ],
    [
      'the total, in CII',
      CII,
      /11921\.13(?=<\/ram:GrandTotalAmount>)/,
      '1921.13',
      'net amount plus tax comes to 11921.13, the document states 1921.13',
    ],
    [
      'the currency',
      UBL,
      'currencyID="EUR">48.50',
      'currencyID="USD">48.50',
      'cbc:LineExtensionAmount is in USD, the document in EUR',
    ],
    [
      'two due dates',
      UBL,
      /<cbc:DueDate>.*/,
      '$&<cbc:DueDate>2027-04-01</cbc:DueDate>',
      'cbc:DueDate is both "2026-04-01" and "2027-04-01"',
    ],
  ])('are refused with both figures: %s', async (_, name, what, instead, message) => {
    expect(await refusal(await changed(name, what, instead))).toBe(
      `inconsistent ${name}: ${message}`,
    );
  });

  test('what is rounded line by line passes, as the standard lets it', async () => {
    const document = await changed(UBL, />22\.52</g, '>22.53<');
    const consistent = await changed(document, />129\.77</g, '>129.78<');
    expect(await extractInvoice(consistent)).toMatchObject({
      tax_amount: 22.53,
      total_amount: 129.78,
    });
  });
});

describe('values that cannot be understood', () => {
  test.each([
    [
      'finer than a cent',
      UBL,
      '>48.50<',
      '>48.505<',
      'cbc:LineExtensionAmount is finer than a cent: 48.505',
    ],
    [
      'written with a comma',
      UBL,
      '>48.50<',
      '>48,50<',
      'cbc:LineExtensionAmount is not a decimal number: "48,50"',
    ],
    [
      'with an exponent',
      UBL,
      '>48.50<',
      '>4.85e1<',
      'cbc:LineExtensionAmount is not a decimal number: "4.85e1"',
    ],
    [
      'beyond what JSON can carry',
      UBL,
      '>48.50<',
      '>12345678901234.00<',
      'cbc:LineExtensionAmount is too large to be an amount: 12345678901234.00',
    ],
    [
      'no day of the calendar',
      UBL,
      '>2026-04-01<',
      '>2026-02-30<',
      'cbc:DueDate is not a date: "2026-02-30"',
    ],
    [
      'a date in another format',
      CII,
      'format="102">20260408',
      'format="610">202604',
      'rsm:SupplyChainTradeTransaction/ram:ApplicableHeaderTradeSettlement/ram:SpecifiedTradePaymentTerms/ram:DueDateDateTime is in date format 610, not in 102',
    ],
    [
      'a price for nothing',
      CII,
      '>100</ram:BasisQuantity>',
      '>0</ram:BasisQuantity>',
      'a price is given for a quantity of 0',
    ],
  ])('are refused, not guessed: %s', async (_, name, what, instead, message) => {
    expect(await refusal(await changed(name, what, instead))).toBe(`bad_value ${name}: ${message}`);
  });
});

describe('hostile XML', () => {
  test('entities that multiply are never expanded', async () => {
    const entities = Array.from(
      { length: 9 },
      (_, i) => `<!ENTITY e${i + 1} "${`&e${i};`.repeat(10)}">`,
    );
    const prolog = `<!DOCTYPE Invoice [<!ENTITY e0 "ha">${entities.join('')}]>`;
    const document = await changed(
      await changed(UBL, '<Invoice', `${prolog}<Invoice`),
      '>2026-0418<',
      '>&e9;<',
    );
    expect(await refusal(document)).toMatch(
      /^unreadable de-linden.*: Named entity isn't defined: &e9;/,
    );
  });

  test('an entity of a file or an address is never opened', async () => {
    for (const place of [new URL(import.meta.url).href, 'http://127.0.0.1:9/']) {
      const prolog = `<!DOCTYPE Invoice [<!ENTITY x SYSTEM "${place}">]>`;
      const document = await changed(
        await changed(UBL, '<Invoice', `${prolog}<Invoice`),
        '>2026-0418<',
        '>&x;<',
      );
      expect(await refusal(document)).toMatch(/^unreadable .*: Named entity isn't defined: &x;/);
    }
  });

  test('a document type declaration is refused, even if nothing uses it', async () => {
    const document = await changed(
      UBL,
      '<Invoice',
      '<!DOCTYPE Invoice SYSTEM "http://127.0.0.1:9/x.dtd"><Invoice',
    );
    expect(await refusal(document)).toBe(
      `unreadable ${UBL}: has a document type declaration, which no invoice needs`,
    );
  });

  test.each([60, 100_000])('%d levels of nesting are refused', async (levels) => {
    const xml = '<a>'.repeat(levels) + '</a>'.repeat(levels);
    expect(await refusal(xmlDocument(xml))).toBe('unreadable x.xml: is nested too deeply');
  });

  test('many namespaces around many elements cost their sum, not their product', async () => {
    const around = Array.from({ length: 20_000 }, (_, i) => `xmlns:n${i}="u"`).join(' ');
    const document = xmlDocument(`<a ${around}>${'<b xmlns:c="u"/>'.repeat(30_000)}</a>`);
    expect(await refusal(document)).toMatch(/^not_an_invoice /);
  });

  test('keys such as __proto__ are names like any other', async () => {
    const document = await changed(
      UBL,
      '<cbc:ID>',
      '<__proto__><due_date>x</due_date></__proto__><cbc:ID constructor="x">',
    );
    expect(await extractInvoice(document)).toEqual(expected[UBL]);
  });
});

describe('what is no invoice', () => {
  test.each([
    [
      'an order',
      xmlDocument('<Order xmlns="urn:example:order"/>'),
      'not_an_invoice x.xml: is neither a UBL invoice or credit note nor a CII invoice: its root is {urn:example:order}:Order',
    ],
    [
      'an invoice of no namespace',
      xmlDocument('<Invoice/>'),
      'not_an_invoice x.xml: is neither a UBL invoice or credit note nor a CII invoice: its root is {}:Invoice',
    ],
    [
      'broken XML',
      xmlDocument('<Invoice><a></Invoice>'),
      'unreadable x.xml: is not well-formed XML: Missing end tag for element a (line 1, column 13)',
    ],
    [
      'plain text',
      xmlDocument('Dear Sir or Madam'),
      'unreadable x.xml: is not well-formed XML: Root element is missing or invalid (line 1, column 1)',
    ],
    [
      'text that is not UTF-8',
      { ...xmlDocument(''), content_base64: encode(Buffer.from('<a>\xe9</a>', 'latin1')) },
      'unreadable x.xml: is not text in utf-8',
    ],
    [
      'an unknown encoding',
      xmlDocument('<?xml version="1.0" encoding="x-none"?><a/>'),
      'unreadable x.xml: is not text in x-none',
    ],
    [
      'a content that is not base64',
      { ...xmlDocument(''), content_base64: '<Invoice/>' },
      'bad_input x.xml: has a content that is not base64',
    ],
    [
      'two megabytes and more',
      { ...xmlDocument(''), content_base64: 'A'.repeat(2_700_000) },
      'bad_input x.xml: is over 2000000 bytes',
    ],
    [
      'a PDF that is none',
      pdfDocument(Buffer.from('%PDF-1.7 and no more')),
      'unreadable x.pdf: is not a readable PDF: Invalid PDF structure.',
    ],
    [
      'a PDF without text',
      pdfDocument(createPdfPage('Empty').toBytes()),
      'unreadable x.pdf: is a PDF without any text, perhaps a scan',
    ],
    [
      'a letter as PDF',
      pdfDocument(letter()),
      'not_an_invoice x.pdf: is a PDF that does not read as an invoice',
    ],
  ])('gets a clear error: %s', async (_, document, message) => {
    expect(await refusal(document)).toBe(message);
  });

  test('a PDF that keeps the parser busy is given up at a deadline', async () => {
    const page = createPdfPage('Busy');
    const bytes = Buffer.from(
      page
        .toBytes()
        .toString('latin1')
        .replace('<< /Length 1 >>\nstream\n\n', () => {
          const content = 'q '.repeat(250_000);
          return `<< /Length ${content.length} >>\nstream\n${content}\n`;
        }),
      'latin1',
    );
    await expect(readPdfRows(bytes, 700)).rejects.toThrow(
      'is not a readable PDF: it takes over 0.7 seconds',
    );
  });
});

describe('rows of a PDF', () => {
  const heading = row('Description', 'Quantity', 'Unit price', 'Amount');

  test.each<{ what: string; above?: Row; line?: Row; message: string }>([
    {
      what: 'a number in the continental form',
      line: row('Work', '1', '1.234,56', '1.234,56'),
      message: 'a unit price is not a decimal number: "1.234,56"',
    },
    {
      what: 'a row of three cells',
      line: row('Work', '1', '9.00'),
      message: 'a row of the table cannot be read: "Work | 1 | 9.00"',
    },
    {
      what: 'a month that does not exist',
      above: row('Invoice date', '9 Marz 2026'),
      message: 'invoice date is not a date: "9 Marz 2026"',
    },
    {
      what: 'a label that comes twice',
      above: row('Due date', '2026-04-01'),
      message: '"due date" is given 2 times',
    },
  ])('are refused where they cannot be read: $what', ({ above = [], line = [], message }) => {
    const known = row('Due date', '2026-04-08');
    const rows = [row('Invoice'), known, above, heading, line].filter(({ length }) => length > 0);
    expect(() => readPdfInvoice(rows)).toThrow(message);
  });

  test('a title alone makes an invoice of nulls', () => {
    expect(readPdfInvoice([row('Invoice'), heading])).toMatchObject({
      document_type: 'invoice',
      invoice_number: null,
      vendor: { name: null, vat_id: null, country: null },
      currency: null,
      lines: [],
    });
  });
});

function row(...texts: string[]): Row {
  return texts.map((text, index) => ({ text, x: 50 + 100 * index }));
}

function letter(): Buffer {
  const page = createPdfPage('Letter');
  page.text('Dear Sir or Madam, your invoice will follow.', { x: 56, y: 700 });
  return page.toBytes();
}

async function refusal(document: InvoiceDocument): Promise<string> {
  const error: unknown = await extractInvoice(document).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(InvoiceError);
  return error instanceof InvoiceError ? `${error.code} ${error.message}` : '';
}
