import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { changed, encode, xmlOf } from './changed-documents.js';
import { listInvoices, openInvoice } from './documents.js';
import { extractInvoice } from './extract.js';
import { expected } from './invoices.expected.js';
import { makeInvoices } from './make-invoices.js';

const UBL = 'de-linden-2026-0418.xml';
const CII = 'brandt-RE-20417.xml';
const TWO_RATES = 'norrviken-58214.xml';

describe('the documents of the example', () => {
  test('are exactly those that are expected', async () => {
    expect(await listInvoices()).toEqual(Object.keys(expected));
  });

  test.each(Object.entries(expected))('%s is read as it is printed', async (name, invoice) => {
    expect(await extractInvoice(await openInvoice(name))).toEqual(invoice);
  });

  test('the PDF files are what the script writes', async () => {
    for (const [name, content] of makeInvoices()) {
      const kept = await readFile(new URL(`invoices/${name}`, import.meta.url));
      expect(kept.equals(content), name).toBe(true);
    }
  });
});

describe('what a document does not say', () => {
  test.each([
    ['the number', UBL, '<cbc:ID>2026-0418</cbc:ID>', { invoice_number: null }],
    ['the issue date', UBL, /<cbc:IssueDate>.*/, { issue_date: null }],
    ['the due date', UBL, /<cbc:DueDate>.*/, { due_date: null }],
    ['the currency', UBL, /<cbc:DocumentCurrencyCode>.*/, { currency: null }],
    [
      'the order',
      UBL,
      'PO-2026-0291',
      { buyer: { name: 'Havenkade Trading B.V.', reference: null } },
    ],
    ['the total', UBL, /<cbc:TaxInclusiveAmount.*/, { total_amount: null }],
    [
      'the due date, in CII',
      CII,
      /<ram:DueDateDateTime>[^]*?<\/ram:DueDateDateTime>/,
      { due_date: null },
    ],
    ['the kind, in CII', CII, '<ram:TypeCode>380</ram:TypeCode>', { document_type: null }],
    ['the total, in CII', CII, /<ram:GrandTotalAmount>.*/, { total_amount: null }],
  ])('%s is null', async (_, name, what, fields) => {
    expect(await extractInvoice(await changed(name, what, ''))).toMatchObject(fields);
  });

  test('a missing tax total is null, even where net and total are known', async () => {
    const document = await changed(UBL, /<cac:TaxTotal>[^]*?<\/cac:TaxTotal>/, '');
    expect(await extractInvoice(document)).toMatchObject({
      tax_amount: null,
      total_amount: 129.77,
    });
  });
});

describe('the ways to write the same', () => {
  test('other prefixes for the namespaces make no difference', async () => {
    const document = await changed(UBL, /\bcbc\b/g, 'b');
    expect(await extractInvoice(document)).toEqual(expected[UBL]);
  });

  test('an element of another namespace is not taken for an invoice field', async () => {
    const document = await changed(
      UBL,
      '<cbc:DueDate>2026-04-01</cbc:DueDate>',
      '<DueDate xmlns="urn:example:other">2026-04-01</DueDate>',
    );
    expect(await extractInvoice(document)).toMatchObject({ due_date: null });
  });

  test('a document in ISO 8859-1 keeps its letters', async () => {
    const xml = (await xmlOf(CII)).replace('UTF-8', 'ISO-8859-1');
    const document = {
      ...(await openInvoice(CII)),
      content_base64: encode(Buffer.from(xml, 'latin1')),
    };
    expect(await extractInvoice(document)).toEqual(expected[CII]);
  });

  test('an invoice with the type code of a credit note is one', async () => {
    const document = await changed(CII, '<ram:TypeCode>380<', '<ram:TypeCode>381<');
    expect(await extractInvoice(document)).toMatchObject({ document_type: 'credit_note' });
  });

  test('a tax total in the currency of the tax authority is passed over', async () => {
    const total =
      '<cac:TaxTotal><cbc:TaxAmount currencyID="EUR">92.10</cbc:TaxAmount></cac:TaxTotal>';
    const document = await changed(TWO_RATES, '<cac:LegalMonetaryTotal>', `${total}$&`);
    expect(await extractInvoice(document)).toEqual(expected[TWO_RATES]);
  });

  test('charges and allowances of a line belong to its amount', async () => {
    const document = await changed(
      UBL,
      '<cbc:LineExtensionAmount currencyID="EUR">48.50</cbc:LineExtensionAmount>',
      `<cbc:LineExtensionAmount currencyID="EUR">48.50</cbc:LineExtensionAmount>
       <cac:AllowanceCharge><cbc:ChargeIndicator>true</cbc:ChargeIndicator><cbc:Amount currencyID="EUR">3.00</cbc:Amount></cac:AllowanceCharge>
       <cac:AllowanceCharge><cbc:ChargeIndicator>false</cbc:ChargeIndicator><cbc:Amount currencyID="EUR">3.00</cbc:Amount></cac:AllowanceCharge>`,
    );
    expect(await extractInvoice(document)).toEqual(expected[UBL]);
  });
});
