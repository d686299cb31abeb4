import { createHash } from 'node:crypto';
import { defineBlocks } from '../../src/index.js';
import { readInvoice, splitPages } from './invoices.js';
import { readPages } from './read-pages.js';
import workflow from './workflow.js';

// #region functions
export default defineBlocks(workflow, {
  read_pages: async () => ({ pages: await readPages() }),

  split_pages: ({ blocks }) => ({ documents: splitPages(blocks.pages.pages) }),

  /** What the loop goes over: the documents as people approved them. */
  list_documents: ({ blocks }) =>
    blocks.split.documents.map(({ name, pages }) => ({ name, pages })),

  /** `input` is one document. The text of its pages comes from outside the loop. */
  read_invoice: ({ input, blocks }) => readInvoice(blocks.pages.pages, input),

  /** Books what was approved; the same step gives the same booking, however often it is tried. */
  book_part: ({ blocks }, { stepId }) => {
    const { number, order, total } = blocks.read;
    if (number === null || total === null) {
      throw new Error('an invoice without a number or a total cannot be booked');
    }
    const booking = createHash('sha256').update(stepId).digest('hex').slice(0, 12);
    return { booking: `bkg_${booking}`, number, order, total };
  },

  /** Dropped invoices are not among the iterations. */
  list_booked: ({ blocks }) => ({
    booked: blocks.each.iterations.map(({ output }) => output),
  }),
});
// #endregion functions
