import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { createPdfPage } from './pdf-page.js';

/** What a PDF invoice of this example says, as it is printed. */
type PrintedInvoice = {
  readonly fields: readonly (readonly [label: string, ...answer: string[]])[];
  /** A description of several entries is printed on as many rows. */
  readonly lines: readonly (readonly [
    description: readonly string[],
    quantity: string,
    unitPrice: string,
    amount: string,
  ])[];
  readonly totals: readonly (readonly [label: string, amount: string])[];
  readonly notes: readonly string[];
};

const translations: PrintedInvoice = {
  fields: [
    ['From', 'Quill & Daly Translations Ltd', '14 Fenian Street', 'Dublin 2', 'Ireland'],
    ['VAT ID', 'IE1234567X'],
    ['Bill to', 'Havenkade Trading B.V.', 'Westerdoksdijk 411', '1013 AD Amsterdam', 'Netherlands'],
    ['Your reference', 'PO-2026-0317'],
    ['Invoice number', 'QD-26-118'],
    ['Invoice date', '9 March 2026'],
    ['Due date', '8 April 2026'],
  ],
  lines: [
    [['Translation German to English,', 'operating manual HA-40'], '3,200 words', '0.14', '448.00'],
    [['Proofreading'], '2.5 hours', '58.00', '145.00'],
  ],
  totals: [
    ['Net total', '593.00'],
    ['VAT 0% on 593.00', '0.00'],
    ['VAT total', '0.00'],
    ['Total EUR', '593.00'],
  ],
  notes: [
    'Reverse charge: VAT is to be accounted for by the recipient.',
    'Please transfer the total by the due date.',
  ],
};

const hotel: PrintedInvoice = {
  fields: [
    ['From', 'Hotel Kirchengarten GmbH', 'Kirchengasse 41', '1070 Wien', 'Austria'],
    ['VAT ID', 'ATU12345678'],
    ['Bill to', 'Havenkade Trading GmbH', 'Am Sandtorkai 60', '20457 Hamburg', 'Germany'],
    ['Your reference', 'PO-2026-0322'],
    ['Invoice number', '2026/1187'],
    ['Invoice date', '6 March 2026'],
  ],
  lines: [
    [['Double room, 3 guests, 4 to 6 March'], '6 nights', '118.00', '708.00'],
    [['Meeting room, full day'], '1', '240.00', '240.00'],
  ],
  totals: [
    ['Net total', '948.00'],
    ['VAT 10% on 708.00', '70.80'],
    ['VAT 20% on 240.00', '48.00'],
    ['VAT total', '118.80'],
    ['Total EUR', '1,066.80'],
  ],
  notes: ['Payable on receipt. Thank you for staying with us.'],
};

/** The PDF invoices of this example by file name; each call gives the same bytes. */
export function makeInvoices(): ReadonlyMap<string, Buffer> {
  return new Map([
    ['hotel-kirchengarten-2026-1187.pdf', print(hotel)],
    ['quill-and-daly-QD-26-118.pdf', print(translations)],
  ]);
}

const COLUMN = { left: 56, answer: 160, quantity: 300, price: 460, amount: 539 };

function print({ fields, lines, totals, notes }: PrintedInvoice): Buffer {
  const page = createPdfPage('Invoice');
  let y = 770;
  page.text('Invoice', { x: COLUMN.left, y, size: 20, bold: true });
  y -= 22;
  for (const [label, ...answer] of fields) {
    y -= 8;
    page.text(label, { x: COLUMN.left, y, bold: true });
    for (const row of answer) {
      page.text(row, { x: COLUMN.answer, y });
      y -= 14;
    }
  }
  y -= 26;
  page.text('Description', { x: COLUMN.left, y, bold: true });
  page.text('Quantity', { x: COLUMN.quantity, y, bold: true });
  page.text('Unit price', { x: COLUMN.price - 48, y, bold: true });
  page.text('Amount', { x: COLUMN.amount - 38, y, bold: true });
  page.rule(y - 6);
  y -= 22;
  for (const [[description = '', ...more], quantity, unitPrice, amount] of lines) {
    page.text(description, { x: COLUMN.left, y });
    page.text(quantity, { x: COLUMN.quantity, y });
    page.text(unitPrice, { x: COLUMN.price, y, align: 'right' });
    page.text(amount, { x: COLUMN.amount, y, align: 'right' });
    for (const row of more) {
      y -= 14;
      page.text(row, { x: COLUMN.left, y });
    }
    y -= 18;
  }
  page.rule(y + 8);
  y -= 10;
  for (const [label, amount] of totals) {
    page.text(label, { x: COLUMN.quantity, y, bold: label.startsWith('Total') });
    page.text(amount, { x: COLUMN.amount, y, align: 'right' });
    y -= 16;
  }
  y -= 16;
  for (const note of notes) {
    page.text(note, { x: COLUMN.left, y, size: 9 });
    y -= 13;
  }
  return page.toBytes();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = new URL('invoices/', import.meta.url);
  await mkdir(folder, { recursive: true });
  for (const [name, content] of makeInvoices()) {
    await writeFile(new URL(name, folder), content);
  }
}
