import { invoiceSchema } from './schema.js';

/** When a person has to look: a field that booking or paying needs is missing, or the total is high. */
const needsReview = [
  'output.document_type == null',
  'output.invoice_number == null',
  'output.issue_date == null',
  'output.due_date == null',
  'output.vendor.name == null',
  'output.buyer.reference == null',
  'output.currency == null',
  'output.net_amount == null',
  'output.tax_amount == null',
  'output.total_amount == null',
  // In the invoice's own currency. A firm with many currencies would compare in one.
  'output.total_amount > 10000.0',
].join(' || ');

/** The workflow of this example, as it is stored: extract an invoice, have it reviewed if needed, book it. */
export default {
  id: 'invoice-intake',
  name: 'Invoice intake',
  blocks: [
    {
      id: 'extract',
      type: 'extract',
      executor: { kind: 'function', name: 'extract_invoice' },
      json_schema: invoiceSchema,
      review: {
        name: 'Invoice check',
        instructions:
          'Compare with the document. Fill in what is missing, for instance the due date or the ' +
          'order the invoice belongs to; reject what we did not order.',
        when: needsReview,
      },
    },
    {
      id: 'book',
      type: 'task',
      needs: ['extract'],
      executor: { kind: 'function', name: 'book_invoice' },
    },
  ],
} as const;
