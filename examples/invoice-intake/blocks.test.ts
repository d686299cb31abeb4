import { describe, expect, test } from 'vitest';
import type { BlockContext } from '../../src/blocks.js';
import type { Json } from '../../src/domain/json.js';
import { checkExpression, evaluateExpression } from '../../src/rules/cel.js';
import { checkSchema, validate } from '../../src/rules/json-schema.js';
import { bookInvoice } from './booking.js';
import blocks from './blocks.js';
import { listInvoices, openInvoice } from './documents.js';
import { extractInvoice } from './extract.js';
import { InvoiceError } from './invoice-error.js';
import type { Invoice } from './invoice.js';
import { expected } from './invoices.expected.js';
import { invoiceSchema } from './schema.js';
import workflow from './workflow.js';

const context: BlockContext = {
  stepId: 'run_1_book',
  runId: 'run_1',
  attempt: 1,
  signal: new AbortController().signal,
  heartbeat: () => undefined,
};

const small = invoiceOf('de-linden-2026-0418.xml');
const creditNote = invoiceOf('quinta-do-alvor-NC-26-7.xml');

describe('extract_invoice', () => {
  test('takes a file of the example, and shows it to the reviewer', async () => {
    const input = { file: 'quill-and-daly-QD-26-118.pdf' };
    const { content_base64 } = await openInvoice(input.file);
    expect(await blocks.extract_invoice({ input, blocks: {} }, context)).toEqual({
      output: expected[input.file],
      source: `data:application/pdf;base64,${content_base64}`,
    });
  });

  test('takes a document that is sent along, and shows XML as plain text', async () => {
    const document = await openInvoice('de-linden-2026-0418.xml');
    const result = await blocks.extract_invoice({ input: { document }, blocks: {} }, context);
    expect(result).toEqual({
      output: small,
      source: `data:text/plain;charset=utf-8;base64,${document.content_base64}`,
    });
  });

  test.each([
    '../workflow.ts',
    '../../../package.json',
    '..%2fworkflow.ts',
    './de-linden-2026-0418.xml',
    'de-linden-2026-0418.xml\0.pdf',
    '/etc/passwd',
    String.raw`..\schema.ts`,
    'file:///etc/passwd',
    'nothing.xml',
    '',
  ])('refuses %j, which is no file of the example', async (file) => {
    const present = (await listInvoices()).join(', ');
    expect(await refusal({ file })).toBe(
      `bad_input there is no invoice file ${JSON.stringify(file)}; there are ${present}`,
    );
  });

  test.each([
    null,
    [],
    {},
    { file: 7 },
    { document: { name: 'x.xml', media_type: 'text/html', content_base64: '' } },
    { document: { name: 'x.xml', media_type: 'application/xml' } },
  ])('refuses the input %j', async (input) => {
    expect(await refusal(input)).toMatch(/^bad_input the input must be \{"file": name\} or/);
  });
});

