import { block, defineWorkflow, fn } from '../../src/index.js';
import { invoiceSchema } from './schema.js';

const extract = block
  .extract('extract', {
    executor: fn('extract_invoice'),
    schema: invoiceSchema,
  })
  .review({
    title: 'Invoice check',
    instructions:
      'Compare with the document. Fill in what is missing, for instance the due date or the ' +
      'order the invoice belongs to; reject what we did not order.',
    // A person has to look when a field that booking or paying needs is missing, or the total is high.
    when: ({ output }) =>
      output.document_type.isNull().or(
        output.invoice_number.isNull(),
        output.issue_date.isNull(),
        output.due_date.isNull(),
        output.vendor.name.isNull(),
        output.buyer.reference.isNull(),
        output.currency.isNull(),
        output.net_amount.isNull(),
        output.tax_amount.isNull(),
        output.total_amount.isNull(),
        // In the invoice's own currency. A firm with many currencies would compare in one.
        output.total_amount.gt(10_000),
      ),
  });

const book = block.task('book', { needs: [extract], executor: fn('book_invoice') });

/** The workflow of this example: extract an invoice, have it reviewed if needed, book it. */
export default defineWorkflow({
  id: 'invoice-intake',
  name: 'Invoice intake',
  blocks: [extract, book],
});
