import { defineBlocks } from '../../src/index.js';
import { bookInvoice } from './booking.js';
import { documentOf, linkTo } from './documents.js';
import { extractInvoice } from './extract.js';
import workflow from './workflow.js';

// #region functions
export default defineBlocks(workflow, {
  /** Reads the document that the run was started with; a reviewer sees it beside the result. */
  extract_invoice: async ({ input }) => {
    const document = await documentOf(input);
    return { output: await extractInvoice(document), source: linkTo(document) };
  },

  /** Books what `extract` let through: its own output, or the version that people approved. */
  book_invoice: ({ blocks }, { stepId }) => bookInvoice(blocks.extract, stepId),
});
// #endregion functions