describe('book_invoice', () => {
  test('books net and tax against the vendor', () => {
    const given = { input: null, blocks: { extract: small } };
    expect(blocks.book_invoice(given, context)).toEqual({
      booking_id: 'bkg_0ee1c70917d6a10b8d25',
      document_type: 'invoice',
      invoice_number: '2026-0418',
      vendor: 'Kantoorhuis De Linden B.V.',
      booked_on: '2026-03-02',
      due_date: '2026-04-01',
      reference: 'PO-2026-0291',
      currency: 'EUR',
      entries: [
        { account: '4000', name: 'Purchases', debit: 107.25, credit: 0 },
        { account: '1400', name: 'Input VAT', debit: 22.52, credit: 0 },
        { account: '2000', name: 'Trade payables', debit: 0, credit: 129.77 },
      ],
      total_debit: 129.77,
      total_credit: 129.77,
    });
  });

  test('books a credit note the other way round', () => {
    expect(bookInvoice(creditNote, 'step')).toMatchObject({
      entries: [
        { name: 'Purchases', debit: 0, credit: 153.6 },
        { name: 'Input VAT', debit: 0, credit: 9.22 },
        { name: 'Trade payables', debit: 162.82, credit: 0 },
      ],
    });
  });

  test('balances for every document, to the cent', () => {
    for (const invoice of Object.values(expected)) {
      const { entries, total_debit, total_credit } = bookInvoice(invoice, 'step');
      expect(total_debit).toBe(total_credit);
      expect(total_debit).toBe(invoice.total_amount);
      expect(entries.every(({ debit, credit }) => debit >= 0 && credit >= 0)).toBe(true);
    }
  });

  test('gives a repeat of the step the same record, and another step another id', () => {
    expect(bookInvoice(small, 'step_1')).toEqual(bookInvoice(structuredClone(small), 'step_1'));
    expect(bookInvoice(small, 'step_2').booking_id).not.toBe(
      bookInvoice(small, 'step_1').booking_id,
    );
  });

  test.each([
    [
      'sums that a correction broke',
      { total_amount: 192.77 },
      'inconsistent',
      '2026-0418: net amount plus tax comes to 129.77, the total amount is 192.77',
    ],
    [
      'an amount finer than a cent',
      { net_amount: 107.255 },
      'bad_value',
      'net_amount is finer than a cent: 107.255',
    ],
    [
      'what is still missing',
      { invoice_number: null, total_amount: null },
      'incomplete',
      'cannot be booked without invoice_number, total_amount',
    ],
    [
      'a field of the wrong type',
      { total_amount: '129.77' },
      'bad_value',
      'what was approved is not an invoice: invoice/total_amount must be number,null',
    ],
    [
      'a day that does not exist',
      { due_date: '2026-02-30' },
      'bad_value',
      'what was approved is not an invoice: invoice/due_date must match format "date"',
    ],
  ])('refuses %s', (_, correction, code, message) => {
    const attempt = (): unknown => bookInvoice({ ...small, ...correction }, 'step');
    expect(attempt).toThrow(expect.objectContaining({ code, message }));
    expect(attempt).toThrow(InvoiceError);
  });
});

describe('the workflow', () => {
  const when = workflow.blocks[0]?.review?.when ?? '';

  test('names functions that exist, and a schema that every document satisfies', () => {
    expect(workflow.blocks.map(({ executor }) => executor)).toEqual(
      Object.keys(blocks).map((name) => ({ kind: 'function', name })),
    );
    expect(checkSchema(invoiceSchema)).toEqual([]);
    for (const invoice of Object.values(expected)) {
      expect(validate(invoiceSchema, invoice)).toEqual([]);
    }
  });

  test('asks for a review of a high total and of a missing field, and of nothing else', () => {
    expect(checkExpression(when, 'output')).toBeNull();
    const reviewed = Object.keys(expected).filter((name) => opensReview(invoiceOf(name)));
    expect(reviewed).toEqual([
      'brandt-RE-20417.xml', // 11,921.13
      'hotel-kirchengarten-2026-1187.pdf', // no due date
      'roussel-F2026-0093.xml', // no reference
    ]);
  });

  test('asks for one wherever booking would lack a field', () => {
    const fields = [
      'document_type',
      'invoice_number',
      'issue_date',
      'currency',
      'net_amount',
      'tax_amount',
      'total_amount',
    ];
    for (const field of fields) {
      expect(opensReview({ ...small, [field]: null }), field).toBe(true);
    }
    expect(opensReview({ ...small, vendor: { ...small.vendor, name: null } })).toBe(true);
  });

  test.each([
    [10_000, false],
    [10_000.01, true],
  ])('a total of %d opens a review: %s', (total_amount, opens) => {
    expect(opensReview({ ...small, total_amount })).toBe(opens);
  });

  function opensReview(output: Invoice): boolean {
    return evaluateExpression(when, { output, likelihoods: null }, invoiceSchema).opens;
  }
});

test('the same document gives the same invoice each time', async () => {
  const document = await openInvoice('hotel-kirchengarten-2026-1187.pdf');
  const [one, two] = await Promise.all([extractInvoice(document), extractInvoice(document)]);
  expect(one).toEqual(two);
});

async function refusal(input: Json): Promise<string> {
  const attempt = async (): Promise<Json> => blocks.extract_invoice({ input, blocks: {} }, context);
  const error: unknown = await attempt().catch((thrown: unknown) => thrown);
  return error instanceof InvoiceError ? `${error.code} ${error.message}` : 'not refused';
}

function invoiceOf(name: string): Invoice {
  const invoice = expected[name];
  if (invoice === undefined) {
    throw new Error(`no such invoice: ${name}`);
  }
  return invoice;
}
