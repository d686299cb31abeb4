// `npx tsx examples/document-split/make-bundle.ts` writes the pile of this example; all firms are made up.
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { createPdf } from './pdf.js';

/** The pages of the pile: three invoices and a delivery note, as a scanner would pass them on. */
const PAGES = [
  [
    'Invoice',
    'Number: BK-311',
    'From: Bakkerij Kortekaas',
    'Bread and rolls for February',
    'Page 1 of 2',
  ],
  ['Continued from page 1', 'Coffee for the meeting room', 'Total: 129.90', 'Page 2 of 2'],
  [
    'Invoice',
    'Number: LS-2041',
    'From: Lindqvist Stationery',
    'Order: PO-2026-64',
    'Paper, 40 boxes',
    'Total: 812.00',
  ],
  ['Delivery note', 'Order: PO-2026-77', 'Two desks, delivered 3 March 2026'],
  ['Invoice', 'Number: MD-0098', 'From: Meubels De Dijk', 'Two desks', 'Total: 1460.00'],
];

/** The bytes of the pile. */
export function makeBundle(): Buffer {
  return createPdf(PAGES);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await writeFile(new URL('bundle.pdf', import.meta.url), makeBundle());
}
